"""Zero test for rational functions of symbols and roots, by flint's polynomials.

Each root is one more generator ω, where ωⁿ is its radicand, with one n for all (2 if all roots are square roots). Fractions are
added over the least common multiple of their denominators, which stay factored as written. No gcd is ever taken: only the
numerator matters. With a denominator (ξ² + η²)^11 this takes a second instead of minutes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

LARGEST_POWER = 64
"""Largest power of a sum that is expanded: beyond, expanding takes longer than it is worth."""


def vanishes(z: sp.Expr) -> bool | None:
    """Whether the normal form of z is 0; z is a rational function of symbols, functions, constants, and roots of polynomials in
    these. True is a proof, wherever no denominator is 0. False means 'not shown', as roots may depend on one another. None: z
    is not of this class."""
    opaque = {f: sp.Dummy() for f in z.atoms(sp.Function) | z.atoms(sp.NumberSymbol)}
    order = math.lcm(2, *(int(p.exp.q) for p in z.atoms(sp.Pow) if p.exp.is_Rational))  # type: ignore[union-attr]
    roots: dict[sp.Expr, sp.Symbol] = {}

    def root(radicand: sp.Expr) -> sp.Symbol:
        return roots.setdefault(radicand, sp.Dummy("omega"))

    def named(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if not exponent.is_Rational or exponent.is_Integer:
            return base**exponent
        if base.is_Integer:  # √6 is √2 √3
            primes = sp.factorint(base).items()
            return sp.Mul(*(root(sp.Integer(p)) ** (order * exponent * n) for p, n in primes))
        return root(base) ** (order * exponent)

    z = z.xreplace(opaque).replace(sp.Pow, named)  # type: ignore[union-attr]
    if z.has(sp.I):
        z = z.xreplace({sp.I: root(sp.S.NegativeOne) ** (order // 2)})  # type: ignore[assignment]
    ring = _Ring.of(z, roots)
    total = ring.quotient(z)
    if total is None:
        return None
    above = total.above
    for radicand, omega in reversed(roots.items()):  # the outer ones first: they are the leading generators
        power = ring.quotient(radicand)
        if power is None or power.below:
            return None
        above = divmod(above, ring.known[omega] ** order - power.above)[1]
    return bool(above == 0)


def independent(expr: sp.Expr) -> sp.Expr:
    """Write each e^z as a product of integer powers of letters, one letter per monomial of z. If the result vanishes for all
    letters, so does the expression."""
    exponents = {e: [part.as_coeff_Mul() for part in sp.Add.make_args(sp.expand(e.args[0]))] for e in expr.atoms(sp.exp)}
    units: dict[sp.Expr, int] = {}
    for quotient, monomial in itertools.chain(*exponents.values()):
        units[monomial] = math.lcm(units.get(monomial, 1), int(quotient.q))  # type: ignore[attr-defined]
    letters = {monomial: sp.Dummy("e", positive=True) for monomial in units}
    return expr.xreplace(  # type: ignore[return-value]
        {e: sp.Mul(*(letters[m] ** (quotient * units[m]) for quotient, m in parts)) for e, parts in exponents.items()}
    )


@dataclass(frozen=True)
class _Quotient:
    """above / Π base^power over `below`. The bases are distinct, with leading coefficient 1."""

    above: fmpq_mpoly
    below: tuple[tuple[fmpq_mpoly, int], ...] = ()


@dataclass(frozen=True)
class _Ring:
    ring: fmpq_mpoly_ctx
    known: dict[sp.Basic, fmpq_mpoly]

    @classmethod
    def of(cls, z: sp.Expr, roots: dict[sp.Expr, sp.Symbol]) -> _Ring:
        """The roots are the leading generators, later ones first: a radicand may contain earlier roots only."""
        leading = [*reversed(roots.values())]
        others = z.free_symbols.union(*(radicand.free_symbols for radicand in roots)).difference(leading)
        symbols = [*leading, *sorted(others, key=sp.default_sort_key)]
        ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(symbols))], Ordering.lex)
        return cls(ring, dict(zip(symbols, ring.gens(), strict=True)))

    def quotient(self, z: sp.Basic) -> _Quotient | None:
        if z in self.known:
            return _Quotient(self.known[z])
        if isinstance(z, sp.Rational):
            return _Quotient(self.ring.constant(fmpq(int(z.p), int(z.q))))
        if isinstance(z, sp.Pow) and isinstance(z.exp, sp.Integer) and (z.base in self.known or abs(z.exp) <= LARGEST_POWER):
            base = self.quotient(z.base)
            return None if base is None else self._power(base, int(z.exp))
        if not isinstance(z, (sp.Add, sp.Mul)):
            return None
        parts = [self.quotient(part) for part in z.args]
        if any(part is None for part in parts):
            return None
        return self._sum(parts) if z.is_Add else self._product(parts)  # type: ignore[arg-type]

    def _power(self, base: _Quotient, exponent: int) -> _Quotient | None:
        size = abs(exponent)
        if exponent > 0:
            return _Quotient(base.above**size, tuple((factor, power * size) for factor, power in base.below))
        if base.above == 0:
            return None
        above, lead = self.ring.constant(1), base.above.leading_coefficient()
        for factor, power in base.below:
            above *= factor ** (power * size)
        below = () if base.above.is_constant() else ((base.above / lead, size),)
        return _Quotient(above / lead**size, below)

    def _product(self, parts: list[_Quotient]) -> _Quotient:
        above, below = self.ring.constant(1), []
        for part in parts:
            above *= part.above
            for factor, power in part.below:
                before = _power_in(below, factor)
                below = [*((f, n) for f, n in below if f != factor), (factor, before + power)]
        return _Quotient(above, tuple(below))

    def _sum(self, parts: list[_Quotient]) -> _Quotient:
        common: list[tuple[fmpq_mpoly, int]] = []
        for part in parts:
            for factor, power in part.below:
                before = _power_in(common, factor)
                common = [*((f, n) for f, n in common if f != factor), (factor, max(before, power))]
        over: dict[tuple[int, ...], fmpq_mpoly] = {}
        for part in parts:
            missing = tuple(power - _power_in(part.below, factor) for factor, power in common)
            over[missing] = over.get(missing, self.ring.constant(0)) + part.above
        total = self.ring.constant(0)
        for missing, above in over.items():
            for (factor, _), power in zip(common, missing, strict=True):
                above = above * factor**power
            total += above
        return _Quotient(total, tuple(common))


def _power_in(below: list[tuple[fmpq_mpoly, int]] | tuple[tuple[fmpq_mpoly, int], ...], factor: fmpq_mpoly) -> int:
    return next((power for known, power in below if known == factor), 0)
