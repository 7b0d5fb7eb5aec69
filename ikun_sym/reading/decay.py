"""Growing exponentials written with decaying ones, and rational functions of one exponential in lowest terms."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import sympy as sp

from ..catalogue.piecewise import U
from .bounds_on_input import MAX_DEGREE, MAX_TERMS, SAFE
from .exponentials import exponential_of, stable_exp
from .interval import is_small, shifted
from .numeric import CONTEXTS, Undecided, numeric_value, varies
from .ranges import range_of
from .signs import Signs
from .zeros import degree_of, terms_of

SAMPLES = (Fraction(1, 7), Fraction(1, 2), Fraction(6, 7))


def decaying(at: Signs, value: sp.Expr) -> sp.Expr:
    """The same value with c + d*exp(w), w growing, written exp(w)*(c*exp(-w) + d), and all exponentials in one: so
    exp(u)/(1 + exp(u))**2 becomes exp(-u)/(exp(-u) + 1)**2. Kept only if the numbers agree."""
    exponent, others, changed = sp.S.Zero, [], False
    for factor in sp.Mul.make_args(value):
        if (w := exponential_of(factor)) is not None:
            exponent, changed = exponent + w, True
            continue
        base, n = factor.as_base_exp()
        large = growing(at, base) if base.is_Add and n.is_Rational else None
        if large is None:
            others.append(factor)
        else:
            exponent, changed = exponent + n * large, True
            others.append(sp.Add(*(shifted(term, -large) for term in base.args)) ** n)
    if not changed:
        return value
    new = sp.Mul(*others, stable_exp(exponent))
    return new if new == value or _agree(at, value, new) else value


def growing(at: Signs, total: Any) -> sp.Expr | None:
    """The largest exponent of the exponentials in a sum, if it is large and positive on the interval."""
    exponents = {w for term in total.args for f in sp.Mul.make_args(term) if (w := exponential_of(f)) is not None}
    large = [w for w in exponents if is_small(w) and range_of(w, at.ranges)[1] > SAFE and at.direction(w) > 0]
    far = at.point(Fraction(999, 1000))
    try:
        return max(large, key=lambda w: numeric_value(w, far, absolute=True)) if large else None
    except Undecided:
        return None


def _agree(at: Signs, old: sp.Expr, new: sp.Expr) -> bool:
    try:
        pairs = [[numeric_value(e, at.point(f)) for e in (old, new)] for f in SAMPLES]
    except Undecided:
        return False
    return all(abs(a - b) <= abs(a) * CONTEXTS[0].mpf("1e-25") for a, b in pairs)


def lowest_terms(at: Signs, value: Any) -> sp.Expr:
    """P(e)/Q(e) in lowest terms, e = exp(w) <= 1 up to a constant, for a value that is a rational function
    of one exponential with a denominator: so 1 - tanh(u)**2 becomes 4e/(1 + e)**2, e = exp(-2u), which keeps its digits
    where the difference loses them. Any other value is returned as it is."""
    if not any(p.exp.is_negative and p.base.is_Add and varies(p.base) for p in value.atoms(sp.Pow)):
        return value
    powers = {f: w for f in value.atoms(sp.exp, sp.Pow) if varies(f) and (w := exponential_of(f)) is not None}
    generator = _generator(at, list(powers.values()))
    if generator is None:
        return value
    e = sp.Dummy("e", positive=True)
    multiples = {f: _ratio(w, generator) for f, w in powers.items()}
    scale, fraction = value.xreplace({f: e**n for f, n in multiples.items()}).as_independent(e, as_Add=False)
    if not _is_plain(fraction, e):
        return value
    shape = fraction.xreplace({e: U})
    if degree_of(shape) > MAX_DEGREE or terms_of(shape) > MAX_TERMS:
        return value
    new = scale * _factored(fraction, e, generator)
    return new if _agree(at, value, new) else value


def _is_plain(fraction: Any, e: sp.Dummy) -> bool:
    """Whether `fraction` is made of rationals and e by sums, products and integer powers."""
    if fraction.is_Rational or fraction is e:
        return True
    if fraction.is_Pow:
        return bool(fraction.exp.is_Integer) and _is_plain(fraction.base, e)
    return bool(fraction.is_Add or fraction.is_Mul) and all(_is_plain(arg, e) for arg in fraction.args)


def _ratio(w: Any, other: Any) -> Any:
    """w/other if that is a rational number, else None."""
    (c, p), (d, q) = w.primitive(), other.primitive()
    if p == q:
        return c / d
    return -c / d if p == -q else None


def _generator(at: Signs, exponents: list[Any]) -> Any:
    """w of which every exponent is an integer multiple and whose exponential does not grow, if there is one."""
    if not exponents or not all(is_small(w) for w in exponents):
        return None
    ratios = [_ratio(w, exponents[0]) for w in exponents]
    if any(r is None for r in ratios):
        return None
    common = math.lcm(*(int(r.q) for r in ratios))
    multiples = [int(r * common) for r in ratios]
    step = math.gcd(*multiples)
    if max(map(abs, multiples)) // step > MAX_DEGREE:
        return None
    generator = exponents[0] * sp.Rational(step, common)
    side = at.direction(generator)
    return None if side == 0 else -side * generator


def _factored(fraction: Any, e: sp.Dummy, generator: Any) -> sp.Expr:
    """`fraction` in lowest terms, e pulled out, repeated factors gathered, 1 - e rather than e - 1; e = exp(generator)."""
    parts = (sp.Poly(part, e, domain="QQ") for part in sp.fraction(sp.together(fraction)))
    scale, power, factors = sp.S.One, 0, []
    for poly, sign in zip(next(parts).cancel(next(parts), include=True), (1, -1), strict=True):
        (lowest,), poly = poly.terms_gcd()
        power += sign * lowest
        constant, repeated = poly.sqf_list()
        scale *= sp.Rational(constant) ** sign
        for factor, n in repeated:
            flip = -1 if factor.coeff_monomial(1) < 0 else 1
            scale *= flip**n
            terms = (flip * c * stable_exp(m * generator) for (m,), c in factor.as_dict().items())
            factors.append(sp.Add(*terms) ** (sign * n))
    return sp.Mul(scale, stable_exp(power * generator), *factors)
