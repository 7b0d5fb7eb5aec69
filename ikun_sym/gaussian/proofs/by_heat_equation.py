"""The heat-equation certificate for forms with the Faddeeva function or error functions of the mean.

G(μ, v) = E[g(X)], X ~ N(μ, v), if for v > 0
  (0) G is smooth in μ on all of ℝ,
  (1) ∂G/∂v = ½ ∂²G/∂μ²,
  (2) G → g for almost every μ as v → 0⁺, and
  (3) |G| <= C (1 + |μ|)^n for 0 < v <= 1, with C and n that do not depend on v.
For by (0), (1), (3) and Tychonoff's theorem G(μ, v) = E[G(Y, ε)], Y ~ N(μ, v − ε), for every ε in (0, v); and as ε → 0
the right side tends to E[g(X)] by (2) and, thanks to (3), dominated convergence. Without (0) e^{b²v/2 − b|μ|} passes,
without (3) the dipole μ v^{−3/2} e^{−μ²/2v}.

(2) and (3) come together, from w(z) = (i/√π) Σ_{k<K} (2k−1)!!/(2^k z^{2k+1}) + R with |R| <= Γ(K+½)/(π |z|^{2K} Im z), which
follows from w(z) = (i/π) ∫ e^{−t²}/(z − t) dt, Im z > 0. With z = ζ/√(2v) each order brings a factor v. Error functions are
bounded by 1, and continuous where the root below the line is positive down to v = 0.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from ...expressions.symbols import MEAN, VAR
from ...expressions.vocabulary import ImW, ReW
from ...expressions.zero_test import is_zero
from ..form import Certificate, Check

_SMOOTH = (sp.exp, sp.erf, ReW, ImW)
_OMEGA = sp.Dummy("omega", positive=True)  # √v, which no parameter is, whatever its name


@dataclass(frozen=True)
class _Words:
    """form = Σ over poles ζ of (re · Re w + im · Im w) + Σ exponentials + Σ error functions + rest. Of an error function: the
    coefficient, itself, and its limit as v → 0."""

    faddeeva: dict[tuple[sp.Expr, sp.Expr], tuple[sp.Expr, sp.Expr]]
    exponentials: list[tuple[sp.Expr, sp.Expr]]
    errors: list[tuple[sp.Expr, sp.Expr, sp.Expr]]
    rest: sp.Expr


def prove_heat(function: PiecewiseFunction, form: sp.Expr) -> Certificate:
    """Is `form` = E[function(X)] for every mean, every variance > 0 and all parameters in their domains?"""
    assumptions = {f"{VAR} > 0", f"{MEAN} real"} | {f"{s} > 0" for s in function.free_symbols if s.is_positive}
    smooth = _is_smooth(form)
    checks = [Check("(0) the form is smooth in μ: entire functions of polynomials in μ", "its functions and arguments", smooth)]
    if smooth:
        residual = sp.diff(form, VAR) - sp.diff(form, MEAN, 2) / 2
        checks.append(Check("(1) ∂G/∂v − ½ ∂²G/∂μ² = 0", "zero test", is_zero(residual)))
        checks += _limit_checks(function, form)
    holds = all(check.holds for check in checks)
    return Certificate(
        status="proved-heat" if holds else "unknown", assumptions=tuple(sorted(assumptions)), checks=tuple(checks)
    )


def _is_smooth(form: sp.Expr) -> bool:
    functions = form.atoms(sp.Function)
    if not all(isinstance(f, _SMOOTH) and all(arg.is_polynomial(MEAN) for arg in f.args) for f in functions if f.has(MEAN)):  # type: ignore[union-attr]
        return False
    powers = (power for power in form.atoms(sp.Pow) if power.base.has(MEAN) or power.exp.has(MEAN))
    return all(power.exp.is_Integer and power.exp > 0 for power in powers if not isinstance(power, sp.exp))


def _limit_checks(function: PiecewiseFunction, form: sp.Expr) -> list[Check]:
    words = _words(form)
    if words is None:
        return [
            Check("the form is a sum of Faddeeva functions with Im z > 0, exponentials and polynomials", "normal form", False)
        ]
    checks = [
        Check(f"(3) |{word}| <= 1 and its coefficient stays bounded as v → 0", "powers of v", _is_bounded(coefficient))
        for coefficient, word in words.exponentials
    ]
    for coefficient, word, _ in words.errors:
        what = f"(3) |{word.subs(_OMEGA, sp.sqrt(VAR))}| <= 1 and its coefficient depends neither on μ nor on v"
        checks.append(Check(what, "its symbols", not coefficient.has(_OMEGA, MEAN)))
    expansion = [*_laurent(words.rest), *((0, coefficient * limit) for coefficient, _, limit in words.errors)]
    for (x, y), (re, im) in words.faddeeva.items():
        lowest = min(_lowest(re), _lowest(im))
        order = max(1, 1 + (-lowest) // 2)  # remainder ~ ω^(lowest + 2·order + 1), to be a positive power
        height = y.subs(_OMEGA, sp.sqrt(VAR))
        what = f"(3) Im z = {height} > 0, and after {order} terms the remainder's factor is a positive power of v"
        checks.append(Check(what, "powers of v", bool((y * _OMEGA).is_positive) and lowest + 2 * order + 1 > 0))
        for power, real, imaginary in _asymptotic(x, y, order):
            expansion += [(power + n, c * real) for n, c in _laurent(re)]
            expansion += [(power + n, c * imaginary) for n, c in _laurent(im)]
    return checks + _expansion_checks(function, expansion)


def _expansion_checks(function: PiecewiseFunction, expansion: list[tuple[int, sp.Expr]]) -> list[Check]:
    """The explicit part, given by (power of ω = √v, coefficient), is a polynomial in ω whose constant term is g."""
    parts: defaultdict[int, list[sp.Expr]] = defaultdict(list)
    for power, coefficient in expansion:
        parts[power].append(coefficient)
    regular = not any(coefficient.has(_OMEGA) for _, coefficient in expansion)
    regular = regular and all(is_zero(sp.Add(*found)) for power, found in parts.items() if power < 0)
    checks = [Check("(3) negative powers of v cancel in the explicit part", "polynomial arithmetic", regular)]
    limit = sp.Add(*parts[0])
    for piece in function.pieces:
        differs = limit.subs(MEAN, piece.side * U) - piece.value
        same = piece.lo == 0 and piece.hi == sp.oo and is_zero(differs)
        sign = "> 0" if piece.side > 0 else "< 0"
        checks.append(Check(f"(2) the form tends to g as v → 0⁺ for μ {sign}", "polynomial arithmetic", same))
    return checks


def _laurent(coefficient: sp.Expr) -> list[tuple[int, sp.Expr]]:
    """(power of ω, its coefficient) of each term; a coefficient that has ω still is none of a Laurent polynomial."""
    found = []
    for term in sp.Add.make_args(sp.expand(coefficient)):
        power = int(term.as_powers_dict().get(_OMEGA, sp.S.Zero))
        found.append((power, term / _OMEGA**power))
    return found


def _words(form: sp.Expr) -> _Words | None:
    """Split into words, v = ω²; None if a term is not of this kind."""
    pairs: defaultdict[tuple[sp.Expr, sp.Expr], list[sp.Expr]] = defaultdict(lambda: [sp.S.Zero, sp.S.Zero])
    exponentials, errors, rest = [], [], sp.S.Zero
    for term in sp.Add.make_args(sp.expand(form.subs(VAR, _OMEGA**2))):
        coefficient, words = (
            term.as_independent(*_SMOOTH) if term.is_Mul else ((sp.S.One, term) if term.has(*_SMOOTH) else (term, sp.S.One))
        )
        if isinstance(words, (ReW, ImW)):
            x, y = (sp.expand(arg) for arg in words.args)
            if not ((x * _OMEGA).is_polynomial(MEAN) and not sp.expand(x * _OMEGA).has(_OMEGA) and (y * _OMEGA).is_positive):
                return None
            pairs[x, y][isinstance(words, ImW)] += coefficient
        elif isinstance(words, sp.exp) and _is_nonpositive(words.args[0]):  # type: ignore[arg-type]
            exponentials.append((coefficient, words))
        elif isinstance(words, sp.erf):
            argument = _at_zero(words.args[0])  # type: ignore[arg-type]
            if argument is None:
                return None
            errors.append((coefficient, words, sp.erf(argument)))
        elif words == 1 and coefficient.is_polynomial(MEAN):
            rest += coefficient
        else:
            return None
    return _Words({key: (re, im) for key, (re, im) in pairs.items()}, exponentials, errors, rest)


def _at_zero(argument: sp.Expr) -> sp.Expr | None:
    """The limit as ω → 0 of N(μ)/√D(ω), D a polynomial that is positive at ω = 0 too: the argument is continuous there. N is
    real: erf is bounded by 1 on the real line only."""
    numerator, denominator = sp.fraction(sp.together(argument))
    square = sp.expand(denominator**2)
    constant = square.subs(_OMEGA, 0)
    smooth = square.is_polynomial(_OMEGA) and not square.has(MEAN) and not numerator.has(_OMEGA) and numerator.is_real
    if not (smooth and constant.is_positive and denominator.is_positive):
        return None
    return numerator / sp.sqrt(constant)


def _is_nonpositive(exponent: sp.Expr) -> bool:
    """−(a real number)²/(a positive number): vanishes at one μ only, and tends to −∞ elsewhere as ω → 0."""
    scaled = sp.factor(-exponent * _OMEGA**2)
    return not scaled.has(_OMEGA) and bool(sp.sqrt(scaled).is_real) and bool(scaled.is_nonnegative) and scaled.has(MEAN)


def _is_bounded(coefficient: sp.Expr) -> bool:
    """Whether it is a polynomial in ω."""
    return all(power >= 0 and not rest.has(_OMEGA) for power, rest in _laurent(coefficient))


def _lowest(coefficient: sp.Expr) -> int:
    """The lowest power of ω in a Laurent polynomial."""
    return 0 if coefficient == 0 else min(power for power, _ in _laurent(coefficient))


def _asymptotic(x: sp.Expr, y: sp.Expr, order: int) -> list[tuple[int, sp.Expr, sp.Expr]]:
    """(power of ω, real, imaginary part of its coefficient) of (i/√π) Σ_{k<order} (2k−1)!!/(2^k z^{2k+1}), z = x + iy, as
    rational functions."""
    xi, eta = sp.expand(x * _OMEGA), sp.expand(y * _OMEGA)
    size, found = xi**2 + eta**2, []
    for k in range(order):
        power = 2 * k + 1
        scale = sp.factorial2(2 * k - 1) / (2**k * sp.sqrt(sp.pi)) / size**power
        re, im = sp.S.One, sp.S.Zero  # (ξ − iη)^power
        for _ in range(power):
            re, im = sp.expand(re * xi + im * eta), sp.expand(im * xi - re * eta)
        found.append((power, -im * scale, re * scale))
    return found
