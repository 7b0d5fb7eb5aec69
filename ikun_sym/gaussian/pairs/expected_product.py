"""E[f'(X) f'(X')], (X, X') bivariate normal, in float64 over arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import IkunError
from ...exact import Number
from ...reading.surrogate_spec import Spec, resolve
from ..moment import float_function
from .pair_law import PairLaw
from .panels import panels
from .trapezoidal import trapezoidal


def expected_product(
    surrogate: Spec,
    mean: ArrayLike,
    var: ArrayLike,
    rho: ArrayLike,
    *,
    other_mean: ArrayLike | None = None,
    other_var: ArrayLike | None = None,
    **params: Number,
) -> NDArray[np.float64]:
    """E[f'(X) f'(X')] in float64 by broadcasting; X ~ N(mean, var), X' ~ N(other_mean, other_var), of correlation `rho`.

    X' has the law of X where nothing else is said. With one law for both, divided by `evaluate(…, power=2)` it is the coherence
    of the two gradients.
    """
    bound = resolve(surrogate, **params)
    law, shape = PairLaw.of(mean, var, rho, other_mean, other_var)
    function, square = float_function(bound), float_function(bound, power=2)
    value = np.full(len(law), np.nan)
    one = np.flatnonzero((law.rho == 1) & (law.mean == law.other_mean) & (law.var == law.other_var))
    if len(one):
        value[one] = square.expectation(law.mean[one], law.var[one])
    for route in (lambda some: trapezoidal(function, square, some), lambda some: panels(function, some)):
        rest = np.flatnonzero(np.isnan(value))
        if len(rest):
            value[rest] = route(law.at(rest))
    if np.isnan(value).any():
        i = int(np.flatnonzero(np.isnan(value))[0])
        raise IkunError(
            f"E[f'(X) f'(X')] of {bound.spec} is out of reach of float64 at mean {law.mean[i]:g}, variance {law.var[i]:g}, "
            f"correlation {law.rho[i]:g}; use a less extreme setting"
        )
    return value.reshape(shape)
