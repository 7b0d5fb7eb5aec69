"""The word of closed forms in two variables: P(Z > h, Z' > k) for standard normals of correlation r, entire in h and k.

In ball arithmetic by Plackett's identity (1954, doi:10.1093/biomet/41.3-4.351), ∂P/∂r = φ₂(h, k; r), with r = sin θ:

    P = Q(h) Q(k) + 1/(2π) ∫_0^{arcsin r} exp(−(h² − 2hk sin θ + k²)/(2 cos² θ)) dθ.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from flint import acb, arb
from sympy.core.function import ArgumentIndexError

from ...expressions.arguments import arguments
from ...expressions.vocabulary import VOCABULARY, Function


class Orthant(sp.Function):
    """P(Z > h, Z' > k), Z and Z' standard normal of correlation r, −1 < r < 1; arguments (h, k, r)."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        h, k, r = arguments(self)
        if argindex == 3:
            raise ArgumentIndexError(self, argindex)
        if argindex == 2:
            h, k = k, h
        return -sp.exp(-(h**2) / 2) / sp.sqrt(2 * sp.pi) * sp.erfc((k - r * h) / sp.sqrt(2 * (1 - r**2))) / 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        h, k, r = (printer._print(arg) for arg in self.args)
        body = rf"\Phi_2\left({h}, {k}; {r}\right)"
        return rf"\left({body}\right)^{{{exp}}}" if exp else body


def _orthant(h: acb, k: acb, r: acb, analytic: bool = False) -> acb:
    correlation = r.real
    if not abs(correlation) < 1:
        return acb("nan")
    angle, squares, mixed = acb(correlation.asin()), h * h + k * k, 2 * h * k

    def integrand(q: acb, analytic: bool) -> acb:
        sine, cosine = (angle * q).sin(), (angle * q).cos()
        return ((mixed * sine - squares) / (2 * cosine * cosine)).exp()

    root = arb(2).sqrt()
    rest = acb.integral(integrand, 0, 1, eval_limit=200000, use_heap=True) * angle / (2 * arb.pi())
    return (h / root).erfc() * (k / root).erfc() / 4 + rest


VOCABULARY[Orthant] = Function(
    Orthant, "P(Z > h, Z' > k), Z and Z' standard normal of correlation r, arguments (h, k, r)", _orthant, None
)
