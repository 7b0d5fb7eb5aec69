"""Periodic, on one side or on both."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, sinabs, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import PeriodicTail, PiecewiseFunction, R, U, even, one_side
from ..surrogate import Surrogate, Values, register

k, kn, beta, period, frequency = sp.symbols("slope k beta T_period frequency", positive=True)
threshold = sp.Symbol("threshold", positive=True)
grad_width, grad_scale, spike_threshold = sp.symbols("grad_width grad_scale spike_threshold", positive=True)
terms = sp.Symbol("n", integer=True, positive=True)
SQUAREWAVE_SHOWN = {"n": Fraction(2)}


def _squarewave(values: Values) -> PiecewiseFunction:
    harmonics = range(1, int(values["n"]))
    total = sp.Add(*(sp.cos(2 * sp.pi * (2 * i - 1) * U / period) for i in harmonics))
    return even(4 * total / period)


def _cosine_arches(side: int, envelope: sp.Expr) -> PeriodicTail:
    wave = sp.cos(2 * sp.pi * frequency * R) * envelope
    quarter = 1 / (4 * frequency)
    return PeriodicTail(side, sp.S.Zero, 1 / frequency, ((quarter, wave), (3 * quarter, sp.S.Zero), (1 / frequency, wave)))


register(
    Surrogate(
        name="squarewave_fourier_series",
        params=(Param("n", Fraction(2), "count"), Param("T_period", Fraction(8))),
        derivative=_squarewave(SQUAREWAVE_SHOWN),
        family=_squarewave,
        summary="(4/T) Σ cos(2π(2i − 1)x/T), i = 1 … n − 1: n − 1 harmonics of a square wave",
        equivalents=(
            spikingjelly(
                "SquarewaveFourierSeries",
                Param("n", Fraction(2), "count"),
                Param("T_period", Fraction(8)),
                mapping={"n": terms, "T_period": period},
                note="n − 1 harmonics: n = 1 gives no gradient",
            ),
        ),
    )
)

register(
    Surrogate(
        name="periodic_exponential",
        params=(Param("grad_width", Fraction(1, 2)), Param("spike_threshold", Fraction(1))),
        derivative=PiecewiseFunction(
            one_side(-1, (sp.exp(-U / grad_width), sp.oo)),
            (
                PeriodicTail(
                    1,
                    sp.S.Zero,
                    spike_threshold,
                    (
                        (spike_threshold / 2, sp.exp(-2 * R / grad_width)),
                        (spike_threshold, sp.exp(-2 * (spike_threshold - R) / grad_width)),
                    ),
                ),
            ),
        ),
        summary="exp(x/w) below the threshold; above, a peak exp(−2|x − nθ|/w) at every multiple of θ",
        refs=("Weidel & Sheik 2021, arXiv:2111.01456",),
        equivalents=(
            sinabs(
                "PeriodicExponential",
                Param("grad_width", Fraction(1, 2)),
                Param("grad_scale", Fraction(1)),
                Param("spike_threshold", Fraction(1)),
                scale=grad_scale,
                mapping={"grad_width": grad_width, "spike_threshold": spike_threshold},
                note="the threshold is the neuron's; decays twice as fast above it as below",
            ),
        ),
    )
)

register(
    Surrogate(
        name="multi_spike",
        params=(Param("slope", Fraction(100)),),
        derivative=PiecewiseFunction(
            one_side(-1, ((1 + k * U) ** (-2), sp.oo)),
            (
                PeriodicTail(
                    1,
                    sp.S.Zero,
                    sp.S.One,
                    ((sp.S.Half, (1 + k * R) ** (-2)), (sp.S.One, (1 + k * (1 - R)) ** (-2))),
                ),
            ),
        ),
        summary="1/(1 + k|x − n|)², n the whole number nearest to x, not below 0",
        equivalents=(
            stork(
                "MultiSpike",
                Param("beta", Fraction(100)),
                mapping={"slope": beta},
                note=f"the spikes stop at maxspk, the gradient does not; {STORK_GLOBAL}",
            ),
        ),
    )
)

register(
    Surrogate(
        name="refractory_logistic",
        params=(Param("slope", Fraction(50)), Param("frequency", Fraction(1))),
        derivative=PiecewiseFunction(
            (), (_cosine_arches(1, 1 / (1 + sp.exp(-k * U))), _cosine_arches(-1, sp.exp(-k * U) / (1 + sp.exp(-k * U))))
        ),
        summary="max(cos(2πνx), 0) times the logistic function of kx",
        equivalents=(
            spyx(
                "refractory_sigmoid_bernoulli",
                Param("k", Fraction(50)),
                Param("threshold", Fraction(1)),
                module="spyx.experimental.stochastic",
                mapping={"slope": kn, "frequency": threshold},
                note="random spikes; the gradient is the firing probability itself; x is the potential minus threshold",
            ),
        ),
    )
)
