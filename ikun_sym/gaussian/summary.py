"""What the list of surrogates says of each: all of it derived from the derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from ..catalogue.surrogate import Surrogate
from ..catalogue.surrogates import SURROGATES
from ..errors import UnknownNameError
from .evaluate import FloatFunction
from .moment import integrand
from .primitive import area
from .rules import certify_at, derive


def summaries(library: str | None = None) -> list[dict[str, Any]]:
    """One record per surrogate; with `library`, one per function of that library."""
    if library is None:
        return [summary(surrogate) for surrogate in SURROGATES]
    found = [
        surrogate.of_library(equivalent)
        for surrogate in SURROGATES
        for equivalent in surrogate.equivalents
        if equivalent.library == library.lower()
    ]
    if not found:
        raise UnknownNameError("library", library, {e.library for s in SURROGATES for e in s.equivalents})
    return [summary(surrogate) for surrogate in found]


def summary(surrogate: Surrogate) -> dict[str, Any]:
    required = [param.name for param in surrogate.params if param.default is None]
    bound = surrogate.bind(dict.fromkeys(required, 1))
    function = integrand(bound, "fprime", 2)
    form = derive(function)
    return {
        "name": surrogate.name,
        "parameters": {p.name: None if p.default is None else float(p.default) for p in surrogate.params},
        "summary": surrogate.summary,
        "derivative": {f"side {p.side:+d}, {p.lo} < u < {p.hi}": str(p.value) for p in surrogate.derivative.pieces},
        "area": _area(surrogate),
        "peak": None if required else peak(FloatFunction(surrogate.derivative, bound.environment)),
        "form": form.kind,
        "status": certify_at(function, form, bound.environment).status,
        "equivalents": [equivalent.name for equivalent in surrogate.equivalents],
        "references": list(surrogate.refs),
    }


def _area(surrogate: Surrogate) -> str:
    value = area(surrogate.derivative)
    return "infinite" if value in (sp.oo, -sp.oo) else "undefined" if value is sp.nan else str(value)


def peak(function: FloatFunction) -> float:
    """sup f' at the defaults, over a grid of both half-lines from 1e-6 to 1e3 and the sides of every breakpoint."""
    ends = np.array([end for _, lo, hi, _ in function.pieces for end in (lo, hi) if np.isfinite(end)])
    points = np.concatenate([np.geomspace(1e-6, 1e3, 2000), ends, ends * (1 - 1e-12)])
    return float(np.nanmax(function(np.concatenate([points, -points]))))
