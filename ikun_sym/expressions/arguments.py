"""The arguments of an expression, as expressions."""

from __future__ import annotations

import sympy as sp


def arguments(expr: sp.Basic) -> tuple[sp.Expr, ...]:
    """`expr.args`, which sympy annotates as Basic, since sets and conditions have arguments too."""
    return expr.args  # type: ignore[return-value]
