"""Even bumps of finite area whose tails fall like a power of |x|."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, norse, snntorch, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import U, even
from ..surrogate import Surrogate, register

a, k, kn, beta = sp.symbols("alpha slope k beta", positive=True)
ALPHA_1, ALPHA_2 = (Param("alpha", Fraction(default)) for default in (1, 2))


register(
    Surrogate(
        name="atan",
        params=(ALPHA_2,),
        derivative=even(a / 2 / (1 + (sp.pi * a * U / 2) ** 2)),
        summary="(α/2)/(1 + (παx/2)²), area 1",
        refs=("Fang et al. 2021, arXiv:2007.05785",),
        equivalents=(
            spikingjelly("ATan", ALPHA_2, mapping={"alpha": a}),
            snntorch("atan", ALPHA_2, mapping={"alpha": a}),
            snntorch(
                "LeakyParallel.ATan",
                ALPHA_2,
                module="snntorch._neurons.leakyparallel",
                mapping={"alpha": a},
                note="default of LeakyParallel; leakykernel and leakyunroll hold copies",
            ),
            spyx("arctan", Param("k", Fraction(2)), scale=1 / (sp.pi * kn), mapping={"alpha": 2 * kn}, note="peak 1/π"),
        ),
    )
)

register(
    Surrogate(
        name="fast_sigmoid",
        params=(Param("slope", Fraction(25)),),
        derivative=even((1 + k * U) ** (-2)),
        summary="1/(1 + k|x|)², peak 1 (SuperSpike)",
        refs=("Zenke & Ganguli 2018, doi:10.1162/neco_a_01086",),
        equivalents=(
            snntorch("fast_sigmoid", Param("slope", Fraction(25)), mapping={"slope": k}),
            spikingjelly("SoftSign", ALPHA_2, scale=a / 2, mapping={"slope": a}),
            spikingjelly(
                "SuperSpike", ALPHA_1, scale=a, mapping={"slope": sp.S.One}, note="alpha is the height, not the slope"
            ),
            norse(
                "superspike_fn",
                Param("alpha", Fraction(100)),
                mapping={"slope": sp.S.One},
                note="norse 1.1.0 ignores alpha; 1.0.0 and the development branch use slope = alpha",
            ),
            norse(
                "SuperSpike",
                Param("alpha", Fraction(100)),
                module="norse.torch.functional.superspike",
                version="git 065a3b4 (unreleased)",
                tag="git",
                mapping={"slope": a},
                note="the development branch, as 1.0.0: the slope is alpha",
            ),
            stork("SuperSpike", Param("beta", Fraction(20)), mapping={"slope": beta}, note=STORK_GLOBAL),
            stork(
                "CustomSpike",
                Param("beta", Fraction(10)),
                variant="SuperSpike",
                mapping={"slope": beta},
                note=f"surrogate_type SuperSpike, the default; {STORK_GLOBAL}",
            ),
            stork(
                "SuperSpike_rescaled",
                Param("beta", Fraction(20)),
                scale=(beta + 1) ** 2,
                mapping={"slope": beta},
                note=f"1 at x = -1, (beta + 1)² at 0; {STORK_GLOBAL}",
            ),
            stork(
                "SuperSpike_asymptote",
                Param("beta", Fraction(100)),
                scale=beta,
                mapping={"slope": beta},
                note=f"area 2; {STORK_GLOBAL}",
            ),
            spyx("superspike", Param("k", Fraction(25)), mapping={"slope": kn}, note="default of every spyx neuron"),
        ),
    )
)

register(
    Surrogate(
        name="circ",
        params=(Param("slope", Fraction(1)),),
        derivative=even((1 + k**2 * U**2) ** sp.Rational(-3, 2)),
        summary="(1 + k²x²)^(-3/2), peak 1: the gradient of x/√(1 + k²x²), the inverse square root unit",
        refs=("Pehle & Pedersen 2021 (norse), doi:10.5281/zenodo.4422025",),
        equivalents=(
            norse("heavi_circ_fn", Param("k"), mapping={"slope": 1 / kn}, note="k is a width; neurons pass alpha = 100 as k"),
            norse("circ_dist_fn", Param("k"), mapping={"slope": 1 / kn}, note="random spikes, deterministic gradient"),
        ),
    )
)

register(
    Surrogate(
        name="q_pseudo_spike",
        params=(Param("alpha", Fraction(2), "above one"),),
        derivative=even((1 + 2 * U / (a - 1)) ** (-a)),
        summary="(1 + 2|x|/(α − 1))^(−α), peak 1, area 1: α sets how heavy the tails are",
        slope="",
        refs=("Herranz-Celotti & Rouat 2022, arXiv:2202.00282",),
        equivalents=(
            spikingjelly(
                "QPseudoSpike",
                Param("alpha", Fraction(2), "above one"),
                mapping={"alpha": a},
                note="the library does not check alpha > 1",
            ),
        ),
    )
)
