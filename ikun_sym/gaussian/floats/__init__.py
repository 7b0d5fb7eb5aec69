"""Float64 routes to E[g(X)], X ~ N(mean, var), the fastest first: each vouches for the points that it can be sure of."""

from __future__ import annotations

from collections.abc import Callable

from ...catalogue.piecewise import PiecewiseFunction
from .closed import Closed
from .graded import Graded
from .logistic import Logistic
from .rational import Rational
from .route import Route, Values
from .series import Series
from .split import Split

FAST: tuple[Callable[[PiecewiseFunction, Values], Route | None], ...] = (
    Rational.of,
    Rational.far,
    Logistic.of,
    Closed.of_steps,
    Series.of,
    Closed.of,
    Split.of,
    Graded.of,
)
"""Each makes its route for a function with numbers for its parameters, or None where it does not apply."""

CLASSES: dict[type, str] = {Rational: "rational", Logistic: "logistic", Closed: "elementary"}
"""The class of functions that a route takes, where it takes all moderate settings."""

__all__ = ["CLASSES", "FAST"]
