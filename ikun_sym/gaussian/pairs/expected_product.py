"""E[f'(X) f'(X')], (X, X') bivariate normal, in float64 over arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...exact import Number
from ...reading.surrogate_spec import Spec, resolve
from ..moment import float_function
from .enclosure import pair_expectation
from .exact_law import ExactLaw
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

    Relative error at most 1e-12 for values above 1e-100 √(E[f'(X)²] E[f'(X')²]) (measured against balls, for f' >= 0); where an
    f' that changes its sign cancels, or below, an error of 1e-14 or 1e-112 times that root may be left. What no fast rule
    settles is settled by ball arithmetic, which may take seconds. Errors: IkunError for a variance that is not positive, or a
    correlation beyond ±1.
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
    for i in np.flatnonzero(np.isnan(value)):  # slow, but right
        exact = ExactLaw.of(*(float(part[i]) for part in (law.mean, law.var, law.rho, law.other_mean, law.other_var)))
        value[i] = pair_expectation(function.function, function.values, exact).value
    return value.reshape(shape)
