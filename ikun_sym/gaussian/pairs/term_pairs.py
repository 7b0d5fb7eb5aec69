"""E[p(X) e^{q(X)} 1{X ∈ I} · p'(X') e^{q'(X')} 1{X' ∈ I'}] for polynomials p and quadratics q = ax² + bx + c.

With Λ the precision matrix of (X, X'), the exponentials make of the density K times another normal density, of precision
Λ − diag(2a, 2a'), mean m and deviations s, s'. In Z = (X − m)/s and Z' the polynomials are polynomials, the intervals
intervals, and the rest is `truncated_moments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from ...catalogue.piecewise import U
from ...expressions.zero_test import is_zero
from ..form import Check, plain
from ..rules.polynomial_exponential import Term
from .symbols import COV, DET, MEAN, OTHER_MEAN, OTHER_VAR, VAR
from .truncated_moments import CORRELATION, H, K, below, in_words, proof_of, truncated

Interval = tuple[sp.Expr, sp.Expr]
_Z, _OTHER_Z = sp.Dummy("z", real=True), sp.Dummy("z'", real=True)
_X, _Y = sp.Dummy("x", real=True), sp.Dummy("x'", real=True)


@dataclass(frozen=True)
class NewLaw:
    """What the exponentials of two terms make of the density: e^exponent/√narrowing times a normal density."""

    exponent: sp.Expr
    narrowing: sp.Expr
    means: tuple[sp.Expr, sp.Expr]
    variances: tuple[sp.Expr, sp.Expr]
    covariance: sp.Expr
    correlation: sp.Expr

    @classmethod
    @lru_cache(maxsize=512)
    def of(cls, one: Term, other: Term) -> NewLaw:
        """With X = μ + Y: ax² + bx is aμ² + bμ + βy + ay², β = b + 2aμ."""
        a, b = (one.a, other.a), (one.b, other.b)
        s11, s22, narrowing = VAR, OTHER_VAR, sp.S.One
        if any(a):
            s11, s22 = VAR - 2 * a[1] * DET, OTHER_VAR - 2 * a[0] * DET
            narrowing = 1 - 2 * a[0] * VAR - 2 * a[1] * OTHER_VAR + 4 * a[0] * a[1] * DET
        p, q = b[0] + 2 * a[0] * MEAN, b[1] + 2 * a[1] * OTHER_MEAN
        at_mean = a[0] * MEAN**2 + b[0] * MEAN + one.c + a[1] * OTHER_MEAN**2 + b[1] * OTHER_MEAN + other.c
        return cls(
            exponent=at_mean + (s11 * p**2 + 2 * COV * p * q + s22 * q**2) / (2 * narrowing),
            narrowing=narrowing,
            means=(MEAN + (s11 * p + COV * q) / narrowing, OTHER_MEAN + (COV * p + s22 * q) / narrowing),
            variances=(s11 / narrowing, s22 / narrowing),
            covariance=COV / narrowing,
            correlation=COV / sp.sqrt(s11 * s22),
        )

    @property
    def constant(self) -> sp.Expr:
        return sp.exp(self.exponent) / sp.sqrt(self.narrowing)

    @property
    def deviations(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.sqrt(self.variances[0]), sp.sqrt(self.variances[1])


def _exponent(x: sp.Expr, y: sp.Expr) -> sp.Expr:
    """Of the density of (X, X')."""
    p, q = x - MEAN, y - OTHER_MEAN
    return -(OTHER_VAR * p**2 - 2 * COV * p * q + VAR * q**2) / (2 * DET)


def expectation_of(one: Term, interval: Interval, other: Term, other_interval: Interval) -> sp.Expr:
    """The form, as a sum over the corners of the rectangle."""
    law = NewLaw.of(one, other)
    total = sp.S.Zero
    for (i, j), weight in _powers(one, other, law).items():
        for x, sign in ((interval[0], 1), (interval[1], -1)):
            for y, other_sign in ((other_interval[0], 1), (other_interval[1], -1)):
                if sp.oo not in (x, y):
                    total += sign * other_sign * weight * _corner(i, j, x, y, law)
    return law.constant * total


def _powers(one: Term, other: Term, law: NewLaw) -> dict[tuple[int, int], sp.Expr]:
    """The coefficients of Zⁱ Z'ʲ in p(m + sZ) p'(m' + s'Z')."""
    parts = []
    for term, mean, deviation in zip((one, other), law.means, law.deviations, strict=True):
        degree, found = len(term.coefficients) - 1, {}
        for i in range(degree + 1):
            found[i] = sp.Add(
                *(c * sp.binomial(n, i) * mean ** (n - i) * deviation**i for n, c in enumerate(term.coefficients) if n >= i)
            )
        parts.append(found)
    return {(i, j): p * q for i, p in parts[0].items() for j, q in parts[1].items() if p != 0 and q != 0}


def _corner(i: int, j: int, x: sp.Expr, y: sp.Expr, law: NewLaw) -> sp.Expr:
    """E[Zⁱ Z'ʲ 1{X > x, X' > y}]; an end may be −∞."""
    form = truncated(i, j)
    for end, symbol in ((x, H), (y, K)):
        if end == -sp.oo:
            form = below(form, symbol)
    h, k = ((end - m) / s for end, m, s in zip((x, y), law.means, law.deviations, strict=True))
    places = {CORRELATION: law.correlation} | ({H: h} if x != -sp.oo else {}) | ({K: k} if y != -sp.oo else {})
    return in_words(form.xreplace(places))  # type: ignore[arg-type]


def proof_of_pair(one: Term, other: Term, whole: bool) -> list[Check]:
    """That the form of two terms is right on every rectangle; where an exponent has a complex rate, on the `whole` plane."""
    law = NewLaw.of(one, other)
    what = f"{plain(one.expr)} · {plain(other.expr.subs(U, _OTHER_U))}"
    (m, n), (s, t), c = law.means, law.variances, law.covariance
    p, q, det = _X - m, _Y - n, s * t - c**2
    new = law.exponent - (t * p**2 - 2 * c * p * q + s * q**2) / (2 * det)
    old = one.a * _X**2 + one.b * _X + one.c + other.a * _Y**2 + other.b * _Y + other.c + _exponent(_X, _Y)
    squares = is_zero(old - new) and is_zero(det * law.narrowing - DET)
    squares = squares and _is_correlation(law)
    falls = all(bool(term.a.is_nonpositive) for term in (one, other))
    real = all(bool(part.is_real) for term in (one, other) for part in (term.b, term.c))
    checks = [
        Check(
            f"{what}: with the density it is a constant times a normal density, of the same norm",
            "zero test",
            squares,
        ),
        Check(f"{what}: neither exponent grows like a square", "signs", falls),
    ]
    if not real:
        checks.append(Check(f"{what}: complex rates, on the whole plane: both sides are entire in them", "ends", whole))
    for i, j in _powers(one, other, law):
        checks += proof_of(i, j)
    return checks


def _is_correlation(law: NewLaw) -> bool:
    """r² = c²/ss'; and of one sign at one point, so everywhere: both vanish at covariance 0 only."""
    quotient = law.correlation / law.covariance
    somewhere = quotient.subs({COV: sp.Rational(1, 2), VAR: 1, OTHER_VAR: 1}).subs(dict.fromkeys(quotient.free_symbols, 1))
    return is_zero(quotient**2 * law.variances[0] * law.variances[1] - 1) and bool(somewhere.is_positive)


_OTHER_U = sp.Symbol("u'", positive=True)
