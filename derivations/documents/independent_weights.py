"""Averages over independent weights of mean 0: what every recursion of covariances begins with."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp


def weighed(product: sp.Expr, weights: Sequence[sp.Symbol], variance: sp.Expr) -> sp.Expr:
    """The mean of a polynomial of degree 2 in independent weights of mean 0 and this variance."""
    found = sp.S.Zero
    for powers, factor in sp.Poly(product, *weights).terms():
        if sum(powers) == 0:
            found += factor
        elif max(powers) == 2:
            found += variance * factor
    return found
