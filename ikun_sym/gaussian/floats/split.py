"""Route: between the breakpoints by the series, outside them by scaled error functions.

For functions that do not vanish at infinity, at σ long against the distances of their breakpoints: there the closed form of
what lies between cancels, and the series alone has no finite support.
"""

from __future__ import annotations

import numpy as np

from ...catalogue.piecewise import PiecewiseFunction
from .closed import Closed
from .route import Booleans, Floats, Values
from .segments import segments_of
from .series import Series


class Split:
    """E[g 1_inside] + E[g 1_outside]."""

    def __init__(self, inside: Series, outside: Closed) -> None:
        self.inside, self.outside = inside, outside

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values) -> Split | None:
        segments = segments_of(function, values) or ()
        finite = tuple(s for s in segments if s.lo.finite and s.hi.finite)
        infinite = tuple(s for s in segments if s not in finite and (s.lo.finite or s.hi.finite))
        inside = Series.of_segments(finite, function.is_even) if finite and infinite else None
        return None if inside is None else cls(inside, Closed(infinite, function.is_even))

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        value, sure = self.inside(mean, var)
        some = np.flatnonzero(sure)
        beyond, settled = self.outside(mean[some], var[some])
        total = value[some] + beyond
        # parts of one sign lose nothing
        settled &= np.abs(total) >= np.abs(value[some])
        settled &= np.abs(total) >= np.abs(beyond)
        value[some], sure[some] = total, settled
        return value, sure
