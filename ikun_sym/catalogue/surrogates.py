"""Every surrogate, one statement each.

f'(x), x = H - threshold, is written in u = |x| >= 0 (`piecewise`). `equivalents` says which function of which library
is the same, in that library's own parameters; the tests compare each with the library's real backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import sympy as sp

from .parameter import Param
from .piecewise import U, even
from .registry import Registry
from .surrogate import Equivalent, Surrogate

SURROGATES: Registry[Surrogate] = Registry("surrogate")
register = SURROGATES.register
"""For users' own surrogates: `register(Surrogate(name=…, derivative=…))`, and every command knows it."""

a = sp.Symbol("alpha", positive=True)
k = sp.Symbol("slope", positive=True)
kn = sp.Symbol("k", positive=True)  # norse's name for it

ALPHA_1, ALPHA_2, ALPHA_4 = (Param("alpha", Fraction(default)) for default in (1, 2, 4))


def _functions_of(library: str, version: str, module: str) -> Callable[..., Equivalent]:
    """A short way to say `Equivalent` for the functions of one module."""

    def equivalent(
        name: str, *params: Param, mapping: dict[str, sp.Expr], scale: sp.Expr = sp.S.One, note: str = ""
    ) -> Equivalent:
        return Equivalent(
            library=library,
            version=version,
            path=f"{module}:{name}",
            params=params,
            scale=scale,
            mapping=mapping,
            note=note,
        )

    return equivalent


spikingjelly = _functions_of("spikingjelly", "2.0.0", "spikingjelly.activation_based.surrogate")
snntorch = _functions_of("snntorch", "1.0.0", "snntorch.surrogate")
snntorch_parallel = _functions_of("snntorch", "1.0.0", "snntorch._neurons.leakyparallel")
norse = _functions_of("norse", "1.1.0", "norse.torch.functional.threshold")

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
        ),
    )
)

register(
    Surrogate(
        name="linear",
        params=(Param("slope", Fraction(1)),),
        derivative=even(k),
        summary="constant k: the straight-through estimator",
        refs=("Bengio, Léonard & Courville 2013, arXiv:1308.3432",),
        equivalents=(
            spikingjelly("DeterministicPass", mapping={"slope": sp.S.One}),
            spikingjelly("PoissonPass", mapping={"slope": sp.S.One}, note="forward draws Bernoulli(x), x in [0, 1]"),
            snntorch("straight_through_estimator", mapping={"slope": sp.S.One}),
        ),
    )
)

register(
    Surrogate(
        name="rectangular",
        params=(ALPHA_1,),
        derivative=even(a, support=1 / (2 * a)),
        summary="α for |x| < 1/(2α), area 1",
        refs=("Wu et al. 2018, doi:10.3389/fnins.2018.00331",),
        equivalents=(spikingjelly("Rect", ALPHA_1, mapping={"alpha": a}),),
    )
)

register(
    Surrogate(
        name="triangular",
        params=(ALPHA_1,),
        derivative=even(a - a**2 * U, support=1 / a),
        summary="α(1 − α|x|) for |x| < 1/α, area 1",
        refs=("Bellec et al. 2018, arXiv:1803.09574", "Esser et al. 2016, doi:10.1073/pnas.1604850113"),
        equivalents=(
            spikingjelly("PiecewiseQuadratic", ALPHA_1, mapping={"alpha": a}, note="named for its primitive"),
            norse(
                "triangle_fn",
                Param("alpha", Fraction(3, 10)),
                scale=a,
                mapping={"alpha": sp.S.One},
                note="alpha is the height, the width is fixed; neurons pass alpha = 100",
            ),
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
        equivalents=(spikingjelly("PiecewiseExp", ALPHA_1, mapping={"alpha": a}),),
    )
)

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
            snntorch_parallel("LeakyParallel.ATan", ALPHA_2, mapping={"alpha": a}, note="default of LeakyParallel"),
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
        ),
    )
)
