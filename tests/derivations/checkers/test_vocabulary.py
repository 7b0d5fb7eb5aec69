"""Each word of a derivation shows what is true, and refuses what is false or what it cannot decide."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

from ikun_derivations.checkers.box import OverBox
from ikun_derivations.checkers.inequality import Range
from ikun_derivations.checkers.leading import limit
from ikun_derivations.checkers.methods import Combined, Manifest, Monotone, Pieces, Substituted
from ikun_derivations.checkers.sign import sign
from ikun_derivations.document import DerivationError, Document
from ikun_derivations.figure import Axis, Figure, Series
from ikun_derivations.reference import IKUN
from ikun_derivations.words import Density, UpperTail, domain, plain
from ikun_sym.errors import IkunError

a, b = sp.symbols("a b", positive=True)
p, x, t = sp.symbols("p x t", real=True)
n = sp.Symbol("n", nonnegative=True)
Q, phi = UpperTail, Density


@pytest.fixture
def document() -> Document:
    made = Document(id="test", title="A test", summary="Of the vocabulary.")
    made.section("here", "Here")
    made.assume("Symbols", symbols=(a, b, p, x, t, n))
    return made


def refused(why: str = "") -> Any:
    return pytest.raises(DerivationError, match=rf"'test', section 'here': step 'it' does not hold: .*{why}")


# --- what is given ----------------------------------------------------------------------------------------------------


def test_domains_are_what_the_checks_use() -> None:
    assert [domain(s) for s in (a, x, n)] == ["a > 0", r"x \in \mathbb{R}", r"n \geq 0"]
    assert domain(sp.Symbol("z")) == r"z \in \mathbb{C}"
    assert domain(sp.Symbol("k", integer=True, positive=True)) == r"k \in \{1, 2, \dots\}"


def test_details_spell_the_names_of_symbols(document: Document) -> None:
    fan, spread = sp.Symbol(r"n_{\mathrm{in}}", positive=True), sp.Symbol(r"\sigma_X^2", positive=True)
    document.assume("More", symbols=(fan, spread))
    made = document.bound("it", fan + spread, ">", fan, Manifest(spread))
    assert made.details == ("difference of the sides = sigma_X^2, > 0 by the signs of its parts",)
    assert plain(r"n_{\mathrm{in}} D(e^{-u})") == "n_in D(e^{-u})"


def test_a_symbol_nobody_introduced_is_refused(document: Document) -> None:
    stranger = sp.Symbol("stranger", positive=True)
    with refused("not introduced.*stranger"):
        document.step("it", stranger, stranger)
    document.assume("It is positive", symbols=[stranger])
    document.step("it", sp.sqrt(stranger**2), stranger)


def test_a_missing_assumption_is_refused(document: Document) -> None:
    """The same formulas, with a symbol of which less is known."""
    plain, real = sp.Symbol("a"), sp.Symbol("a", real=True)
    document.assume("Less", symbols=(plain, real))
    for s, holds in ((a, True), (real, False), (plain, False)):
        for claim in (
            lambda s: document.step("it", sp.sqrt(s**2), s),
            lambda s: document.bound("it", s + 1, ">", 1, by=Manifest(s)),
            lambda s: document.limit("it", sp.exp(-s * b), b, sp.oo, 0),
        ):
            if holds:
                claim(s)
            else:
                with refused():
                    claim(s)


def test_ids_are_unique_and_given(document: Document) -> None:
    """Where none is given the first words are the id: statements added before it do not change it."""
    first, second = document.step("it", a, a), document.step("It!", a, a)
    assert (first.id, second.id) == ("here-it", "here-it-2")
    document.step("another", a, a, id="named")
    with pytest.raises(DerivationError, match="'named' is taken"):
        document.step("another", a, a, id="named")


# --- equalities -------------------------------------------------------------------------------------------------------


def test_derivatives_and_words(document: Document) -> None:
    made = document.step("it", sp.Derivative(Q(a), a), -phi(a))
    assert made.formulas == (r"\frac{d}{d a} Q\left(a\right) = - \varphi\left(a\right)",)
    document.step("it", sp.diff(phi(a) / a, a), -phi(a) * (1 + 1 / a**2))
    with refused("not shown to be zero"):
        document.step("it", sp.Derivative(Q(a), a), phi(a))
    with refused("not taken on sympy's word"):
        document.step("it", sp.Integral(sp.exp(-x), (x, 0, sp.oo)), sp.S.One)


def test_an_earlier_equation_is_used(document: Document) -> None:
    root = document.solve("root", a * phi(a), 2 * Q(a), a, (1, sp.Rational(3, 2)))
    made = document.step("it", 2 * Q(a) / phi(a), a, using=[(root, Q(a))])
    assert made.rests_on == (root.id,)
    with refused():
        document.step("it", 2 * Q(a) / phi(a), 2 * a, using=[(root, Q(a))])
    with refused():
        document.step("it", 2 * Q(a) / phi(a), a)  # it does not hold without the root's equation
    other = Document(id="other", title="", summary="")
    other.assume("it", symbols=[a])
    with pytest.raises(DerivationError, match="no earlier step of this document"):
        other.step("it", 2 * Q(a) / phi(a), a, using=[(root, Q(a))])


# --- inequalities -----------------------------------------------------------------------------------------------------


def test_by_its_form(document: Document) -> None:
    gap = (1 - 2 * p) ** 2 / 4
    made = document.bound("it", sp.Rational(1, 4), ">=", p * (1 - p), by=Manifest(gap, equality=1 - 2 * p))
    assert made.mark == "proved"
    assert any("if and only if" in line for line in made.details)
    wrong = (
        lambda: document.bound("it", sp.Rational(1, 4), ">", p * (1 - p), by=Manifest(gap)),  # equality at p = ½
        lambda: document.bound("it", sp.Rational(1, 4), "<=", p * (1 - p), by=Manifest(gap)),
        lambda: document.bound("it", sp.Rational(1, 5), ">=", p * (1 - p), by=Manifest(gap)),
        lambda: document.bound("it", sp.Rational(1, 4), ">=", p * (1 - p), by=Manifest(gap, equality=1 - 3 * p)),
        lambda: document.bound("it", a, ">=", b, by=Manifest(a - b)),
        lambda: document.bound("it", a, "!", b, by=Manifest(a - b)),
    )
    for claim in wrong:
        with refused():
            claim()


def test_signs_are_read_off_the_form() -> None:
    assert [sign(e) for e in (a, a * b + 1, x**2, x**2 + 1, -a, sp.exp(x), a - b, x, sp.S.Zero)] == [
        1, 1, 0.5, 1, -1, 1, None, None, 0,
    ]  # fmt: skip
    assert sign(sp.exp(sp.Symbol("z"))) is None
    assert sign(sp.Symbol("z") ** 2) is None
    assert sign(x**-2) is None  # x may be 0


def test_over_a_box(document: Document) -> None:
    made = document.bound("it", a * Q(a), "<", sp.Rational(1, 5), OverBox(), over={a: (0, 3)})
    assert "box" in made.checker
    assert made.formulas[0].endswith("0 < a < 3")


def test_a_bound_that_fails_in_a_corner_only(document: Document) -> None:
    """x y < 0.9999 on the unit square fails within 1e-4 of one corner."""
    square = {a: (0, 1), b: (0, 1)}
    document.bound("it", a * b, "<", sp.Rational(10001, 10000), OverBox(), over=square)
    with refused("fails near"):
        document.bound("it", a * b, "<", sp.Rational(9999, 10000), OverBox(), over=square)
    with refused():
        document.bound("it", a * b, "<", 1, OverBox(), over=square)  # equality in the corner itself: not decided
    with refused("fails near|not decided"):  # a narrow spike downwards: 1 − 2 e^{−10⁶ (x − 1/7)²}
        document.bound(
            "it", 1 - 2 * sp.exp(-(10**6) * (x - sp.Rational(1, 7)) ** 2), ">", 0, OverBox(), over={x: (0, 1)}
        )  # fmt: skip


def test_a_box_needs_every_range(document: Document) -> None:
    with refused("unbounded"):
        document.bound("it", a + 1, ">", 0, OverBox())
    with refused("contradicts"):
        document.bound("it", a + 1, ">", 0, OverBox(), over={a: (-1, 1)})  # simplified for a > 0, so not to be used there
    with refused("empty"):
        document.bound("it", a + 1, ">", 0, OverBox(), over={a: (1, 1)})
    with refused():
        document.bound("it", sp.sqrt(x) + 2, ">", 0, OverBox(), over={x: (-1, 1)})  # not real everywhere


def test_monotone_to_a_limit(document: Document) -> None:
    """Mills' ratio: Q(a) < φ(a)/a for all a > 0."""
    falls = Monotone(a, "high", Manifest(phi(a) / a**2))
    document.bound("it", Q(a), "<", phi(a) / a, falls)
    with refused():
        document.bound("it", Q(a), "<", phi(a) / a - sp.Rational(1, 10**6), falls)  # the limit is below 0
    with refused():
        document.bound("it", Q(a), ">", phi(a) / a, falls)
    with refused():
        document.bound("it", Q(a), "<", phi(a) / (2 * a), falls)
    with refused():
        document.bound("it", Q(a), "<", phi(a) / a, Monotone(a, "low", Manifest(phi(a) / a**2)))


def test_unbounded_by_substitution(document: Document) -> None:
    """1/(1 + a) < 1/2 for a > 1, with a = 1/b."""
    box = Substituted(a, 1 / b, Range(b, 0, 1), OverBox())
    document.bound("it", 1 / (1 + a**2), "<", 1, box, over={a: (1, sp.oo)})
    with refused("reaches from"):
        document.bound("it", a**2 / (1 + a**2), "<", 2, Substituted(a, 1 / b, Range(b, 1, 2), OverBox()), over={a: (1, sp.oo)})
    with refused():  # not monotone
        document.bound("it", x**2, "<", 2, Substituted(x, t**2, Range(t, -1, 1), OverBox()), over={x: (0, 1)})


def test_piece_by_piece(document: Document) -> None:
    form = Substituted(a, 1 + n, Range(n, 0, sp.oo), Manifest(n + sp.Rational(1, 2)))
    halves = Pieces(a, (1,), (OverBox(), form))
    document.bound(
        "it", a + sp.Rational(1, 2), ">", 1, Pieces(a, (1,), (OverBox(), form)), over={a: (sp.Rational(3, 4), sp.oo)}
    )
    with refused():  # fails on the first piece only
        document.bound("it", a + sp.Rational(1, 2), ">", 1, halves, over={a: (sp.Rational(1, 4), sp.oo)})
    with refused("belongs to neither"):
        document.bound("it", a + 1, ">", 0, Pieces(a, (1,), (Manifest(a + 1), Manifest(a + 1))))


def test_combination_of_earlier_bounds(document: Document) -> None:
    one = document.bound("one", a + 1, ">", 1, Manifest(a))
    two = document.bound("two", b + 1, ">", 1, Manifest(b))
    document.bound("it", 2 * a + b + 3, ">", 3, Combined(((one.claim, sp.Integer(2)), (two.claim, sp.S.One))))
    with refused():
        document.bound("it", 2 * a - b, ">", 0, Combined(((one.claim, sp.Integer(2)), (two.claim, -sp.S.One))))
    with refused("no earlier step"):
        Document.bound(
            document, "it", a, ">", 0, Combined(((type(one.claim)(a, ">", sp.S.Zero, Manifest(a)), sp.S.One),))
        )  # fmt: skip


# --- roots ------------------------------------------------------------------------------------------------------------


def test_a_root_to_many_digits(document: Document) -> None:
    made = document.solve("it", x**2, sp.Integer(2), x, (1, 2), digits=200)
    assert made.mark == "proved"
    assert made.enclosure is not None
    assert made.enclosure.mid.startswith(str(sp.sqrt(2).n(200))[:195])


@pytest.mark.parametrize(
    ("bracket", "why"),
    [
        ((2, 3), "does not change its sign"),  # no root
        ((-2, 2), "does not change its sign"),  # two roots
        ((1, -1), "empty"),
    ],
)
def test_wrong_brackets(document: Document, bracket: tuple[int, int], why: str) -> None:
    with refused(why):
        document.solve("it", x**2, sp.Integer(2), x, bracket)


def test_three_roots_in_the_bracket(document: Document) -> None:
    """The ends have opposite signs, yet the root is not the only one."""
    with refused():
        document.solve("it", x**3 - x, sp.S.Zero, x, (-2, 3))
    document.solve("another", x**3 - x, sp.S.Zero, x, (sp.Rational(3, 4), 3))


# --- limits -----------------------------------------------------------------------------------------------------------

LIMITS = [
    (a * phi(a) / Q(a) - a**2, None),  # cancels in the leading order: refused, not guessed
    (phi(a) / Q(a) / a, 1),
    (a**5 * sp.exp(-a), 0),
    (sp.exp(-((a + 1) ** 2) / 2) / sp.exp(-(a**2) / 2), 0),
    ((2 * a**2 + 1) / (a**2 + a), 2),
    (sp.erfc(-a), 2),
    (Q(1 / a), sp.Rational(1, 2)),
    (a * sp.atan(1 / a), 1),
    (sp.exp(a) / a**3, sp.oo),
    # the squares cancel, unseen by expansion: 1/(1 + √2) is √2 − 1
    (sp.erfc(a / sp.sqrt(1 + sp.sqrt(2))) * sp.exp((sp.sqrt(2) - 1) * a**2 + a), sp.oo),
    (sp.log(a), None),
    (sp.sin(a) / a, None),
]


@pytest.mark.parametrize(("expr", "value"), LIMITS, ids=str)
def test_limits_at_infinity(document: Document, expr: sp.Expr, value: Any) -> None:
    if value is None:
        with refused():
            document.limit("it", expr, a, sp.oo, 0)
        return
    document.limit("it", expr, a, sp.oo, value)
    for wrong in (value + 1 if value != sp.oo else 5, -value if value else sp.oo):
        with refused():
            document.limit("it", expr, a, sp.oo, wrong)


def test_limits_at_a_point() -> None:
    assert limit((sp.exp(x) - 1) / (x + 1), x, sp.S.Zero) == 0
    assert limit((x**2 - 1) / (x - 1), x, sp.S.One, -1) == 2
    assert limit(1 / x, x, sp.S.Zero, 1) == sp.oo
    assert limit(1 / x, x, sp.S.Zero, -1) == -sp.oo
    assert limit(sp.exp(-1 / a) / a**7, a, sp.S.Zero) == 0


def test_a_limit_between_bounds(document: Document) -> None:
    """a Q(a)/φ(a) → 1 from Gordon's two bounds."""
    ratio = a * Q(a) / phi(a)
    gordon = Monotone(a, "high", Manifest(2 * phi(a) / (1 + a**2) ** 2))
    below = document.bound("Gordon", Q(a), ">", a * phi(a) / (1 + a**2), gordon)
    lower = document.bound("lower", a**2 / (1 + a**2), "<", ratio, Combined(((below.claim, a / phi(a)),)))
    upper = document.bound("upper", ratio, "<", 1, _mills(document))
    made = document.limit("it", ratio, a, sp.oo, 1, bounds=(lower, upper))
    assert (made.mark, made.rests_on) == ("proved", (lower.id, upper.id))
    with refused("limit is 1, not 2"):
        document.limit("it", ratio, a, sp.oo, 2, bounds=(lower, upper))
    with refused("not bounds of"):
        document.limit("it", 2 * ratio, a, sp.oo, 1, bounds=(lower, upper))
    with refused("does not reach"):
        document.limit("it", ratio, a, 1, 1, bounds=(lower, upper))
    narrow = document.bound("narrow", a**2 / (a**2 + 1) * b / 2, "<", b, OverBox(), over={a: (0, 9), b: (1, 2)})
    with refused("holds for 1 < b < 2 only"):
        document.limit("it", b, a, 0, b, bounds=(narrow, narrow))
    other = document.bound("other", a**2 / (a**2 + 1) - 1, "<=", 0, Manifest(1 / (1 + a**2)))
    with refused("not bounds of"):
        document.limit("it", ratio, a, sp.oo, 1, bounds=(other, upper))


def _mills(document: Document) -> Combined:
    mills = document.bound("Mills", Q(a), "<", phi(a) / a, Monotone(a, "high", Manifest(phi(a) / a**2)))
    return Combined(((mills.claim, a / phi(a)),))


def test_evidence_is_no_proof(document: Document) -> None:
    made = document.limit("it", sp.sin(a) / a, a, sp.oo, 0, at=(10, 100, 10**4))
    assert made.mark == "agrees"
    with refused("do not approach"):
        document.limit("it", sp.sin(a) / a, a, sp.oo, sp.Rational(1, 50), at=(10, 100, 10**4))


# --- numbers and draws ------------------------------------------------------------------------------------------------


def test_values(document: Document) -> None:
    made = document.value("it", "p", Q(a), at={a: 1}, claimed="0.1587", digits=20)
    assert made.formulas[0].startswith(r"p \in 0.15865525393145705141")
    with refused("the text says 0.1588"):
        document.value("it", "p", Q(a), at={a: 1}, claimed="0.1588")
    root = document.solve("root", x**2, sp.Integer(2), x, (1, 2))
    chained = document.value("it", "", x**2, at={x: root}, claimed="2.000", digits=25)
    assert chained.rests_on == (root.id,)


def normal_squares(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n) ** 2


def test_samples(document: Document) -> None:
    made = document.sampled("it", "E[Z^2] = 1", normal_squares, 1.0, n=20_000, seed=1)
    assert made.mark == "sampled"
    assert "n = 20000, seed 1" in made.details[0]
    with refused("the mean of 20000 draws"):
        document.sampled("it", "", normal_squares, 1.1, n=20_000, seed=1)  # 10 standard errors off
    with refused("take more draws"):
        document.sampled("it", "", normal_squares, 0.5, n=20, seed=1)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_a_conclusion_names_what_is_no_proof(document: Document) -> None:
    firm = document.step("firm", a, a)
    weak = document.sampled("weak", "", normal_squares, 1.0, n=20_000, seed=1)
    first = document.conclude("first", rests_on=[firm])
    second = document.conclude("second", rests_on=[first, weak])
    third = document.conclude("third", rests_on=[second])
    assert first.details == ()
    assert second.details == third.details == ("rests on what is sampled: weak",)
    with refused("names the steps"):
        document.conclude("it", rests_on=[])
    stranger = Document(id="s", title="", summary="").assume("stranger")
    with refused("no statement of this document"):
        document.conclude("it", rests_on=[stranger])


def drawing(**changes: Any) -> Figure:
    series = (Series("one", (1.0, 2.0), (3.0, float("nan"))),)
    plain: dict[str, Any] = {"id": "f", "title": "t", "alt": "a", "series": series, "x_axis": Axis("x"), "y_axis": Axis("y")}
    return Figure(**(plain | changes))


def test_figures(document: Document) -> None:
    made = document.figure(drawing())
    assert (made.mark, made.id) == ("plotted", "f")
    with refused("a plot"):
        document.conclude("it", rests_on=[made])
    for changes in (
        {"series": ()},
        {"alt": ""},
        {"series": (Series("s", (1.0,), (1.0, 2.0)),)},
        {"series": (Series("s", (1.0,), (float("nan"),)),)},
        {"x_axis": Axis("x", log=True), "series": (Series("s", (0.0,), (1.0,)),)},
    ):
        with pytest.raises(IkunError, match="figure 'f'"):
            drawing(**changes)


def test_citations(document: Document) -> None:
    made = document.cite("Theorem 1", IKUN, "Theorem 1")
    assert made.because.endswith("Theorem 1")
    assert document.references == (str(IKUN),)


def test_parts_are_joined_and_travel(document: Document) -> None:
    """Sections built in other processes come back whole."""
    document.bound("it", Q(a), "<", phi(a) / a, Monotone(a, "high", Manifest(phi(a) / a**2)))
    document.solve("it", x**2, sp.Integer(2), x, (1, 2))
    document.cite("it", IKUN, "Theorem 1")
    travelled = pickle.loads(pickle.dumps(document))
    assert travelled.statements == document.statements
    other = Document(id="test", title="A test", summary="", references=("r",))
    joined = Document.joined([other, travelled])
    assert joined.references == ("r", str(IKUN))
    assert [s.id for s in joined.sections] == ["here"]
    assert travelled.statements[1].claim.check().mark == "proved"
