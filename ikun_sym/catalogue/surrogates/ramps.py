"""Constants, steps, ramps and 1/|x|: none of finite area but `zero`."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, lava, norse, sinabs, snntorch, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import PiecewiseFunction, U, between, even, one_side, two_sided
from ..surrogate import Surrogate, Values, register

a, k, kn, beta, w = sp.symbols("alpha slope k beta w", positive=True)
threshold, spike_threshold = sp.symbols("threshold spike_threshold", positive=True)
leak, c, leak_alpha = sp.symbols("leak c alpha", nonnegative=True)
window = sp.Symbol("window", real=True)
ALPHA_1 = Param("alpha", Fraction(1))
LEAKY = (Param("w", Fraction(1)), Param("c", Fraction(1, 100), "nonnegative"))

STEP_SHOWN = {"window": Fraction(1)}


def _step(values: Values) -> PiecewiseFunction:
    return between(-window, sp.oo, sp.S.One, sp.S.One, {window: values["window"]})


register(
    Surrogate(
        name="zero",
        derivative=even(0),
        summary="0: no gradient passes",
        equivalents=(
            snntorch(
                "SpikingNeuron._surrogate_bypass",
                module="snntorch._neurons.neurons",
                note="surrogate_disable=True: the spike has no autograd node",
            ),
            norse(
                "heaviside",
                module="norse.torch.functional.heaviside",
                note="no autograd node: backward raises where it is the only path",
            ),
        ),
    )
)

register(
    Surrogate(
        name="linear",
        params=(Param("slope", Fraction(1)),),
        derivative=even(k),
        summary="constant k: the straight-through estimator",
        slope="",
        refs=("Bengio, Léonard & Courville 2013, arXiv:1308.3432",),
        equivalents=(
            spikingjelly("DeterministicPass", mapping={"slope": sp.S.One}),
            spikingjelly("PoissonPass", mapping={"slope": sp.S.One}, note="forward draws Bernoulli(x), x in [0, 1]"),
            snntorch("straight_through_estimator", mapping={"slope": sp.S.One}),
            sinabs("Quantize", mapping={"slope": sp.S.One}, note="forward rounds down"),
            sinabs("StochasticRounding", mapping={"slope": sp.S.One}, note="forward rounds at random"),
            lava(
                "Delta",
                Param("threshold"),
                Param("tau_grad", Fraction(1)),
                Param("scale_grad", Fraction(1)),
                module="lava.lib.dl.slayer.axon.delta",
                mapping={"slope": sp.S.One},
                note="sigma-delta: the gradient to the input; tau_grad and scale_grad shape only that to the threshold",
            ),
        ),
    )
)

register(
    Surrogate(
        name="leaky_k_relu",
        params=(Param("leak", Fraction(0), "nonnegative"), Param("k", Fraction(1))),
        derivative=two_sided(kn, leak),
        summary="k above the threshold, leak below",
        slope="k",
        equivalents=(
            spikingjelly(
                "LeakyKReLU",
                Param("leak", Fraction(0), "nonnegative"),
                Param("k", Fraction(1)),
                mapping={"leak": leak, "k": kn},
            ),
            snntorch("heaviside", mapping={"leak": sp.S.Zero, "k": sp.S.One}, note="the gradient is the spike itself"),
        ),
    )
)

register(
    Surrogate(
        name="shifted_step",
        params=(Param("window", Fraction(1), "real"),),
        derivative=_step(STEP_SHOWN),
        family=_step,
        summary="1 for x > −window, else 0",
        equivalents=(
            sinabs(
                "Heaviside",
                Param("window", Fraction(1), "real"),
                Param("spike_threshold", Fraction(1)),
                scale=1 / spike_threshold,
                mapping={"window": window},
                note="the threshold is the neuron's; window is in units of the membrane potential",
            ),
        ),
    )
)

register(
    Surrogate(
        name="piecewise_leaky_relu",
        params=(Param("w", Fraction(1)), Param("c", Fraction(1, 100), "nonnegative")),
        derivative=PiecewiseFunction(one_side(1, (1 / (2 * w), w), (c, sp.oo)) + one_side(-1, (1 / (2 * w), w), (c, sp.oo))),
        summary="1/(2w) for |x| < w, c outside; area 1 where c = 0",
        refs=("Wu et al. 2018, doi:10.3389/fnins.2018.00331",),
        equivalents=(
            spikingjelly("PiecewiseLeakyReLU", *LEAKY, mapping={"w": w, "c": c}),
            spikingjelly(
                "PiecewiseLeakyReLU",
                *LEAKY,
                version="0.0.0.0.14",
                tag="0.0.0.0.14",
                scale=sp.Integer(2),
                mapping={"w": w, "c": c / 2},
                note="this release has 1/w inside, twice what it documents; 2.0.0 fixed it",
            ),
        ),
    )
)

register(
    Surrogate(
        name="fake_numerical_gradient",
        params=(Param("alpha", Fraction(3, 10)),),
        derivative=PiecewiseFunction(one_side(1, (a, 1 / a), (1 / U, sp.oo)) + one_side(-1, (a, 1 / a), (1 / U, sp.oo))),
        summary="min(α, 1/|x|)",
        equivalents=(
            spikingjelly(
                "FakeNumericalGradient",
                Param("alpha", Fraction(3, 10)),
                mapping={"alpha": a},
                note="the library returns −∞ at x = −0.0",
            ),
        ),
    )
)

register(
    Surrogate(
        name="nonzero_sign_log_abs",
        params=(ALPHA_1,),
        derivative=even(a / (1 + a * U)),
        summary="1/(1/α + |x|)",
        equivalents=(spikingjelly("NonzeroSignLogAbs", ALPHA_1, mapping={"alpha": a}),),
    )
)

register(
    Surrogate(
        name="log_tailed_relu",
        params=(Param("alpha", Fraction(0), "nonnegative"),),
        derivative=PiecewiseFunction(one_side(1, (1, 1), (1 / U, sp.oo)) + one_side(-1, (leak_alpha, sp.oo))),
        summary="1/x for x > 1, 1 for 0 < x < 1, α below the threshold",
        refs=("Cai et al. 2017, arXiv:1702.00953",),
        equivalents=(spikingjelly("LogTailedReLU", Param("alpha", Fraction(0), "nonnegative"), mapping={"alpha": leak_alpha}),),
    )
)

register(
    Surrogate(
        name="hard_tanh",
        params=(Param("slope", Fraction(1)),),
        derivative=PiecewiseFunction(
            one_side(1, (1 + k * U, 1 / k), (2, sp.oo)) + one_side(-1, (1 - k * U, 1 / k), (0, sp.oo))
        ),
        summary="a ramp from 0 at x = −1/k to 2 at x = 1/k",
        equivalents=(
            stork(
                "HardTanhSpike",
                Param("beta", Fraction(100)),
                mapping={"slope": beta},
                note=f"1 + hardtanh(beta x), not its derivative; {STORK_GLOBAL}",
            ),
        ),
    )
)

register(
    Surrogate(
        name="identity",
        derivative=two_sided(U, -U),
        summary="x itself: unbounded, negative below the threshold",
        equivalents=(
            stork(
                "CustomSpike",
                variant="MultilayerSpiker",
                note="surrogate_type MultilayerSpiker: forward saves its input where backward expects the spikes",
            ),
            spyx("custom", note="without arguments; with bwd=… the gradient is the user's"),
        ),
    )
)

register(
    Surrogate(
        name="sign",
        derivative=two_sided(1, -1),
        summary="1 above the threshold, −1 below",
        equivalents=(
            snntorch(
                "triangular",
                Param("threshold", Fraction(1)),
                scale=-threshold,
                note="no triangle: +threshold below the threshold, −threshold above, everywhere",
            ),
        ),
    )
)
