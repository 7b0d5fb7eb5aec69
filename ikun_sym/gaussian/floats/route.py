"""What a route of the float64 evaluation is."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

import numpy as np
import sympy as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Values = Mapping[sp.Symbol, Fraction]


def exact(values: Values) -> list[tuple[sp.Basic, sp.Basic]]:
    """The parameters' values as substitutions."""
    return [(symbol, sp.Rational(value)) for symbol, value in values.items()]


SMALLEST = 1e-290
"""Below this a product of a value and a weight may have lost digits to underflow: no route vouches there."""


class Route(Protocol):
    """E[g(X)], X ~ N(mean, var), for arrays of one dimension, and where the result is good to the promised digits.

    A value and its verdict depend on that point only, never on its neighbours in the array.
    """

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]: ...
