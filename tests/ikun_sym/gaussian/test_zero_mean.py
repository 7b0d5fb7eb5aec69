"""Forms at mean 0 in standard functions, and the special functions that forms contain: against mpmath, which shares no code
with them, and against planted errors."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy as sp
from flint import acb, arb, ctx, fmpq
from mpmath import mp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U, even
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.expressions.lowering import precision
from ikun_sym.expressions.symbols import MEAN
from ikun_sym.expressions.vocabulary import VOCABULARY, GoodwinStaton, ImW, ReW, TricomiU
from ikun_sym.gaussian.closed_form import derive, derive_at, form_ball
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.form import Certificate, ClosedForm
from ikun_sym.gaussian.rules import zero_mean
from ikun_sym.gaussian.rules.zero_mean import at_zero_mean, goodwin_staton, incomplete
from tests.ikun_sym.gaussian.mutant_table import function_of
from tests.selection import spread

A = sp.Symbol("alpha", positive=True)
Real = Any  # mpmath's numbers have no public type


def staton(s: Real, a: Real, z: Real) -> Real:
    """T_s(a, z) = ∫_a^∞ e^{−t²} (t + z)^{−s} dt by quadrature, with x = t − a, so that the gap a + z is resolved, and
    e^{−a²} in front for a > 0, because the quadrature's tolerance is absolute."""
    peak = max(a, mpmath.mpf(0)) ** 2
    reach = mp.sqrt(mp.dps * mp.log(10) * 1.2) + 1
    end = reach + max(-a, mpmath.mpf(0))
    extra = -2 * a if a < 0 else mpmath.mpf(0)
    gap = a + z
    points = [mpmath.mpf(0)]
    width = gap / 8
    while width < end + extra:
        points.append(width)
        width *= mpmath.mpf("1.6")
    points += [-a + step for step in (-3, -1, 0, 1, 3) if 0 < -a + step < end]
    points += [1 / (1 + abs(a)) * n for n in (1, 3, 8, 20)]
    integral = mp.quad(lambda x: mp.exp(peak - (a + x) ** 2) * (x + gap) ** -s, sorted({*points, end}))
    return mp.exp(-peak) * integral


# --- T_n(0, z) and T_n(a, 0) ------------------------------------------------------------------------------------------

ARGUMENTS = ("0.01", "0.3", "1", "2.5", "7")


def value(expr: sp.Expr, symbol: sp.Symbol, at: str) -> Real:
    return sp.lambdify(symbol, expr, "mpmath")(mpmath.mpf(at))


@pytest.mark.parametrize("order", spread(range(1, 7), 3, 1))
def test_goodwin_staton_at_zero(order: int) -> None:
    """25 digits; the formula for order n loses about z^{2n} to cancellation, so it is evaluated with 90."""
    for at in ARGUMENTS:
        with mp.workdps(90):
            formula = value(goodwin_staton(order), zero_mean._Z, at)
        with mp.workdps(40):
            assert abs(formula / staton(order, mpmath.mpf(0), mpmath.mpf(at)) - 1) < mpmath.mpf("1e-25")


@pytest.mark.parametrize("order", spread(range(0, 7), 3))
def test_incomplete(order: int) -> None:
    for at in ARGUMENTS[1:]:
        with mp.workdps(90):
            formula = value(incomplete(order), zero_mean._A, at)
        with mp.workdps(40):
            assert abs(formula / staton(order, mpmath.mpf(at), mpmath.mpf(0)) - 1) < mpmath.mpf("1e-25")


WRONG_GOODWIN = {
    "sign of Ei": lambda z: sp.exp(-(z**2)) * (sp.pi * sp.erfi(z) + sp.Ei(z**2)) / 2,
    "factor 2": lambda z: sp.exp(-(z**2)) * (sp.pi * sp.erfi(z) - sp.Ei(z**2)),
    "factor of erfi": lambda z: sp.exp(-(z**2)) * (sp.erfi(z) - sp.Ei(z**2)) / 2,
    "exponent": lambda z: sp.exp(z**2) * (sp.pi * sp.erfi(z) - sp.Ei(z**2)) / 2,
    "argument": lambda z: sp.exp(-(z**2)) * (sp.pi * sp.erfi(z) - sp.Ei(z)) / 2,
    "constant": lambda z: sp.exp(-(z**2)) * (sp.pi * sp.erfi(z) - sp.Ei(z**2)) / 2 + sp.Rational(1, 1000),
    # this one solves the equation: only the limit refuses it
    "another solution": lambda z: sp.exp(-(z**2)) * (sp.pi * sp.erfi(z) - sp.Ei(z**2) + sp.Rational(1, 1000)) / 2,
}


@pytest.mark.parametrize("label", WRONG_GOODWIN)
def test_a_wrong_goodwin_staton_formula_is_refused(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unwrapped = zero_mean.goodwin_staton_checks.__wrapped__
    assert all(check.holds for check in unwrapped())
    monkeypatch.setattr(zero_mean, "_goodwin_staton_1", lambda: WRONG_GOODWIN[label](zero_mean._Z))
    assert not all(check.holds for check in unwrapped())


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "change",
    [
        lambda f, a: 2 * f,
        lambda f, a: -f,
        lambda f, a: f + sp.Rational(1, 1000),  # its derivative is right: only the limit refuses it
        lambda f, a: f.subs(a, 2 * a),
        lambda f, a: f + sp.exp(-(a**2)),
    ],
    ids=["factor", "sign", "constant", "argument", "term"],
)
def test_a_wrong_incomplete_formula_is_refused(order: int, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right, unwrapped = zero_mean.incomplete, zero_mean.incomplete_checks.__wrapped__
    assert all(check.holds for check in unwrapped(order))
    monkeypatch.setattr(zero_mean, "incomplete", lambda n: change(right(n), zero_mean._A))
    assert not all(check.holds for check in unwrapped(order))


@pytest.mark.parametrize("order", [2, 3])
def test_a_wrong_recursion_is_seen_in_the_values(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step n → n + 1 is a theorem, not a check: what guards its implementation is the comparison above."""
    right = zero_mean.goodwin_staton.__wrapped__
    wrong = right(order) * (1 + sp.Rational(1, 10**20))
    monkeypatch.setattr("tests.ikun_sym.gaussian.test_zero_mean.goodwin_staton", lambda n: wrong)
    with pytest.raises(AssertionError):
        test_goodwin_staton_at_zero(order)


# --- forms at mean 0 --------------------------------------------------------------------------------------------------


@cache
def close(function: PiecewiseFunction, form: ClosedForm, var: Fraction, digits: int = 30) -> bool:
    """Form and integral at mean 0, α = 2, agree within the form's error."""
    assert form.expr is not None
    with precision(300):  # a ball is read from its decimals at the current precision
        integral = expectation(function, {A: Fraction(2)}, Fraction(0), var, digits).ball()
        closed = form_ball(form.expr, {A: Fraction(2)}, Fraction(0), var, digits)
        error = abs(integral) * form.error.numerator / form.error.denominator
        return bool((closed + arb(0, error.upper())).overlaps(integral))


AT_ZERO = {
    "(1 + αu)^−1": (even((1 + A * U) ** -1), "proved-ode"),
    "(1 + αu)^−2": (even((1 + A * U) ** -2), "proved-ode"),
    "(1 + αu)^−5": (even((1 + A * U) ** -5), "proved-ode"),
    "u/(1 + αu)^3": (even(U * (1 + A * U) ** -3), "proved-ode"),
    "(A + Bu²)^−3/2": (even((1 + A * U**2) ** sp.Rational(-3, 2)), "proved-ftc"),
    "(A + Bu²)^−1/2": (even(3 * (2 + U**2) ** sp.Rational(-1, 2)), "proved-ftc"),
    "(A + Bu²)^−5/4": (even((A + A**2 * U**2) ** sp.Rational(-5, 4)), "proved-ftc"),
}


@pytest.mark.parametrize("label", AT_ZERO)
def test_forms_at_mean_zero(label: str) -> None:
    function, status = AT_ZERO[label]
    form = derive_at(function, Fraction(0))
    assert form.expr is not None
    assert form.certificate.status == status
    assert not form.expr.has(GoodwinStaton, MEAN)
    for var in ("1/100", "1", "50"):
        assert close(function, form, Fraction(var))


def test_tricomi_form_of_an_integer_power() -> None:
    """The Faddeeva form comes first at exponent 3; Tricomi's says the same."""
    function = even((1 + A * U**2) ** -3)
    general = derive(function)
    assert general.certificate.status == "proved-heat"
    form = zero_mean._by_tricomi(function)
    assert form is not None
    assert form.expr is not None
    assert form.expr.has(TricomiU)
    assert form.certificate.status == "proved-ftc"
    for var in ("1/100", "1", "50"):
        assert close(function, form, Fraction(var))
        assert close(function, general, Fraction(var))


@pytest.mark.parametrize("label", [label for label, (_, status) in AT_ZERO.items() if status == "proved-ftc"])
def test_a_wrong_substitution_is_refused(label: str) -> None:
    """One error in the ratio, the scale or the exponent."""
    piece = AT_ZERO[label][0].pieces[0].value
    base, power = next((b, p) for b, p in piece.as_powers_dict().items() if b.has(U))
    outer, order = piece / base**power, -power
    rest = base.subs(U, 0)
    ratio, scale = sp.diff(base, U, 2) / 2 / rest, outer * rest**-order
    assert zero_mean._substitution_check(piece, ratio, scale, order).holds
    for wrong in (
        (2 * ratio, scale, order),
        (ratio, 2 * scale, order),
        (ratio, -scale, order),
        (ratio, scale, order + 1),
        (ratio, scale * (1 + sp.Rational(1, 10**9)), order),
        (ratio, scale, order + sp.Rational(1, 10**9)),
    ):
        assert not zero_mean._substitution_check(piece, *wrong).holds


def test_a_form_at_zero_rests_on_that_of_a_general_mean() -> None:
    """Without a proof of the general form there is none at 0."""
    function = even((1 + A * U) ** -2)
    general = derive(function)
    bare = ClosedForm(expr=general.expr, kind=general.kind, method="planted", certificate=Certificate(status="unknown"))
    assert at_zero_mean(function, general).certificate.proved
    assert not at_zero_mean(function, bare).certificate.proved


def test_a_wrong_form_at_mean_zero_is_seen() -> None:
    function = AT_ZERO["(1 + αu)^−2"][0]
    form = derive_at(function, Fraction(0))
    assert form.expr is not None
    wrong = ClosedForm(expr=form.expr * (1 + sp.Rational(1, 10**20)), kind=form.kind, method="planted")
    assert not close(function, wrong, Fraction(1))


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 4, 3))
def test_registered_surrogates_at_mean_zero(name: str) -> None:
    """The form at mean 0 gives the integral's value, and is proved where the general one is."""
    function = function_of(name, 2)
    form, general = derive_at(function, Fraction(0)), derive(function)
    assert form.certificate.proved >= general.certificate.proved
    if form.expr is None or form == general:
        pytest.skip("no form of its own at mean 0")
    surrogate = SURROGATES[name]
    values = surrogate.bind(dict.fromkeys((p.name for p in surrogate.params if p.default is None), 1)).environment
    with precision(300):
        integral = expectation(function, values, Fraction(0), Fraction(1), 30).ball()
        closed = form_ball(form.expr, values, Fraction(0), Fraction(1), 30)
        assert (abs(closed - integral) / integral).lower() <= arb(form.error.numerator) / form.error.denominator


# --- the words in ball arithmetic -------------------------------------------------------------------------------------

BITS = 200
"""Working precision: 60 digits, of which Arb's U(½, ½, z²) loses up to 20 where it changes from one series to another."""


def agrees(head: type[sp.Function], args: tuple[str, ...], reference: Real) -> bool:
    """The ball contains the reference, known to 45 digits, and its radius is at most 1e-25 of the value."""
    with precision(BITS):
        exact = [Fraction(arg) for arg in args]
        balls = [acb(fmpq(x.numerator, x.denominator)) for x in exact]
        found = VOCABULARY[head].ball(*balls, analytic=False).real
        true = arb(mp.nstr(reference, 50)) * (1 + arb(0, "1e-40"))
        return bool(found.overlaps(true)) and bool(found.rad() <= arb("1e-25") * abs(true))


def exactly(text: str) -> Real:
    x = Fraction(text)
    return mpmath.mpf(x.numerator) / x.denominator


STATON = [
    (s, a, z)
    for s in ("1/2", "1", "2", "7/3", "6")
    for a, z in (("0", "1/1000000"), ("0", "1"), ("0", "50"), ("30", "1/10"), ("-30", "31"), ("-30", "30.001"))
] + [("2", a, z) for a, z in (("-3", "3.0000001"), ("1/1000", "0"), ("5", "-4.99"), ("-1/2", "7"), ("2", "1000"))]


@pytest.mark.parametrize(("s", "a", "z"), spread(STATON, 5))
def test_goodwin_staton_in_balls(s: str, a: str, z: str) -> None:
    with mp.workdps(60):
        assert agrees(GoodwinStaton, (s, a, z), staton(exactly(s), exactly(a), exactly(z)))


@pytest.mark.parametrize("b", spread(["1/2", "1", "1/4", "-3/2"], 4, 2))
def test_tricomi_in_balls(b: str) -> None:
    """U(½, b, z) by its integral, t = x²: 2/√π ∫ e^{−zx²} (1 + x²)^{b − 3/2} dx."""
    for z in ("1/1000", "1/3", "1", "40", "3000"):
        with mp.workdps(60):
            power, scale = exactly(b) - mpmath.mpf(3) / 2, exactly(z)
            reach = mp.sqrt(160 / scale)
            points = sorted({mpmath.mpf(0), reach, *(mpmath.mpf(2) ** n for n in range(-8, 9) if mpmath.mpf(2) ** n < reach)})
            points = sorted({*points, *(reach * n / 16 for n in range(1, 16))})
            integral = mp.quad(lambda x, p=power, c=scale: mp.exp(-c * x * x) * (1 + x * x) ** p, points)
            assert agrees(TricomiU, ("1/2", b, z), 2 * integral / mp.sqrt(mp.pi))


@pytest.mark.parametrize("count", spread([5, 40], 2))
def test_faddeeva_in_balls(count: int) -> None:
    """`count` points, seed 5, x to ±30, y from 1e-3 to 1e3, by e^{−z²} erfc(−iz) in 700 digits, for
    y > 25 a continued fraction."""
    draw = random.Random(5)
    for _ in range(count):
        x, y = str(Fraction(draw.randint(-30000, 30000), 1000)), str(Fraction(round(10 ** draw.uniform(0, 6)), 1000))
        with mp.workdps(80):
            if exactly(y) > 25:  # there erfc takes long and the fraction converges fast
                z, tail = mpmath.mpc(exactly(x), exactly(y)), mpmath.mpc(0)
                for n in range(400, 0, -1):
                    tail = mpmath.mpf(n) / 2 / (z - tail)
                w = 1j / mp.sqrt(mp.pi) / (z - tail)
            else:
                with mp.workdps(700):
                    z = mpmath.mpc(exactly(x), exactly(y))
                    w = mp.exp(-z * z) * mp.erfc(-1j * z)
            assert agrees(ReW, (x, y), w.real)
            assert w.imag == 0 or agrees(ImW, (x, y), w.imag)


@pytest.mark.parametrize("head", [sp.erfi, sp.Ei])
def test_erfi_and_ei_in_balls(head: type[sp.Function]) -> None:
    """Ei has a zero at 0.3725…, where a relative error says little: it is left out."""
    reference = {sp.erfi: mp.erfi, sp.Ei: mp.ei}[head]
    for x in ("-900", "-30", "-1", "-1/1000", "-1/1000000000", "1/1000000000", "1/1000", "1/5", "1", "4", "30", "900"):
        if head is sp.erfi and abs(Fraction(x)) > 30:
            continue
        with mp.workdps(120):
            assert agrees(head, (x,), reference(exactly(x)))


def test_a_wrong_reference_is_refused() -> None:
    """The check above fails for values that are off by 1e-30, and for a ball that is wide."""
    with mp.workdps(60):
        true = staton(mpmath.mpf(2), mpmath.mpf(0), mpmath.mpf(1))
        assert agrees(GoodwinStaton, ("2", "0", "1"), true)
        for factor in ("1." + "0" * 29 + "1", "2", "-1"):
            assert not agrees(GoodwinStaton, ("2", "0", "1"), true * mpmath.mpf(factor))


def test_outside_their_domains_nothing_is_claimed() -> None:
    saved = ctx.prec
    for head, args in (
        (GoodwinStaton, (2, 0, -1)),
        (GoodwinStaton, (0, 0, 1)),
        (GoodwinStaton, (-1, 0, 1)),
        (ReW, (1, -1)),
        (ImW, (1, 0)),
    ):
        assert not VOCABULARY[head].ball(*map(acb, args), analytic=False).is_finite()
    assert ctx.prec == saved
