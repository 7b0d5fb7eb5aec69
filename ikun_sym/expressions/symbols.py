"""The symbols of an expectation over H ~ N(μ, v)."""

from __future__ import annotations

import sympy as sp

MEAN = sp.Symbol("mu", real=True)
VAR = sp.Symbol("v", positive=True)
