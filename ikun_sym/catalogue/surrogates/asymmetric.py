"""Smooth on each side, with no symmetry or no finite area."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, lava, snntorch, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import PiecewiseFunction, U, between, even, one_side, two_sided
from ..surrogate import Surrogate, Values, register

a, k, kn, beta, delta_u = sp.symbols("alpha slope k beta delta_u", positive=True)
p0, max_prob, tau_rho, scale_rho = sp.symbols("p0 max_prob tau_rho scale_rho", positive=True)
start = sp.Symbol("B", real=True)

SPARSE_SHOWN = {"B": Fraction(1)}


def _sparse(values: Values) -> PiecewiseFunction:
    bump = (1 + k * U) ** (-2)
    return between(start, sp.oo, bump, bump, {start: values["B"]})


register(
    Surrogate(
        name="s2nn",
        params=(Param("alpha", Fraction(4)), Param("beta", Fraction(1))),
        derivative=two_sided(beta / (1 + U), a * sp.exp(-a * U) / (1 + sp.exp(-a * U)) ** 2),
        summary="α s (1 − s), s = logistic(αx), below the threshold; β/(1 + x) above",
        refs=("Suetake et al. 2023, arXiv:2201.10879",),
        equivalents=(
            spikingjelly("S2NN", Param("alpha", Fraction(4)), Param("beta", Fraction(1)), mapping={"alpha": a, "beta": beta}),
        ),
    )
)

register(
    Surrogate(
        name="spike_rate_escape",
        params=(Param("beta", Fraction(1)), Param("slope", Fraction(25))),
        derivative=PiecewiseFunction(
            one_side(1, (k * sp.exp(-beta * (1 - U)), 1), (k * sp.exp(-beta * (U - 1)), sp.oo))
            + one_side(-1, (k * sp.exp(-beta * (1 + U)), sp.oo))
        ),
        summary="k exp(−β|x − 1|): the peak lies one unit above the threshold",
        refs=("Gerstner & Kistler 2002, doi:10.1017/CBO9780511815706",),
        equivalents=(
            snntorch(
                "spike_rate_escape",
                Param("beta", Fraction(1)),
                Param("slope", Fraction(25)),
                mapping={"beta": beta, "slope": k},
                note="written for the membrane, but given membrane − threshold",
            ),
        ),
    )
)

register(
    Surrogate(
        name="sparse_fast_sigmoid",
        params=(Param("slope", Fraction(25)), Param("B", Fraction(1), "real")),
        derivative=_sparse(SPARSE_SHOWN),
        family=_sparse,
        summary="1/(1 + k|x|)² for x > B, else 0",
        refs=("Perez-Nieves & Goodman 2021, arXiv:2105.08810",),
        equivalents=(
            snntorch(
                "SFS",
                Param("slope", Fraction(25)),
                Param("B", Fraction(1), "real"),
                mapping={"slope": k, "B": start},
                note="the paper keeps |x| < B; the library keeps x > B alone",
            ),
        ),
    )
)

register(
    Surrogate(
        name="logistic",
        params=(Param("slope", Fraction(1)),),
        derivative=two_sided(1 / (1 + sp.exp(-k * U)), sp.exp(-k * U) / (1 + sp.exp(-k * U))),
        summary="the logistic function of kx, not its derivative",
        equivalents=(
            spyx(
                "sigmoid_bernoulli",
                Param("k", Fraction(10)),
                Param("threshold", Fraction(1)),
                Param("max_prob", Fraction(4, 5)),
                module="spyx.experimental.stochastic",
                scale=max_prob,
                mapping={"slope": kn},
                note="random spikes; the gradient is the firing probability itself; x is the potential minus threshold",
            ),
        ),
    )
)

register(
    Surrogate(
        name="exponential_escape",
        params=(Param("delta_u", Fraction(133, 1000)),),
        derivative=two_sided(sp.exp(U / delta_u) / delta_u, sp.exp(-U / delta_u) / delta_u),
        summary="exp(x/δ)/δ: grows without bound above the threshold",
        refs=("Gerstner & Kistler 2002, doi:10.1017/CBO9780511815706",),
        equivalents=(
            stork(
                "CustomSpike",
                Param("p0", Fraction(1, 100)),
                Param("delta_u", Fraction(133, 1000)),
                variant="exponential",
                scale=p0,
                mapping={"delta_u": delta_u},
                note="surrogate_type exponential",
            ),
        ),
    )
)

register(
    Surrogate(
        name="graded_exponential",
        params=(Param("tau_rho", Fraction(1)),),
        derivative=two_sided(1, sp.exp(-U / tau_rho)),
        summary="exp(x/τ) below the threshold, 1 above",
        equivalents=(
            lava(
                "Spike",
                Param("tau_rho"),
                Param("scale_rho"),
                variant="graded",
                scale=scale_rho,
                mapping={"tau_rho": tau_rho},
                note="graded_spike=True: the spike carries the potential",
            ),
        ),
    )
)

register(
    Surrogate(
        name="superspike_mem_clamp",
        params=(Param("slope", Fraction(20)),),
        derivative=two_sided(1, (1 + k * U) ** (-2)),
        summary="1/(1 + k|x|)² below the threshold, 1 above",
        equivalents=(stork("SuperSpike_MemClamp", Param("beta", Fraction(20)), mapping={"slope": beta}, note=STORK_GLOBAL),),
    )
)

register(
    Surrogate(
        name="tanh_spike",
        params=(Param("slope", Fraction(100)),),
        derivative=even(1 + 4 * sp.exp(-2 * k * U) / (1 + sp.exp(-2 * k * U)) ** 2),
        summary="1 + sech²(kx): a straight-through estimator with a bump",
        equivalents=(
            stork(
                "TanhSpike", Param("beta", Fraction(100)), mapping={"slope": beta}, note=f"1 + sech², not sech²; {STORK_GLOBAL}"
            ),
        ),
    )
)
