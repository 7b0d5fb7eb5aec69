"""What the list of surrogates says of each: all of it derived from the derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from ..catalogue.piecewise import PiecewiseFunction
from ..catalogue.surrogate import Bound, Surrogate
from ..catalogue.surrogates import SURROGATES
from ..catalogue.unsupported import UNSUPPORTED
from ..errors import IkunError, UnknownNameError
from ..processes import Advance, silent
from .closed_form import kind_of
from .evaluate import FloatFunction
from .moment import integrand
from .primitive import area


def unsupported(library: str | None = None) -> list[dict[str, str]]:
    """The functions that no entry can state, of one library or of all, with the reason."""
    return [
        {"name": entry.name, "version": entry.version, "reason": entry.reason}
        for entry in UNSUPPORTED
        if library is None or entry.library == library.lower()
    ]


def summaries(library: str | None = None, advance: Advance = silent) -> list[dict[str, Any]]:
    """One record per surrogate; with `library`, one per function of that library. `advance` is told of each."""
    found = list(SURROGATES) if library is None else _of_library(library)
    records = []
    for done, surrogate in enumerate(found):
        advance(done, len(found))
        records.append(summary(surrogate))
    return records


def _of_library(library: str) -> list[Surrogate]:
    found = [
        surrogate.of_library(equivalent)
        for surrogate in SURROGATES
        for equivalent in surrogate.equivalents
        if equivalent.library == library.lower()
    ]
    if not found:
        raise UnknownNameError("library", library, {e.library for s in SURROGATES for e in s.equivalents})
    return found


def summary(surrogate: Surrogate) -> dict[str, Any]:
    required = [param.name for param in surrogate.params if param.default is None]
    bound = surrogate.bind(dict.fromkeys(required, 1))
    derivative = bound.surrogate.derivative
    return {
        "name": surrogate.name,
        "parameters": {p.name: None if p.default is None else float(p.default) for p in surrogate.params},
        "summary": surrogate.summary,
        "derivative": _pieces(derivative),
        "area": _area(bound),
        "peak": None if required else _finite(peak(FloatFunction(_unrolled(derivative), bound.environment))),
        "form": kind_of(integrand(bound, "fprime", 2), bound.environment),
        "equivalents": [equivalent.name for equivalent in surrogate.equivalents],
        "references": list(surrogate.refs),
    }


def _pieces(derivative: PiecewiseFunction) -> dict[str, str]:
    found = {f"side {p.side:+d}, {p.lo} < u < {p.hi}": str(p.value) for p in derivative.pieces}
    for tail in derivative.tails:
        lo, cell = sp.S.Zero, f"side {tail.side:+d}, {tail.start} < u, period {tail.period}"
        for end, value in tail.cell:
            found[f"{cell}, {lo} < r < {end}"], lo = str(value), end
    return found


def _area(bound: Bound) -> str:
    try:
        value, where = area(bound.surrogate.derivative), ""
    except IkunError:
        numbers = {symbol: sp.Rational(number) for symbol, number in bound.environment.items()}
        value, where = area(bound.surrogate.derivative.substitute(numbers)), " at the defaults"
    return "infinite" if value in (sp.oo, -sp.oo) else "undefined" if value is sp.nan else f"{value}{where}"


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else "infinite"


def _unrolled(derivative: PiecewiseFunction) -> PiecewiseFunction:
    """A few cells show what recurs."""
    return derivative.unrolled({1: 4, -1: 4})


def peak(function: FloatFunction) -> float:
    """sup f' at the defaults, over a grid of both half-lines from 1e-6 to 1e3 and the sides of every breakpoint; infinite
    where f' is larger still far outside."""
    ends = np.array([end for _, lo, hi, _ in function.pieces for end in (lo, hi) if np.isfinite(end)])
    points = np.concatenate([np.geomspace(1e-6, 1e3, 2000), ends, ends * (1 - 1e-12)])
    found = float(np.nanmax(function(np.concatenate([points, -points]))))
    return math.inf if function([-1e9, 1e9]).max() > 2 * found else found
