"""Where g(u) = 0, exactly, or the admission that it cannot be said."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from ..catalogue.piecewise import U
from .bounds_on_input import MAX_CONSTANT_EXPONENT, MAX_DEGREE, MAX_IRRATIONAL_DEGREE, MAX_TERMS
from .exponentials import exponential_of, stable_exp
from .interval import is_small
from .numeric import Undecided, sign_of, varies
from .tree import bits_of


class Unlocated(Exception):
    """The zeros of an expression that cannot be written down exactly."""


def zeros_of(g: Any) -> frozenset[sp.Expr]:
    """A finite set that contains every u > 0 at which `g` changes sign, g being continuous between its poles, whose
    zeros of the denominator are included."""
    if U not in g.free_symbols or g == U or isinstance(g, sp.erfc) or exponential_of(g) is not None:
        return frozenset()
    if g.is_Mul:
        return frozenset().union(*(zeros_of(factor) for factor in g.args))
    if g.is_Pow and g.exp.is_Rational:
        return zeros_of(g.base)
    if isinstance(g, sp.log):
        return zeros_of(g.args[0] - 1)
    if isinstance(g, sp.erf):
        return zeros_of(g.args[0])
    if g.is_Add:
        return _zeros_of_sum(g)
    raise Unlocated


def degree_of(g: Any) -> float:
    """An upper bound of the degree of g in u after all fractions are brought together, whatever the functions in it."""
    if U not in g.free_symbols:
        return 0
    if g == U:
        return 1
    if g.is_Pow and g.exp.is_Rational:
        return float(abs(g.exp)) * degree_of(g.base)
    if g.is_Add and not any(p.exp.is_negative for p in g.atoms(sp.Pow)):
        return max(degree_of(arg) for arg in g.args)
    return sum(degree_of(arg) for arg in g.args) if g.is_Add or g.is_Mul else 1


def _zeros_of_sum(g: Any) -> frozenset[sp.Expr]:
    if degree_of(g) > MAX_DEGREE:
        raise Unlocated
    root = math.lcm(*(int(p.exp.q) for p in g.atoms(sp.Pow) if p.base == U and p.exp.is_Rational), 1)
    if root > MAX_DEGREE:
        raise Unlocated
    if root > 1:  # u = v**root makes a polynomial of sqrt(u) - 1 and its like
        powers = {p: U ** (p.exp * root) for p in g.atoms(sp.Pow) if p.base == U and p.exp.is_Rational}
        g = g.xreplace({**powers, U: U**root})
        if degree_of(g) > MAX_DEGREE or any(p.base == U and not p.exp.is_Integer for p in g.atoms(sp.Pow)):
            raise Unlocated
    names: dict[Any, sp.Dummy] = {}
    fraction = sp.fraction(sp.together(_masked(g, names)))
    top, bottom = (_unmasked(part, names) for part in fraction)
    return frozenset(zero**root for zero in _zeros_of_part(top) | _zeros_of_part(bottom))


def terms_of(g: Any) -> int:
    """An upper bound of the number of terms of the expanded g: a power of a sum of many terms must not be expanded."""
    if g.is_Add:
        return sum(map(terms_of, g.args))
    if g.is_Pow and g.exp.is_Integer:
        terms, n = terms_of(g.base), abs(int(g.exp))
        return math.comb(terms + n - 1, n) if terms > 1 else 1
    return math.prod(map(terms_of, g.args)) if g.is_Mul else 1


def _masked(g: Any, names: dict[Any, sp.Dummy]) -> Any:
    """g with everything but sums, products, integer powers and rationals replaced by plain symbols: sympy's algebra then
    has no functions to look into and no signs to find out, which can take it forever."""
    if g.is_Rational:
        return g
    if g.is_Add or g.is_Mul:
        return g.func(*(_masked(arg, names) for arg in g.args))
    if g.is_Pow and g.exp.is_Integer:
        return _masked(g.base, names) ** g.exp
    return names.setdefault(g, sp.Dummy())


def _unmasked(g: Any, names: dict[Any, sp.Dummy]) -> Any:
    return g.xreplace({dummy: hidden for hidden, dummy in names.items()})


def irrationals_in(g: Any) -> int:
    """How many different irrational constants the coefficients of g contain."""
    names: dict[Any, sp.Dummy] = {}
    _masked(g, names)
    return sum(not varies(hidden) for hidden in names)


def has_long_exponent(g: Any) -> bool:
    """Whether g contains a constant like exp(123456789/100000000): to sympy's polynomials it is the power 123456789 of
    exp(1/100000000), and they are dense."""
    constants = (f for f in g.atoms(sp.exp, sp.Pow) if not varies(f))
    terms = (term for f in constants for term in sp.Add.make_args(f.exp))
    return any(abs(int(term.as_coeff_Mul()[0].p)) > MAX_CONSTANT_EXPONENT for term in terms)  # type: ignore[union-attr]


def expanded_sum(g: Any) -> Any:
    if degree_of(g) > (MAX_IRRATIONAL_DEGREE if irrationals_in(g) else MAX_DEGREE) or terms_of(g) > MAX_TERMS:
        raise Unlocated
    names: dict[Any, sp.Dummy] = {}
    return _unmasked(sp.expand(_masked(g, names)), names)


def _zeros_of_part(g: Any) -> frozenset[sp.Expr]:
    """The zeros of a numerator or denominator."""
    if not g.is_Add:
        return zeros_of(g)
    g = expanded_sum(g)
    if not g.is_Add:
        return zeros_of(g)
    coefficients: dict[int, sp.Expr] = {}
    for term in g.args:
        scale, f = term.as_independent(U)
        n = f.as_base_exp()[1] if f != 1 else sp.S.Zero
        if f != 1 and (f.as_base_exp()[0] != U or not n.is_Integer):
            return _zeros_by_inverse(g)
        coefficients[int(n)] = coefficients.get(int(n), sp.S.Zero) + scale
    shift = min(coefficients)
    return _zeros_of_polynomial({n - shift: c for n, c in coefficients.items()})


def _zeros_of_polynomial(coefficients: dict[int, sp.Expr]) -> frozenset[sp.Expr]:
    """Real zeros in radicals: degree up to 2, a*u**n + b, and products of such over the rationals."""
    degree = max(coefficients)
    a, c = coefficients[degree], coefficients[0]
    if degree == 0:
        return frozenset()
    if len(coefficients) == 2:
        ratio = -c / a
        return frozenset([ratio ** sp.Rational(1, degree)]) if _decided(ratio) > 0 else frozenset()
    if degree == 2:
        return _zeros_of_quadratic(a, coefficients[1], c)
    if not all(c.is_Rational and bits_of(c) < 1024 for c in coefficients.values()):
        raise Unlocated
    poly = sp.Poly(coefficients, U)
    factors = [factor for factor, _ in poly.factor_list()[1]]
    if len(factors) > 1 or factors[0].degree() < degree:
        parts = ({n: c for (n,), c in factor.terms()} for factor in factors if factor.as_expr() != U)
        return frozenset().union(*map(_zeros_of_polynomial, parts))
    if poly.count_roots(0, None):  # Sturm's theorem
        raise Unlocated
    return frozenset()


def _zeros_of_quadratic(a: sp.Expr, b: sp.Expr, c: sp.Expr) -> frozenset[sp.Expr]:
    discriminant = b**2 - 4 * a * c
    if _decided(discriminant) < 0:
        return frozenset()
    return frozenset((-b + s * sp.sqrt(discriminant)) / (2 * a) for s in (1, -1))


def _zeros_by_inverse(g: Any) -> frozenset[sp.Expr]:
    """A*exp(p) + B*exp(q) = 0 where p - q = log(-B/A); A + B*log(p) = 0 where p = exp(-A/B)."""
    if not is_small(g):
        raise Unlocated
    logs = [(c, f) for c, f in (term.as_independent(U) for term in g.args) if isinstance(f, sp.log)]
    rest = g - sum((c * f for c, f in logs), sp.S.Zero)
    if len(logs) == 1 and U not in rest.free_symbols:
        [(scale, log)] = logs
        if _decided(rest / scale + 500) < 0 or _decided(rest / scale - 500) > 0:  # exp of it is out of range
            raise Unlocated
        return zeros_of(log.args[0] - stable_exp(-rest / scale))
    grouped: dict[sp.Expr, sp.Expr] = {}
    for term in g.args:
        scale, f = term.as_independent(U)
        power = sp.S.Zero if f == 1 else exponential_of(sp.powsimp(f))
        if power is None:
            raise Unlocated
        grouped[power] = grouped.get(power, sp.S.Zero) + scale
    if len(grouped) != 2:
        raise Unlocated
    (p, a), (q, b) = grouped.items()
    ratio = -b / a
    return zeros_of(p - q - sp.log(ratio)) if _decided(ratio) > 0 else frozenset()


def _decided(constant: sp.Expr) -> int:
    try:
        return sign_of(constant)
    except Undecided:
        raise Unlocated from None
