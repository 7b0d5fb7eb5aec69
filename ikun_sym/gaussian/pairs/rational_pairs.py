"""Rule: one rational function on the whole line with simple complex poles. The orthant at complex arguments.

Such a function is Re Σ κ/(y + i(x − p)), y > 0, and 1/(y + it) = ∫_0^∞ e^{−(y + it)s} ds. So with β = y ± i(μ − p), β' alike,

    E[1/((y ± i(X − p)) (y' ± i(X' − p')))] = ∫∫_{s, s' > 0} exp(−βs − β's' − ½(vs² ± 2 cov ss' + v's'²)) ds ds',

a normal density with a constant on the orthant: (2π/√D) e^{(v'β² ∓ 2 cov ββ' + vβ'²)/2D} P(Z > h, Z' > k) of correlation
∓cov/√(vv'), D = vv' − cov². For real β that is a completed square; both sides are entire in β and β'.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction
from ...expressions.arguments import arguments
from ...expressions.zero_test import is_zero
from ..form import Check, ClosedForm
from ..rules.rational_line import X, decompose, on_the_line
from .orthant import Orthant
from .symbols import COV, DET, MEAN, OTHER_MEAN, OTHER_VAR, VAR
from .truncated_moments import proof_of

METHOD = "rational in x, by the orthant at complex arguments"

_S, _T = sp.Dummy("s", positive=True), sp.Dummy("s'", positive=True)
_B, _C, _SIGNED = sp.Dummy("beta", real=True), sp.Dummy("beta'", real=True), sp.Dummy("c", real=True)


@dataclass(frozen=True)
class Pole:
    """weight/(height + i sign (x − centre))."""

    weight: sp.Expr
    height: sp.Expr
    centre: sp.Expr
    sign: int

    @property
    def expr(self) -> sp.Expr:
        return self.weight / (self.height + sp.I * self.sign * (X - self.centre))


def poles_of(function: PiecewiseFunction) -> list[Pole] | None:
    """None if it is not of this class."""
    found = decompose(function)
    if found is None or found[0] != 0 or any(fraction.order != 1 for fraction in found[1]):
        return None
    return [Pole((f.even / f.height + sign * sp.I * f.odd) / 2, f.height, f.centre, sign) for f in found[1] for sign in (1, -1)]


def closed_form(function: PiecewiseFunction) -> ClosedForm | None:
    poles = poles_of(function)
    return None if poles is None else ClosedForm(expr=total_of(poles), kind="special", method=METHOD)


def total_of(poles: list[Pole]) -> sp.Expr:
    return sp.Add(*(_pair(one, other) for one, other in itertools.product(poles, repeat=2)))


def _pair(one: Pole, other: Pole) -> sp.Expr:
    beta = one.height + sp.I * one.sign * (MEAN - one.centre)
    gamma = other.height + sp.I * other.sign * (OTHER_MEAN - other.centre)
    return one.weight * other.weight * quadrant(beta, gamma, one.sign * other.sign * COV)


def quadrant(beta: sp.Expr, gamma: sp.Expr, cov: sp.Expr) -> sp.Expr:
    """∫∫_{s, s' > 0} exp(−βs − γs' − ½(vs² + 2 cov ss' + v's'²)) ds ds'."""
    h, k = (OTHER_VAR * beta - cov * gamma, VAR * gamma - cov * beta)
    exponent = (OTHER_VAR * beta**2 - 2 * cov * beta * gamma + VAR * gamma**2) / (2 * DET)
    word = Orthant(h / sp.sqrt(OTHER_VAR * DET), k / sp.sqrt(VAR * DET), -cov / sp.sqrt(VAR * OTHER_VAR))
    return 2 * sp.pi / sp.sqrt(DET) * sp.exp(exponent) * word


def checks_of(function: PiecewiseFunction, form: sp.Expr) -> list[Check]:
    poles, value = poles_of(function), on_the_line(function)
    if poles is None or value is None:
        return [Check("the function is rational on the line, with simple complex poles", "partial fractions", False)]
    what = "f' = Σ κ/(y ± i(x − p)) over its poles"
    checks = [
        Check(what, "zero test", is_zero(value - sp.Add(*(pole.expr for pole in poles)))),
        Check("every y > 0: 1/(y + it) is the integral of e^{−(y + it)s}", "signs", all(p.height.is_positive for p in poles)),
        *proof_of(0, 0),
        *_square(),
    ]
    total = total_of(poles)
    checks.append(Check("the form = sum over pairs of poles", "equality, or zero test", form == total or is_zero(form - total)))
    return checks


def _square() -> list[Check]:
    """The exponent of `quadrant` is its own constant and a normal density's, of covariance [[v', −c], [−c, v]]/D."""
    found = quadrant(_B, _C, _SIGNED)
    det = VAR * OTHER_VAR - _SIGNED**2
    found = found.subs(COV, _SIGNED)
    (word,), (power,) = found.atoms(Orthant), found.atoms(sp.exp)
    h, k, r = arguments(word)
    m = (-(OTHER_VAR * _B - _SIGNED * _C) / det, -(VAR * _C - _SIGNED * _B) / det)
    old = -_B * _S - _C * _T - (VAR * _S**2 + 2 * _SIGNED * _S * _T + OTHER_VAR * _T**2) / 2
    p, q = _S - m[0], _T - m[1]
    new = power.args[0] - (VAR * p**2 + 2 * _SIGNED * p * q + OTHER_VAR * q**2) / 2
    scale = sp.sqrt(VAR) * sp.sqrt(OTHER_VAR)
    placed = is_zero(h**2 * OTHER_VAR / det - m[0] ** 2) and is_zero(k**2 * VAR / det - m[1] ** 2)
    placed = placed and is_zero(h * sp.sqrt(OTHER_VAR) * sp.sqrt(det) + m[0] * det) and is_zero(r * scale + _SIGNED)
    placed = placed and is_zero(k * sp.sqrt(VAR) * sp.sqrt(det) + m[1] * det)
    norm = is_zero(found / (word * power) * sp.sqrt(det) / (2 * sp.pi) - 1)
    return [
        Check("the quadrant's exponent is a constant and a normal density's", "zero test", is_zero(old - new)),
        Check("its orthant's arguments and correlation, and its norm", "zero test", placed and norm),
    ]
