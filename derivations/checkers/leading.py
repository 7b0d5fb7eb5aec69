"""Limits by leading terms: every expression is asymptotically c x^r e^{E(x)} as x → ∞, E a sum of positive powers of x.

The rules are exact equivalences. In a sum the dominating order decides; if the leading coefficients cancel, the rule refuses
instead of guessing. erfc(g) ~ e^{−g²}/(g√π) for g → ∞.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ikun_sym.expressions.arguments import arguments

from ..words import unfold
from .claim import Refused
from .inequality import Range
from .sign import sign

_X = sp.Dummy("x", positive=True)


@dataclass(frozen=True)
class Leading:
    """c · x^power · e^exponent, c ≠ 0 (or c = 0: the expression is 0)."""

    c: sp.Expr
    power: sp.Expr = sp.S.Zero
    exponent: sp.Expr = sp.S.Zero

    def times(self, other: Leading) -> Leading:
        if self.c == 0 or other.c == 0:
            return Leading(sp.S.Zero)
        return Leading(self.c * other.c, self.power + other.power, sp.expand(self.exponent + other.exponent))

    def order(self) -> int:
        """Sign of the growth: 1 to infinity, 0 to a constant, −1 to zero."""
        if self.c == 0:
            return -1
        return _growth(self.exponent) or _definite(self.power)

    def limit(self) -> sp.Expr:
        order = self.order()
        if order <= 0:
            return self.c if order == 0 else sp.S.Zero
        return sp.oo if _definite(self.c) > 0 else -sp.oo


def _definite(expr: sp.Expr) -> int:
    found = 0 if sp.simplify(expr) == 0 else sign(expr)
    if found not in (0, 1, -1):
        # for example √π − 2: the sign of a number whose form does not show it
        value = sp.N(expr, 30) if not expr.free_symbols and expr.is_real else None
        if value is None or abs(value) < 1e-20:
            raise Refused(f"the sign of {expr}, on which the limit depends, is not known")
        found = 1 if value > 0 else -1
    return int(found)


def _growth(exponent: sp.Expr) -> int:
    """Sign of a sum of positive powers of x far out: that of its highest power with a coefficient ≠ 0; 0 if there is none."""
    if exponent == 0:
        return 0
    terms = [term.as_coeff_exponent(_X) for term in sp.Add.make_args(exponent)]
    for highest in sorted({power for _, power in terms}, reverse=True):
        found = _definite(sp.Add(*(c for c, power in terms if power == highest)))
        if found:
            return found
    return 0


def leading(expr: sp.Expr) -> Leading:
    """The leading term as x → ∞. Refused where no rule applies."""
    if not expr.has(_X):
        if expr != 0:
            _definite(expr)  # a coefficient that may vanish cannot lead
        return Leading(expr)
    if expr == _X:
        return Leading(sp.S.One, sp.S.One)
    if isinstance(expr, sp.Mul):
        result = Leading(sp.S.One)
        for factor in expr.args:
            result = result.times(leading(factor))
        return result
    if isinstance(expr, sp.Add):
        return _of_sum([leading(term) for term in expr.args], expr)
    if isinstance(expr, sp.Pow) and not expr.exp.has(_X):
        return _of_power(leading(expr.base), expr.exp)
    if isinstance(expr, (sp.exp, sp.erfc, sp.erf, sp.atan)):
        return _of_function(expr)
    raise Refused(f"no rule for the limit of {expr}")


def _of_power(base: Leading, exponent: sp.Expr) -> Leading:
    if base.c == 0:
        raise Refused("a power of an expression that vanishes")
    if not exponent.is_Integer and _definite(base.c) < 0:
        raise Refused("a root of an expression that is negative far out")
    return Leading(base.c**exponent, base.power * exponent, sp.expand(base.exponent * exponent))


def _of_sum(terms: list[Leading], expr: sp.Expr) -> Leading:
    terms = [term for term in terms if term.c != 0] or [Leading(sp.S.Zero)]
    top: list[Leading] = []
    for term in terms:
        ahead = _compare(term, top[0]) if top else 1
        top = [term] if ahead > 0 else [*top, term] if ahead == 0 else top
    c = sp.Add(*(term.c for term in top))
    if len(top) > 1 and sp.simplify(c) == 0:
        raise Refused(f"the leading terms of {expr} cancel; rewrite it")
    if len(terms) > 1:
        _definite(c)
    return Leading(c, top[0].power, top[0].exponent)


def _compare(one: Leading, other: Leading) -> int:
    return _growth(sp.expand(one.exponent - other.exponent)) or _definite(one.power - other.power)


def _of_function(expr: sp.Expr) -> Leading:
    inner = arguments(expr)[0]
    at = leading(inner)
    if isinstance(expr, sp.exp):
        return _of_exponential(inner, at)
    limit = at.limit()
    if isinstance(expr, sp.erfc) and limit == sp.oo:
        return (
            _of_exponential(sp.expand(-(inner**2)), leading(-(inner**2)))
            .times(_of_power(at, sp.S.NegativeOne))
            .times(Leading(1 / sp.sqrt(sp.pi)))
        )
    if limit in (sp.oo, -sp.oo):
        ends = {sp.erfc: sp.Integer(2), sp.erf: sp.sign(limit), sp.atan: sp.sign(limit) * sp.pi / 2}
        return Leading(ends[type(expr)])
    if limit == 0 and isinstance(expr, (sp.erf, sp.atan)):
        return at.times(Leading(2 / sp.sqrt(sp.pi) if isinstance(expr, sp.erf) else sp.S.One))
    return leading(expr.func(limit))


def _of_exponential(inner: sp.Expr, at: Leading) -> Leading:
    """e^inner: positive powers of x stay in the exponent, the constant becomes a factor, negative powers vanish."""
    if at.c == 0 or at.order() <= 0:
        return Leading(sp.exp(at.limit()))
    constant, growing = sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(sp.expand(inner)):
        c, power = term.as_coeff_exponent(_X)
        if c.has(_X):
            raise Refused(f"the exponent {inner} is not a sum of powers")
        order = _definite(power)
        constant, growing = constant + (c if order == 0 else 0), growing + (term if order > 0 else 0)
    return Leading(sp.exp(constant), sp.S.Zero, growing)


def limit(expr: sp.Expr, symbol: sp.Symbol, point: sp.Expr, side: int = 1) -> sp.Expr:
    """lim expr as symbol → point, for a finite point from above (`side` 1) or below (−1)."""
    moved = (_X if point == sp.oo else -_X) if point in (sp.oo, -sp.oo) else point + side / _X
    at: sp.Expr = sp.expand_mul(unfold(expr).subs(symbol, moved))  # type: ignore[assignment]
    try:
        return _at_infinity(at)
    except Refused:  # leading terms may cancel between factors that are not expanded
        return _at_infinity(sp.expand(at, power_exp=False))


def _at_infinity(expr: sp.Expr) -> sp.Expr:
    """The limit by leading terms. If they cancel: the sum or product of finite limits is still the limit."""
    try:
        return leading(expr).limit()
    except Refused:
        if not isinstance(expr, (sp.Add, sp.Mul)):
            raise
        limits = [_at_infinity(part) for part in expr.args]
        if any(one.is_infinite for one in limits):
            raise
        return expr.func(*limits)


def limit_from_inside(expr: sp.Expr, one: Range, end: str) -> tuple[str, sp.Expr]:
    """(description of the end, limit) at the low or high end of a range."""
    point, side = (one.low, 1) if end == "low" else (one.high, -1)
    return f"{one.symbol} → {point}", limit(expr, one.symbol, point, side)
