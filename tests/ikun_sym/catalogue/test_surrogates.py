"""The catalogue against an independent statement of every library's gradient.

`library_gradients.csv` states 77 functions of seven libraries in sympy's notation, read from the libraries' sources and
measured against them. Each of its rows is an `Equivalent` or has a reason in `unsupported`; the formulas are evaluated by
sympy and mpmath, and integrated by scipy: neither shares code with the product.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.surrogate import Bound, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.catalogue.unsupported import UNSUPPORTED
from ikun_sym.errors import DomainError, IkunError
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.gaussian.primitive import area
from ikun_sym.reading.surrogate_spec import find, resolve
from tests.selection import spread

TABLE = Path(__file__).parents[2] / "reference" / "library_gradients.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
STATED = {e.name: (s, e) for s in SURROGATES for e in s.equivalents}
SUPPORTED = [row for row in ROWS if row["entry"] in STATED]
EACH_ROW = pytest.mark.parametrize("row", SUPPORTED, ids=[row["entry"] for row in SUPPORTED])

Row = dict[str, str]
Values = dict[str, Fraction]

BESIDE = {"grad_min": (Fraction(-1), Fraction(1, 2)), "grad_max": (Fraction(2), Fraction(3))}
"""Values for parameters that have no default and are not free of each other: a window across 0 and one beside it."""

STEP = {"positive": "1/2", "nonnegative": "1/8", "real": "1/4", "above one": "1/2", "count": "2"}
"""What the second setting adds to the first."""

CELLS = {1: 64, -1: 64}


def settings(row: Row) -> tuple[Values, Values]:
    """Two settings of the library's parameters: the defaults (1 where there is none), and others."""
    _, equivalent = STATED[row["entry"]]
    first, second = {}, {}
    for param in equivalent.params:
        start = Fraction(1) if param.default is None else Fraction(param.default)
        first[param.name], second[param.name] = BESIDE.get(param.name, (start, start + Fraction(STEP[param.domain])))
    return first, second


def bound_of(row: Row, values: Values) -> Bound:
    surrogate, equivalent = STATED[row["entry"]]
    return surrogate.of_library(equivalent).bind(values)


def formula(row: Row, values: Values) -> sp.Expr:
    """The row's text with numbers for its parameters. The file is ours, so it may be evaluated."""
    names = {name: sp.Symbol(name, real=True) for name in ("x", *filter(None, row["params"].split(";")))}
    expr = sp.sympify(row["fprime"], locals=names)
    numbers = {names[name]: sp.Rational(value) for name, value in values.items() if name in names}
    return expr.subs(numbers).doit()


def plain(bound: Bound) -> FloatFunction:
    return FloatFunction(bound.surrogate.derivative.unrolled(CELLS), bound.environment)


def kinks(bound: Bound, reach: float) -> list[float]:
    found = {piece.side * end for piece, lo, hi, _ in plain(bound).pieces for end in (lo, hi)}
    return sorted(end for end in found | {0.0} if abs(end) < reach)


def test_every_row_has_its_entry() -> None:
    assert len(ROWS) == 77
    assert len({row["entry"] for row in ROWS}) == 77
    for row in ROWS:
        known: Any = STATED[row["entry"]][1] if row["entry"] in STATED else UNSUPPORTED[row["entry"]]
        assert (known.library, known.version) == (row["library"], row["version"])
        assert row["name"].startswith(known.path.replace(":", "."))
    assert len(SUPPORTED) == 70


def test_no_entry_is_both_supported_and_not() -> None:
    assert not set(STATED) & set(UNSUPPORTED.names())


@EACH_ROW
def test_parameters_and_defaults(row: Row) -> None:
    _, equivalent = STATED[row["entry"]]
    stated = dict(pair.split("=", 1) for pair in filter(None, row["defaults"].split(";")))
    assert [param.name for param in equivalent.params] == [name for name in row["params"].split(";") if name]
    for param in equivalent.params:
        if param.default is None:
            assert not stated[param.name][0].isdigit()
        else:
            assert Fraction(stated[param.name].split("-> ")[-1]) == param.default


@EACH_ROW
@pytest.mark.parametrize("which", [0, 1])
def test_derivative_is_the_stated_one(row: Row, which: int) -> None:
    values = settings(row)[which]
    bound, expr = bound_of(row, values), formula(row, values)
    evaluated = sp.lambdify(sp.Symbol("x", real=True), expr, modules="mpmath")
    corners = kinks(bound, 8)
    grid = np.concatenate([np.linspace(-7.9, 7.9, 80), [corner + step for corner in corners[:20] for step in (-1e-7, 1e-7)]])
    points = np.unique(grid[~np.isclose(grid[:, None], corners, rtol=0, atol=1e-9).any(axis=1)])
    ours = plain(bound)(points)
    with mpmath.workdps(30):
        theirs = np.array([float(evaluated(mpmath.mpf(float(point)))) for point in points])
    difference = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1)
    assert difference.max() <= 1e-12, f"{values}: at {points[difference.argmax()]}"
    if theirs.any():
        assert (np.abs(ours * 1.0001 - theirs) / np.maximum(np.abs(theirs), 1)).max() > 1e-12


@pytest.mark.parametrize("row", spread(SUPPORTED), ids=[row["entry"] for row in SUPPORTED])
def test_area_is_the_stated_one(row: Row) -> None:
    values = settings(row)[0]
    bound, text = bound_of(row, values), row["integral_of_fprime"].split(" = ")[0]
    numbers: dict[sp.Symbol, sp.Expr] = {symbol: sp.sympify(value) for symbol, value in bound.environment.items()}
    try:
        found = area(bound.surrogate.derivative).subs(list(numbers.items()))
    except IkunError:
        found = area(bound.surrogate.derivative.substitute(numbers))
    if text == "inf":
        assert found == sp.oo
    elif text.startswith("undefined"):
        assert found is sp.nan
    else:
        stated = sp.sympify(text, locals={name: sp.Symbol(name) for name in values})
        expected = stated.subs([(sp.Symbol(name), sp.Rational(v)) for name, v in values.items()])
        assert float(found) == pytest.approx(float(expected), rel=1e-14, abs=0)


def scalar(expr: sp.Expr) -> Callable[[float], float]:
    """The formula over float, overflow being an honest infinity."""
    functions = {"exp": np.exp, "sech": lambda y: 1 / np.cosh(y)}
    return sp.lambdify(sp.Symbol("x", real=True), expr, modules=[functions, "math"])


@pytest.mark.parametrize("row", spread(SUPPORTED, 3), ids=[row["entry"] for row in SUPPORTED])
@pytest.mark.parametrize(("mean", "var"), [("3/10", "1/16"), ("-1", "1/4")])
def test_second_moment_is_the_integral(row: Row, mean: str, var: str) -> None:
    values = settings(row)[0]
    bound, gradient = bound_of(row, values), scalar(formula(row, values))
    found = expectation(bound.surrogate.derivative.power(2), bound.environment, Fraction(mean), Fraction(var)).value
    m, v = float(Fraction(mean)), float(Fraction(var))
    reach = 24 * math.sqrt(v)
    inner = [end for end in kinks(bound, 50) if abs(end - m) < reach]
    points = sorted({*inner, *(m + reach * j / 12 for j in range(-12, 13))})

    def integrand(x: float) -> float:
        return gradient(x) ** 2 * math.exp(-((x - m) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)

    with np.errstate(over="ignore"):
        pieces = [
            quad(integrand, a, b, epsabs=0, epsrel=1e-11, limit=400)[0] if b > a else 0.0 for a, b in itertools.pairwise(points)
        ]
    assert found == pytest.approx(math.fsum(pieces), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("surrogate", SURROGATES, ids=SURROGATES.names())
def test_far_out_is_no_number_missing(surrogate: Surrogate) -> None:
    """Stable formulas: no NaN at |x| = 10^4, and no infinity but where f' itself is beyond float64."""
    bound = surrogate.bind({param.name: 1 for param in surrogate.params if param.default is None})
    cells = {1: 0, -1: 0}
    function = FloatFunction(bound.surrogate.derivative.unrolled(cells), bound.environment)
    far = function([-1e4, 1e4])
    assert not np.isnan(far).any()
    assert np.isfinite(far).all() or surrogate.name == "exponential_escape"


@pytest.mark.parametrize("entry", UNSUPPORTED, ids=UNSUPPORTED.names())
def test_unsupported_functions_say_why(entry: Any) -> None:
    with pytest.raises(IkunError, match="is not supported: ") as caught:
        resolve(entry.name)
    assert str(caught.value).endswith(entry.reason)


def test_releases_and_variants_have_names_of_their_own() -> None:
    at_one = {name: float(plain(resolve(name))([0.1])[0]) for name in ("norse.superspike_fn", "norse.SuperSpike@git")}
    assert at_one["norse.superspike_fn"] == pytest.approx(1.1**-2)
    assert at_one["norse.SuperSpike@git"] == pytest.approx(11.0**-2)
    old, new = (float(plain(resolve(f"spikingjelly.PiecewiseLeakyReLU{tag}"))([0.1])[0]) for tag in ("@0.0.0.0.14", ""))
    assert (old, new) == (1.0, 0.5)


def test_family_follows_the_values() -> None:
    two, four = (resolve(f"squarewave_fourier_series:n={n}").surrogate.derivative for n in (2, 4))
    assert len(two.pieces[0].value.atoms(sp.cos)) == 1
    assert len(four.pieces[0].value.atoms(sp.cos)) == 3
    again = resolve(resolve("squarewave_fourier_series:n=4"), n=2)
    assert again.surrogate.derivative == two
    assert resolve("squarewave_fourier_series:n=1").surrogate.derivative.pieces[0].is_zero


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("window:low=2,high=1", "is not below"),
        ("window:low=1,high=1", "is not below"),
        ("squarewave_fourier_series:n=3/2", "a whole number"),
        ("squarewave_fourier_series:n=0", "a whole number"),
        ("q_pseudo_spike:alpha=1", "above 1"),
    ],
)
def test_values_outside_the_domain(spec: str, message: str) -> None:
    with pytest.raises(IkunError, match=message):
        resolve(spec)


def test_letters_of_the_formulas_are_taken() -> None:
    with pytest.raises(IkunError, match="give it another letter"):
        Param("mu", Fraction(0), "real")
    assert Param("mu", Fraction(0), "real", letter="centre").symbol == sp.Symbol("centre", real=True)
    with pytest.raises(DomainError):
        find("sinabs.Gaussian").bind({"sigma": 0})


def test_every_equivalent_maps_into_the_domain() -> None:
    """The library's values become values that our parameters allow, at the defaults."""
    for surrogate, equivalent in STATED.values():
        values = [(p.symbol, sp.Rational(str(1 if p.default is None else p.default))) for p in equivalent.params]
        for param in surrogate.params:
            param.check(Fraction(str(sp.sympify(equivalent.mapping[param.name]).subs(values))))
