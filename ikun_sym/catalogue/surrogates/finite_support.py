"""f' is 0 outside an interval."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from ..libraries import STORK_GLOBAL, norse, spikingjelly, spyx, stork
from ..parameter import Param
from ..piecewise import PiecewiseFunction, U, between, even
from ..surrogate import Surrogate, Values, register

a, kn, beta, width, height = sp.symbols("alpha k beta width height", positive=True)
low, high, grad_min, grad_max = sp.symbols("low high grad_min grad_max", real=True)
count = sp.Symbol("max_spike_count", integer=True, positive=True)
ALPHA_1 = Param("alpha", Fraction(1))

WINDOW_SHOWN = {"low": Fraction(-1), "high": Fraction(1)}


def _window(values: Values) -> PiecewiseFunction:
    return between(low, high, sp.S.One, sp.S.One, {low: values["low"], high: values["high"]})


register(
    Surrogate(
        name="rectangular",
        params=(ALPHA_1,),
        derivative=even(a, support=1 / (2 * a)),
        summary="α for |x| < 1/(2α), area 1",
        refs=("Wu et al. 2018, doi:10.3389/fnins.2018.00331",),
        equivalents=(
            spikingjelly("Rect", ALPHA_1, mapping={"alpha": a}),
            spyx(
                "boxcar",
                Param("width", Fraction(2)),
                Param("height", Fraction(1, 2)),
                scale=width * height,
                mapping={"alpha": 1 / width},
            ),
        ),
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
            stork(
                "EsserSpike",
                Param("beta", Fraction(1)),
                scale=1 / beta,
                mapping={"alpha": beta},
                note=f"peak 1; {STORK_GLOBAL}",
            ),
            spyx("triangular", Param("k", Fraction(2)), scale=1 / kn, mapping={"alpha": kn}, note="peak 1"),
        ),
    )
)

register(
    Surrogate(
        name="window",
        params=(Param("low", Fraction(-1), "real"), Param("high", Fraction(1), "real")),
        derivative=_window(WINDOW_SHOWN),
        family=_window,
        summary="1 for low < x < high, else 0",
        refs=("Bengio, Léonard & Courville 2013, arXiv:1308.3432",),
        equivalents=(
            spikingjelly(
                "MultiLevelSpikeCount",
                Param("max_spike_count", None, "count"),
                mapping={"low": sp.S.Zero, "high": count},
                note="forward round(clamp(x, 0, max_spike_count)), x = v/threshold, not v − threshold",
            ),
            spikingjelly(
                "MultiLevelSpikeCount",
                Param("max_spike_count", None, "count"),
                Param("grad_min", Fraction(0), "real"),
                Param("grad_max", None, "real"),
                variant="window",
                mapping={"low": grad_min, "high": grad_max},
                note="grad_window = (grad_min, grad_max) given",
            ),
        ),
    )
)
