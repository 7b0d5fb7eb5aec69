"""The symbols of an expectation over two potentials: those of one, primed, and the covariance."""

from __future__ import annotations

import sympy as sp

from ...expressions.symbols import MEAN, VAR

OTHER_MEAN = sp.Symbol("mu'", real=True)
OTHER_VAR = sp.Symbol("v'", positive=True)
COV = sp.Symbol("cov", real=True)
"""ρ √(v v'): with it exponents are rational."""

DET = VAR * OTHER_VAR - COV**2
"""Positive for |ρ| < 1."""

__all__ = ["COV", "DET", "MEAN", "OTHER_MEAN", "OTHER_VAR", "VAR"]
