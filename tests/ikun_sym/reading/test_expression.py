"""Reading a user's surrogate derivative: values against transcriptions in numpy, refusals, and hostile input."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ikun_sym.catalogue.piecewise import U
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.errors import IkunError
from ikun_sym.reading.expression import MAX_LENGTH, parse_surrogate

RNG = np.random.default_rng(7)
GRID = np.concatenate([RNG.uniform(-4, 4, 400), RNG.uniform(-0.1, 0.1, 50), RNG.uniform(-30, 30, 50)])
ERF = np.vectorize(math.erf)


@cache
def compiled(expr: sp.Expr) -> Callable[..., np.ndarray]:
    large = {n: sp.Float(n) for n in expr.atoms(sp.Integer) if abs(n) > 2**53}  # numpy has no functions of such integers
    return sp.lambdify(U, expr.xreplace(large), modules=[{"erf": ERF, "erfc": np.vectorize(math.erfc)}, "numpy"])


def evaluate(surrogate: Surrogate, x: np.ndarray) -> np.ndarray:
    """f'(x) in float64 from the pieces alone, 40 cells of a periodic tail; NaN where none applies."""
    result = np.full(x.shape, np.nan)
    for piece in surrogate.derivative.unrolled({1: 40, -1: 40}).pieces:
        u = piece.side * x
        inside = (u > float(piece.lo)) & (u < float(piece.hi))
        if inside.any():
            result[inside] = compiled(piece.value)(u[inside])
    return result


def expit(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


VALUES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "1/(1+k*abs(x))**2;k=25": lambda x: 1 / (1 + 25 * np.abs(x)) ** 2,
    "piecewise((1-abs(x), abs(x)<1),(0,True))": lambda x: np.where(np.abs(x) < 1, 1 - np.abs(x), 0),
    "Max(0, 1-Abs(x))": lambda x: np.maximum(0, 1 - np.abs(x)),
    "Piecewise((1, (Abs(x) < 1/2)), (0, True))": lambda x: (np.abs(x) < 0.5) * 1.0,
    "piecewise((1, 0 < x < 1), (2, x>=1 & x<2 | x < -3), (-1, -1 >= x > -2), (0, True))": lambda x: np.select(
        [(x > 0) & (x < 1), ((x >= 1) & (x < 2)) | (x < -3), (x <= -1) & (x > -2)], [1.0, 2.0, -1.0], 0.0
    ),
    "piecewise((3, abs(x)<0.25), (2, x<1/2), (x**2, x**2-3*x+1 < 0), (exp(-x), true))": lambda x: np.select(
        [np.abs(x) < 0.25, x < 0.5, x**2 - 3 * x + 1 < 0], [3.0, 2.0, x**2], np.exp(-np.maximum(x, 0))
    ),
    "abs(abs(abs(x)-1)-1/2)": lambda x: np.abs(np.abs(np.abs(x) - 1) - 0.5),
    "min(abs(x-1), abs(x+2), 3/2)": lambda x: np.minimum(np.minimum(np.abs(x - 1), np.abs(x + 2)), 1.5),
    "max(min(x, 1), -1)**2 + min(max(1-x**2, 0), 1/2)": lambda x: np.clip(x, -1, 1) ** 2 + np.clip(1 - x**2, 0, 0.5),
    "max(0, 1-x**2)**(3/2)": lambda x: np.maximum(0, 1 - x**2) ** 1.5,
    "max(x**2-3*x+2, x-1, 0)": lambda x: np.maximum(np.maximum(x**2 - 3 * x + 2, x - 1), 0),
    "max(x**4-5*x**2+4, 0)": lambda x: np.maximum(x**4 - 5 * x**2 + 4, 0),
    "abs(x**2 - pi*x - sqrt(2))": lambda x: np.abs(x**2 - np.pi * x - np.sqrt(2)),
    "abs(x**3 - 2)": lambda x: np.abs(x**3 - 2),
    "k/(1+exp(-k*x))*(1-1/(1+exp(-k*x)));k=4": lambda x: 4 * expit(4 * x) * expit(-4 * x),
    "exp(2*x)/(1+exp(2*x))**2 * exp(-x**2)": lambda x: expit(2 * x) * expit(-2 * x) * np.exp(-(x**2)),
    "exp(x*log(2))/(1+exp(x*log(2)))**2": lambda x: expit(x * np.log(2)) * expit(-x * np.log(2)),
    "sech(k*x)**2;k=3/2": lambda x: np.cosh(1.5 * x) ** -2.0,
    "1 - tanh(x)**2": lambda x: 1 - np.tanh(x) ** 2,
    "tanh(x-1) + tanh(20*(x+1))": lambda x: np.tanh(x - 1) + np.tanh(20 * (x + 1)),
    "1/cosh(x) + sinh(x)/cosh(x)**3": lambda x: 1 / np.cosh(x) + np.sinh(x) / np.cosh(x) ** 3,
    "(1+abs(x))**(3/2)": lambda x: (1 + np.abs(x)) ** 1.5,
    "abs(x)**0.5 - abs(x)**1.5": lambda x: np.abs(x) ** 0.5 - np.abs(x) ** 1.5,
    "(1+abs(x))**-2.5": lambda x: (1 + np.abs(x)) ** -2.5,
    "abs(sqrt(abs(x))-1)": lambda x: np.abs(np.sqrt(np.abs(x)) - 1),
    "erf(x)*erfc(abs(x)) + erf(-2*x)": lambda x: ERF(x) * (1 - ERF(np.abs(x))) + ERF(-2 * x),
    "exp(-x**2/2)*cos(3*x) - 1/2*sin(x)*exp(-abs(x))": lambda x: (
        np.exp(-(x**2) / 2) * np.cos(3 * x) - 0.5 * np.sin(x) * np.exp(-np.abs(x))
    ),
    "min(1, exp(1-abs(x)))": lambda x: np.minimum(1, np.exp(1 - np.abs(x))),
    "heaviside(1/(1+exp(-x)) - 0.75)": lambda x: (expit(x) > 0.75) * 1.0,
    "log(1+exp(x))": lambda x: np.logaddexp(0, x),
    "abs(log(1+abs(x))-1)": lambda x: np.abs(np.log1p(np.abs(x)) - 1),
    "sign(x)*x + heaviside(x-1)": lambda x: np.abs(x) + (x > 1),
    "floor(x)*heaviside(2-abs(x))": lambda x: np.where(np.abs(x) < 2, np.floor(x), 0),
    "floor(3*min(max(x,-1),1))": lambda x: np.floor(3 * np.clip(x, -1, 1)),
    "-x**2 + 2**-1 - -3 + +x/2/4 - 2**3**1": lambda x: -(x**2) + 0.5 + 3 + x / 8 - 8,
    "1/(2+sin(x))": lambda x: 1 / (2 + np.sin(x)),
    "sqrt((x+2)**2) - (abs(x-1)**3*abs(x-1))**(1/4)": lambda x: np.abs(x + 2) - np.abs(x - 1),
    "sin(x)/x": lambda x: np.sinc(x / np.pi),
    "1": np.ones_like,
    "x - x": np.zeros_like,
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    np.testing.assert_allclose(evaluate(parse_surrogate(text), GRID), VALUES[text](GRID), rtol=1e-9, atol=1e-11)


def test_a_second_symbol_of_one_name() -> None:
    """sympy's cache forgets, as does a pickle: a symbol of the same name is made again, equal and not identical, and
    sums of the first can come back in terms of the second."""
    second = sp.Symbol.__xnew__(sp.Symbol, "u", positive=True)
    assert second == U
    assert second is not U
    text = "abs(log(1+abs(x))-1)"
    sp.core.cache.clear_cache()
    assert second + 1 - sp.E == U + 1 - sp.E
    assert (second + 1) - 1 is second
    np.testing.assert_allclose(evaluate(parse_surrogate(text), GRID), VALUES[text](GRID), rtol=1e-9, atol=1e-11)


STABLE = {
    "sech(3*x)**2": 0.0,
    "1-tanh(x)**2": 0.0,
    "1/cosh(x)**2": 0.0,
    "sinh(x)/cosh(x)**3": 0.0,
    "exp(25*x)/(1+exp(25*x))**2": 0.0,
    "k/(1+exp(-k*x))*(1-1/(1+exp(-k*x)));k=25": 0.0,
    "exp(x)/(exp(x)+exp(-x))**2": 0.0,
    "exp(x*log(2))/(1+exp(x*log(2)))**2": 0.0,
    "(1+exp(-2*x))**(-1/2) * (1+exp(2*x))**-1": 0.0,
    "abs(tanh(1000*(x-1))) - 1": 0.0,
    "tanh(log(1+exp(abs(x))))": 1.0,
    "tanh(x)**2": 1.0,
    "exp(-x**2)*x**4": 0.0,
}


@pytest.mark.parametrize("text", STABLE)
def test_large_arguments_neither_overflow_nor_give_nan(text: str) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for_large = evaluate(parse_surrogate(text), np.array([-1e4, -300.0, 300.0, 1e4]))
    np.testing.assert_allclose(for_large, STABLE[text], atol=1e-12)


def test_steep_tanh_is_stable_on_both_sides_of_its_zero() -> None:
    x = np.array([1e-6, 0.5, 0.999, 1.001, 2.0, 1e4])
    with np.errstate(over="raise", invalid="raise"):
        found = evaluate(parse_surrogate("tanh(1000*(x-1))"), x)
    np.testing.assert_allclose(found, np.tanh(1000 * (x - 1)), rtol=1e-9)


def test_parameters_are_exact_and_the_result_has_none() -> None:
    surrogate = parse_surrogate("  k * exp(-c*abs(x)) ; k = 0.1 ;c=1/3 ")
    assert surrogate.name == "expr:k * exp(-c*abs(x)) ; k = 0.1 ;c=1/3"
    assert surrogate.params == ()
    assert surrogate.derivative.side(1)[0].value == sp.Rational(1, 10) * sp.exp(-U / 3)
    assert parse_surrogate(surrogate.name.removeprefix("expr:")) == surrogate
    assert surrogate.bind().spec == surrogate.name


def test_pieces_are_exact_sorted_and_merged() -> None:
    pieces = parse_surrogate("piecewise((1, abs(x**2-3)<1), (1, 0<x<1), (0, True))").derivative
    assert [(p.lo, p.hi, p.value) for p in pieces.side(1)] == [
        (0, 1, 1), (1, sp.sqrt(2), 0), (sp.sqrt(2), 2, 1), (2, sp.oo, 0)
    ]  # fmt: skip
    assert [(p.lo, p.hi, p.value) for p in pieces.side(-1)] == [(0, sp.sqrt(2), 0), (sp.sqrt(2), 2, 1), (2, sp.oo, 0)]


@pytest.mark.parametrize("text", ["sech(2*x)**2", "1-tanh(x)**2", "1/cosh(x)**2", "exp(4*x)/(1+exp(4*x))**2", "max(0,1-x*x)"])
def test_even_functions_are_seen_to_be_even(text: str) -> None:
    assert parse_surrogate(text).derivative.is_even


def test_equal_breakpoints_written_in_two_ways_are_one() -> None:
    both = parse_surrogate("heaviside(abs(x)-sqrt(6)) + heaviside(abs(x)-sqrt(2)*3**(1/2)) + heaviside(x**2-6)").derivative
    assert [p.value for p in both.side(1)] == [0, 3]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("piecewise((1, x>0 & x<1 | x<-1), (0, True))", "piecewise((1, (x>0 & x<1) | x<-1), (0, True))"),
        ("piecewise((1, 1+1 > x), (0, True))", "piecewise((1, 2 > x), (0, True))"),
        ("2**3**2*x", "512*x"),
        ("-2**2*x", "-4*x"),
        ("(1/2)**-2*x", "4*x"),
        ("x*-2", "-2*x"),
    ],
)
def test_precedence(text: str, fields: str) -> None:
    assert parse_surrogate(text).derivative == parse_surrogate(fields).derivative


REFUSED = {
    "": "empty",
    "   ": "empty",
    ";k=2": "empty",
    "__import__('os').system('true')": 'at character 12 ("\'")',
    "__import__(x)": "unknown function",
    "x.__class__": "at character 2 ('.')",
    "().__class__.__bases__": "at character 3 ('.')",
    "lambda x: x": "':'",
    "lambda": "unknown name",
    "[x for x in (1,2)]": "'['",
    "{x}": "'{'",
    'x*"a"': "'\"'",
    "x if x else 1": "operator",
    "x := 2": "':'",
    "x\\n": "not part of the grammar",
    "eval(x)": "unknown function",
    "exec(x)": "unknown function",
    "Symbol(x)": "unknown function",
    "x@2": "at character 2 ('@')",
    "9**9**9**9": "exponent",
    "9**(9**9)": "exponent",
    "((((9**64)**64)**64)**64)*x": "too large",
    "((2*x+1)**64)**64*((3*x)**64)**64": "too large",
    "exp(exp(exp(exp(9))))": "too large",
    "abs(log(1+abs(x)) - exp(exp(exp(9))))": "too large",
    "exp(1e9*log(7))*x": "too large",
    "exp(1e9*log(1+abs(x)))": "too large",
    "abs(exp(x*1e9)-7)*exp(1e9*log(2)*x/x)": "too large",
    "x**65": "64",
    "abs(x)**(1/1001)": "1000",
    "x**x": "exp(b*log(a))",
    "2**x": "exp(b*log(a))",
    "x**pi": "rational",
    "(" * 200 + "x" + ")" * 200: "nested deeper",
    "-" * 300 + "x": "nested deeper",
    "tanh(" * 40 + "x" + ")" * 40: "too large",
    "+".join(["x"] * 600): "more than 500",
    "x" * (MAX_LENGTH + 1): "too long",
    "1" * 61 + "*x": "60 digits",
    "1e999*x": "out of range",
    "(x": "close the '('",
    "x)": "never opened",
    "abs(x": "close the '('",
    "x+": "stops too early",
    "*x": "expected here",
    "x x": "operator is missing",
    "2x": "2*x",
    "2(x)": "operator is missing",
    "x y": "operator is missing",
    "y": ";y=2",
    "X": "the names are x, pi",
    "E*x": "exp(1)",
    "k*x": ";k=2",
    "nan": "unknown name",
    "inf*x": "unknown name",
    "oo": "unknown name",
    "I*x": "unknown name",
    "tahn(x)": "did you mean tanh",
    "Heavyside(x)": "did you mean heaviside",
    "gamma(x)": "the functions are",
    "abs": "in parentheses",
    "abs()": "1 argument",
    "abs(x, 2)": "1 argument",
    "min(x)": "2 or more",
    "heaviside(x, 1)": "1 argument",
    "True": "condition is not a number",
    "x < 1": "heaviside",
    "(x<1)*2": "heaviside",
    "abs(x<1)": "heaviside",
    "x & 1": "a condition",
    "piecewise((1, x==1), (0, True))": "< <= > >=",
    "piecewise((1, x=1), (0, True))": "'='",
    "piecewise((1, x), (0, True))": "a condition",
    "piecewise((1, abs(x)<1))": "(value, True)",
    "piecewise(1, abs(x)<1)": "'('",
    "piecewise()": "'('",
    "1/0": "division by zero",
    "x/(1-1)": "division by zero",
    "1/(x-x)": "divides by zero",
    "0**-1": "division by zero",
    "1/x": "no finite limit",
    "1/(x**2-2)": "no finite limit",
    "1/(x-1/3)**2": "no finite limit",
    "abs(x)**-0.5": "no finite limit",
    "log(abs(x))": "no finite limit",
    "1e-70/abs(x)": "no finite limit",
    "sin(1/x)": "no finite limit",
    "log(x)": "no finite limit",
    "log(abs(x)+1)/log(-1-abs(x))": "logarithm",
    "sqrt(x)": "root of a negative",
    "(-8)**(1/3)*x": "root of a negative",
    "abs(sin(x))": "abs(sin(x))",
    "max(cos(x), 0)": "explicit breakpoints",
    "abs(x**5-x-1)": "explicit breakpoints",
    "floor(sqrt(2)*x)+floor(x)": "no common period",
    "floor(2*exp(-abs(x)))": "linear",
    "piecewise((floor(1000*x), abs(x)<1), (0, True))": "200 steps",
    "k*x;k=1;k=2": "twice",
    "x;k=1": "does not use",
    "k*x;k=": "not a finite number",
    "k*x;k=nan": "not a finite number",
    "k*x;k=1/0": "divides by zero",
    "k*x;k=__import__": "not a finite number",
    "k*x;k": "name=number",
    "k*x;": "name=number",
    "k*x;k=1,c=2": "not a finite number",
    "x;x=1": "meaning already",
    "x;Pi=1": "does not use",
    "x;pi=3": "meaning already",
    "abs(x);abs=1": "meaning already",
    "x²": "'\\xb2'",
    "×": "'\\xd7'",
    "\u0445": "'\\u0445'",  # Cyrillic
    "\uff11+x": "'\\uff11'",  # a full-width digit
    "x\u2028+1": "'\\u2028'",
    "x\u00a0+1": "'\\xa0'",
    "x\x00": "'\\x00'",
    "0x10": "operator is missing",
    "1_000": "operator is missing",
    "x//2": "expected here",
    "x^2": "'^'",
    "not x": "unknown name",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:40]))
def test_refusals_are_one_line_that_says_why(text: str) -> None:
    with pytest.raises(IkunError) as caught:
        parse_surrogate(text)
    message = str(caught.value)
    assert REFUSED[text] in message
    assert len(message.splitlines()) == 1
    assert len(message) < 400


def test_only_text_is_read() -> None:
    with pytest.raises(IkunError, match="not text"):
        parse_surrogate(25)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("abs(" * 50 + "x" + "".join(f"-{i})" for i in range(1, 51)), marks=pytest.mark.slow),
        pytest.param("+".join(f"abs(x*x-{i})" for i in range(1, 60)), marks=pytest.mark.slow),
        "log(2+abs(" * 14 + "x" + "))" * 14,
        "tanh(" * 8 + "x-1" + "-1)" * 7 + ")",
        "exp(-" * 28 + "x" + ")" * 28,
        "abs((1+pi+sqrt(2)+exp(2)+exp(3)+sqrt(3)+sqrt(5)+sqrt(7)+x)**16-1)",
        "abs((1+x)**64*(2+x)**63-7)",
        "abs(k*x-1)+abs(k**3*x**2-3*x-k);k=1e300",
        "7**(1/1000)*(10**60+7)**(1/997)*x",
    ],
    ids=range(9),
)
def test_heavy_input_ends(text: str) -> None:
    """Each is decided either way, by a bound on the work; nothing else may come out."""
    read_or_refused(text)


UNARY = "exp log sqrt abs sign tanh sech cosh sinh erf erfc cos sin floor heaviside"
OTHERS = "min max piecewise Abs Max True"
SIGNS = "x x x pi k 0 1 2 0.5 1e300 1/3 64 + - * / ** ( ) ( ) , < <= > >= & | ;k=2 ; = == . __class__ ' ["
TOKENS = st.sampled_from([*UNARY.split(), *OTHERS.split(), *SIGNS.split(), " "])
NUMBER = st.recursive(
    st.sampled_from(["x", "x", "x", "1", "2", "pi", "0.5", "-3", "7/2"]),
    lambda sub: st.one_of(
        st.builds("({0}{1}{2})".format, sub, st.sampled_from("+-*/"), sub),
        st.builds("{0}({1})".format, st.sampled_from(UNARY.split()), sub),
        st.builds("{0}({1},{2})".format, st.sampled_from(["min", "max"]), sub, sub),
        st.builds("({0})**{1}".format, sub, st.sampled_from(["2", "3", "-1", "(1/2)", "-2.5", "64"])),
        st.builds("piecewise(({0},{1}<{2}),({3},True))".format, sub, sub, sub, sub),
    ),
    max_leaves=8,
)
FUZZ = settings(
    max_examples=300,
    derandomize=True,
    deadline=timedelta(seconds=60),
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


def read_or_refused(text: str) -> Surrogate | None:
    try:
        found = parse_surrogate(text)
    except IkunError as error:
        refusal = str(error)
    else:
        assert isinstance(found, Surrogate)
        return found
    assert len(refusal.splitlines()) == 1
    return None


@FUZZ
@given(st.one_of(st.lists(TOKENS, max_size=25).map("".join), st.text(max_size=30), st.lists(TOKENS, max_size=12).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


def on_floats(function: Callable[..., float], largest: float = math.inf) -> Callable[..., float]:
    """`function` of a float64, refused beyond `largest`: a cosine of 1e60 has no correct digit in double precision."""

    def apply(arg: float) -> float:
        if abs(arg) > largest:
            raise OverflowError
        return function(np.float64(arg))

    return apply


def first_match(*cases: tuple[float, bool]) -> float:
    return next(value for value, condition in cases if condition)


NAMES = {
    **{name: on_floats(getattr(np, name)) for name in UNARY.split() if hasattr(np, name) and name != "heaviside"},
    "sech": on_floats(lambda w: 1 / np.cosh(w)),
    "erf": on_floats(math.erf),
    "erfc": on_floats(math.erfc),
    "cos": on_floats(np.cos, 1e6),
    "sin": on_floats(np.sin, 1e6),
    "heaviside": on_floats(lambda w: np.heaviside(w, 0.5)),
    "min": min,
    "max": max,
    "piecewise": first_match,
    "pi": math.pi,
}


def reference(text: str, x: float) -> float:
    """The same text executed by Python on doubles. The strategy above wrote the text, so it holds nothing else."""
    with np.errstate(all="ignore"):
        try:
            return float(eval(text, {"__builtins__": {}}, {**NAMES, "x": np.float64(x)}))
        except (ZeroDivisionError, OverflowError, TypeError, ValueError):
            return math.nan


@FUZZ
@given(NUMBER)
def test_well_formed_text_means_what_it_means_in_python(text: str) -> None:
    surrogate = read_or_refused(text)
    if surrogate is None:
        return
    x = np.array([-2.7182, -0.7311, -0.0137, 0.0291, 0.6412, 1.4173, 3.3391])
    with np.errstate(all="ignore"):
        found = evaluate(surrogate, x)
    for value, at in zip(found, x, strict=True):
        expected = reference(text, float(at))
        near = [reference(text, float(at) * (1 + d)) for d in (-1e-9, 1e-9)]
        spread = max(abs(expected - n) for n in near)
        if math.isfinite(expected) and math.isfinite(value) and abs(expected) < 1e12 and spread < 1e-5 * (1 + abs(expected)):
            assert abs(value - expected) <= 1e-6 * (1 + abs(expected)) + 10 * spread, (at, value, expected)
