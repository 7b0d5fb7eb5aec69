"""T_ij(h, k) = E[Zⁱ Z'ʲ 1{Z > h, Z' > k}] for standard normals of correlation r: forms, and their proof.

Stein's identity gives, for i >= 1,

    T_ij = (i−1) T_{i−2,j} + r j T_{i−1,j−1} + h^{i−1} φ(h) E[Z'ʲ 1{Z' > k} | Z = h] + r kʲ φ(k) E[Z^{i−1} 1{Z > h} | Z' = k],

and T_00 is the orthant. The proof does not rest on it: ∂²T_ij/∂h∂k = hⁱ kʲ φ₂(h, k; r) is checked by differentiation, and that
T_ij → 0 as h → ∞ and as k → ∞ term by term. Two functions with both properties are the same: their difference is A(h) + B(k).
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from ...expressions.zero_test import is_zero
from ..form import Check
from .orthant import Orthant

H, K = sp.Dummy("h", real=True), sp.Dummy("k", real=True)
CORRELATION = sp.Dummy("r", real=True)
REST = sp.sqrt(1 - CORRELATION**2)


class Upper(sp.Function):
    """Q(z) = erfc(z/√2)/2, as a letter: sympy writes erfc(−z) as 2 − erfc(z), and two terms of which the sum vanishes."""

    nargs = 1


def in_words(expr: sp.Expr) -> sp.Expr:
    """With erfc for Q."""
    return expr.replace(Upper, lambda z: sp.erfc(z / sp.sqrt(2)) / 2)  # type: ignore[return-value]


def _normal(z: sp.Expr) -> sp.Expr:
    return sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)


@lru_cache(maxsize=64)
def _conditional(n: int, at: sp.Expr, given: sp.Expr) -> sp.Expr:
    """E[Zⁿ 1{Z > at}] for Z ~ N(r · given, 1 − r²)."""
    mean = CORRELATION * given
    if n == 0:
        return Upper((at - mean) / REST)  # type: ignore[return-value]
    density = sp.exp(-((at - mean) ** 2) / (2 * REST**2)) / (sp.sqrt(2 * sp.pi) * REST)
    lower = (n - 1) * _conditional(n - 2, at, given) if n > 1 else sp.S.Zero
    return mean * _conditional(n - 1, at, given) + REST**2 * (lower + at ** (n - 1) * density)


@lru_cache(maxsize=64)
def truncated(i: int, j: int) -> sp.Expr:
    """T_ij in H, K and CORRELATION."""
    if i == j == 0:
        return Orthant(H, K, CORRELATION)  # type: ignore[return-value]
    if i == 0:
        return truncated(j, 0).xreplace({H: K, K: H}).replace(Orthant, lambda k, h, r: Orthant(h, k, r))  # type: ignore[return-value]
    total = H ** (i - 1) * _normal(H) * _conditional(j, K, H) + CORRELATION * K**j * _normal(K) * _conditional(i - 1, H, K)
    if i > 1:
        total += (i - 1) * truncated(i - 2, j)
    if j > 0:
        total += CORRELATION * j * truncated(i - 1, j - 1)
    return sp.expand(total, power_exp=False)


def below(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The limit of such a form as `symbol`, H or K, → −∞."""
    other = K if symbol == H else H
    expr = expr.replace(Orthant, lambda h, k, r: Upper(other))  # type: ignore[assignment]
    expr = expr.replace(lambda e: isinstance(e, sp.exp) and e.has(symbol), lambda e: sp.S.Zero)  # type: ignore[assignment]
    return expr.replace(lambda e: isinstance(e, Upper) and e.has(symbol), lambda e: sp.S.One)  # type: ignore[return-value]


@lru_cache(maxsize=64)
def proof_of(i: int, j: int) -> tuple[Check, ...]:
    """That T_ij is what it says."""
    form = truncated(i, j)
    density = sp.exp(-(H**2 - 2 * CORRELATION * H * K + K**2) / (2 * REST**2)) / (2 * sp.pi * REST)
    differs = sp.diff(in_words(form), H, K) - H**i * K**j * density
    name = f"E[Z^{i} Z'^{j}; Z > h, Z' > k]"
    found = [Check(f"∂²/∂h∂k of {name} = h^{i} k^{j} times the density", "zero test", is_zero(differs))]
    for symbol in (H, K):
        vanishes = all(_vanishes(term, symbol) for term in sp.Add.make_args(sp.expand(form, power_exp=False)))
        found.append(Check(f"{name} → 0 as {symbol.name} → ∞", "each term: orthant, Gaussian or erfc", vanishes))
    return tuple(found)


def _vanishes(term: sp.Expr, symbol: sp.Symbol) -> bool:
    """Orthant times a constant; a Gaussian in `symbol`; or erfc of an increasing function of it: times polynomials."""
    factors = sp.Mul.make_args(term)
    if any(isinstance(f, Orthant) for f in factors):
        return not sp.Mul(*(f for f in factors if not isinstance(f, Orthant))).has(H, K)
    exponent = sp.expand(sp.Add(*(f.args[0] for f in factors if isinstance(f, sp.exp))))  # type: ignore[misc]
    leading = sp.factor(exponent.coeff(symbol, 2))
    squared = leading.subs(CORRELATION, sp.Rational(1, 3))  # −1/2 or −1/2(1 − r²): of one sign on −1 < r < 1
    known = any(is_zero(leading - c) for c in (-sp.S.Half, -1 / (2 * REST**2)))
    if known and squared.is_negative:
        return True
    tails = [f for f in factors if isinstance(f, Upper) and f.args[0].has(symbol)]
    slope = sp.diff(tails[0].args[0], symbol) if tails else sp.S.Zero
    return leading == 0 and bool(tails) and is_zero(slope - 1 / REST)
