"""Even bumps of finite area that decay exponentially or like a Gaussian."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, lava, norse, sinabs, snntorch, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import U, even, two_sided
from ..surrogate import Surrogate, register

a, k, kn, beta, sigma = sp.symbols("alpha slope k beta sigma", positive=True)
s, grad_width, grad_scale, spike_threshold = sp.symbols("s grad_width grad_scale spike_threshold", positive=True)
tau_rho, scale_rho, tau_grad, scale_grad, threshold = sp.symbols(
    "tau_rho scale_rho tau_grad scale_grad threshold", positive=True
)
h = sp.Symbol("h", nonnegative=True)
centre = sp.Symbol("centre", real=True)
MU = Param("mu", Fraction(0), "real", letter="centre")
ALPHA_1, ALPHA_2, ALPHA_4 = (Param("alpha", Fraction(default)) for default in (1, 2, 4))


def _normal(distance: sp.Expr, deviation: sp.Expr) -> sp.Expr:
    return sp.exp(-(distance**2) / (2 * deviation**2)) / (deviation * sp.sqrt(2 * sp.pi))


def _multi_gaussian(x: sp.Expr) -> sp.Expr:
    return (1 + h) * _normal(x - centre, sigma) - h * (_normal(x - sigma, s * sigma) + _normal(x + sigma, s * sigma))


register(
    Surrogate(
        name="sigmoid",
        params=(ALPHA_4,),
        derivative=even(a * sp.exp(-a * U) / (1 + sp.exp(-a * U)) ** 2),
        summary="derivative of the logistic function s(αx): α s (1 − s), area 1",
        refs=("Zenke & Vogels 2021, doi:10.1162/neco_a_01367",),
        equivalents=(
            spikingjelly("Sigmoid", ALPHA_4, mapping={"alpha": a}),
            snntorch(
                "sigmoid",
                Param("slope", Fraction(25)),
                mapping={"alpha": k},
                note="snntorch 1.0.0 evaluates it as NaN far below threshold (float32: x <= -3.42 at slope 25)",
            ),
            stork(
                "CustomSpike",
                Param("beta", Fraction(10)),
                variant="sigmoid",
                mapping={"alpha": beta},
                note=f"surrogate_type sigmoid; {STORK_GLOBAL}",
            ),
        ),
    )
)

register(
    Surrogate(
        name="tanh",
        params=(Param("slope", Fraction(1)),),
        derivative=even(4 * sp.exp(-2 * k * U) / (1 + sp.exp(-2 * k * U)) ** 2),
        summary="sech²(kx), peak 1",
        refs=("Chang, Wang & Yang 2024, arXiv:2411.18250",),
        equivalents=(
            norse("heavi_tanh_fn", Param("k"), mapping={"slope": kn}, note="neurons pass alpha = 100 as k"),
            norse("logistic_fn", Param("k"), mapping={"slope": kn}, note="random spikes, deterministic gradient"),
            spyx("tanh", Param("k", Fraction(1)), mapping={"slope": kn}, note="the gradient of tanh(kx)/k"),
        ),
    )
)

register(
    Surrogate(
        name="erf",
        params=(ALPHA_2,),
        derivative=even(a / sp.sqrt(sp.pi) * sp.exp(-(a**2) * U**2)),
        summary="a Gaussian of standard deviation 1/(α√2), area 1",
        refs=("Fang et al. 2023, doi:10.1126/sciadv.adi1480",),
        equivalents=(
            spikingjelly("Erf", ALPHA_2, mapping={"alpha": a}),
            norse(
                "heavi_erfc_fn",
                Param("k"),
                scale=2 / kn,
                mapping={"alpha": kn},
                note="peak 2/√π whatever k; neurons pass alpha = 100 as k",
            ),
        ),
    )
)

register(
    Surrogate(
        name="exponential",
        params=(ALPHA_1,),
        derivative=even(a / 2 * sp.exp(-a * U)),
        summary="(α/2) exp(−α|x|), area 1",
        refs=("Shrestha & Orchard 2018 (SLAYER), arXiv:1810.08646",),
        equivalents=(
            spikingjelly("PiecewiseExp", ALPHA_1, mapping={"alpha": a}),
            sinabs(
                "SingleExponential",
                Param("grad_width", Fraction(1, 2)),
                Param("grad_scale", Fraction(1)),
                Param("spike_threshold", Fraction(1)),
                scale=2 * grad_scale,
                mapping={"alpha": 1 / (grad_width * spike_threshold)},
                note="the threshold is the neuron's; area 2 grad_scale",
            ),
            lava(
                "Spike",
                Param("tau_rho"),
                Param("scale_rho"),
                scale=scale_rho,
                mapping={"alpha": 1 / tau_rho},
                note="graded_spike=False; neurons pass their own multiples, see lava-dl.Neuron",
            ),
            lava(
                "Neuron",
                Param("tau_grad", Fraction(1)),
                Param("scale_grad", Fraction(1)),
                Param("threshold"),
                module="lava.lib.dl.slayer.neuron.cuba",
                scale=scale_grad / 10,
                mapping={"alpha": 1 / (100 * tau_grad * threshold)},
                note="the spike of cuba neurons (also alif, rf_iz, adrf, adrf_iz), which pass 100 tau_grad threshold as "
                "tau_rho and scale_grad/10 as scale_rho",
            ),
        ),
    )
)

register(
    Surrogate(
        name="gaussian",
        params=(Param("sigma", Fraction(1, 2)), Param("centre", Fraction(0), "real")),
        derivative=two_sided(_normal(U - centre, sigma), _normal(U + centre, sigma)),
        summary="the normal density of mean c and standard deviation σ, area 1",
        refs=("Yin, Corradi & Bohté 2021, doi:10.1038/s42256-021-00397-w",),
        equivalents=(
            sinabs(
                "Gaussian",
                MU,
                Param("sigma", Fraction(1, 2)),
                Param("grad_scale", Fraction(1)),
                scale=grad_scale,
                mapping={"sigma": sigma, "centre": MU.symbol},
                note="sinabs writes √(2π) in float32",
            ),
        ),
    )
)

register(
    Surrogate(
        name="multi_gaussian",
        params=(
            Param("sigma", Fraction(1, 2)),
            Param("h", Fraction(3, 20), "nonnegative"),
            Param("s", Fraction(6)),
            Param("centre", Fraction(0), "real"),
        ),
        derivative=two_sided(_multi_gaussian(U), _multi_gaussian(-U)),
        summary="(1 + h) N(x; c, σ²) − h N(x; σ, s²σ²) − h N(x; −σ, s²σ²), area 1 − h, negative away from 0",
        refs=("Yin, Corradi & Bohté 2021, doi:10.1038/s42256-021-00397-w",),
        equivalents=(
            sinabs(
                "MultiGaussian",
                MU,
                Param("sigma", Fraction(1, 2)),
                Param("h", Fraction(3, 20), "nonnegative"),
                Param("s", Fraction(6)),
                Param("grad_scale", Fraction(1)),
                scale=grad_scale,
                mapping={"sigma": sigma, "h": h, "s": s, "centre": MU.symbol},
                note="mu moves the middle one alone; sinabs writes √(2π) in float32",
            ),
        ),
    )
)
