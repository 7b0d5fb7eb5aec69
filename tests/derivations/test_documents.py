"""Derivations: every step is checked, a step that does not hold stops everything."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from ikun_derivations import library
from ikun_derivations.checkers.claim import Refused
from ikun_derivations.checkers.form import Certified
from ikun_derivations.checkers.limits import Limit
from ikun_derivations.checkers.number import Enclosed, Value
from ikun_derivations.checkers.sample import Sample
from ikun_derivations.document import MARKS, DerivationError, Document, Statement
from ikun_derivations.documents import d01_gaussian_moments as gaussian_moments
from ikun_derivations.piecewise_tex import cases
from ikun_sym.catalogue.parameter import DOMAINS
from ikun_sym.catalogue.piecewise import PeriodicTail, PiecewiseFunction, R, one_side
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.closed_form import form_of
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.form import Certificate, Check, ClosedForm
from ikun_sym.gaussian.moment import integrand
from ikun_sym.reading.surrogate_spec import resolve
from tests.derivations.checkers.mutations import mutants

NAMES = library.names()
EACH = pytest.mark.parametrize("name", NAMES)

HEAVY = ("information-depth", "rate-targeted")
"""Documents whose claims are made wrong, or left out, in the slow suite only."""


def light(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in names]


a, b = sp.symbols("a b", positive=True)
x = sp.Symbol("x", real=True)


FEW = 6
"""So many parts of a document that is built in parts are built by the quick suite, evenly spread; the slow suite takes all."""


def some(name: str) -> list[int | None]:
    """The first part, and a spread of the others."""
    parts = library.parts(name)
    return parts if len(parts) <= FEW else [parts[0], *parts[2 :: len(parts) // FEW]]


class Built(dict[str, Document]):
    """Each built once, when it is asked for: building is what checks them, and it takes seconds."""

    def __missing__(self, name: str) -> Document:
        self[name] = joined(name)
        return self[name]


def joined(name: str) -> Document:
    return Document.joined([library.build(name, part) for part in some(name)])


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return Built()


# --- every document ---------------------------------------------------------------------------------------------------


def test_there_are_documents() -> None:
    files = sorted(Path(gaussian_moments.__file__).parent.glob("d[0-9][0-9]_*.py"))
    assert len(NAMES) == len(files) >= 2


@EACH
def test_builds_under_its_own_name(documents: dict[str, Document], name: str) -> None:
    document = documents[name]
    assert document.id == name  # the id is the anchor, the file name, and what the command line calls it
    assert document.title
    assert document.summary
    assert all(section.statements for section in document.sections)


@EACH
def test_marks(documents: dict[str, Document], name: str) -> None:
    for statement in documents[name].statements:
        assert statement.mark in MARKS
        # whatever claims to be checked says by whom and what; whatever was not checked names no checker
        checked = statement.mark in ("proved", "enclosed", "agrees", "sampled")
        assert not checked or (statement.checker and statement.claim)
        assert not statement.checker or checked or statement.mark == "not shown"  # a certificate that shows nothing


@EACH
def test_proved_statements_name_a_proof(documents: dict[str, Document], name: str) -> None:
    found = [s for s in documents[name].statements if s.mark == "proved"]
    assert found
    for statement in found:
        assert statement.checker
        assert not isinstance(statement.claim, Sample | Enclosed | Value)
        assert not (isinstance(statement.claim, Limit) and statement.claim.at)
        assert not isinstance(statement.claim, Certified) or statement.checker.startswith("proved-")


@EACH
def test_conclusions_rest_on_steps(documents: dict[str, Document], name: str) -> None:
    ids = {s.id for s in documents[name].statements}
    assert len(ids) == len(documents[name].statements)
    for statement in documents[name].statements:
        assert set(statement.rests_on) <= ids
        assert statement.rests_on or statement.mark != "concluded"


def test_every_surrogate_is_a_part() -> None:
    assert [[s.name for s in part] for part in gaussian_moments.parts()] == [[], *([name] for name in SURROGATES.names())]


@pytest.mark.slow
@pytest.mark.parametrize("name", SURROGATES.names())
def test_every_section_builds(name: str) -> None:
    """Every claim of every surrogate's section, and each made wrong."""
    document = gaussian_moments.build([SURROGATES[name]])
    assert [section.id for section in document.sections] == [name]
    assert_wrong_claims_are_refused(document)


def test_a_mark_is_the_certificates(documents: dict[str, Document]) -> None:
    """Nothing that only agrees is shown as proved."""
    for statement in documents["gaussian-moments"].statements:
        if statement.checker in ("enclosure-agrees", "numeric-only", "unknown"):
            assert statement.mark in ("agrees", "not shown")


@pytest.mark.parametrize("name", light(NAMES))
def test_every_step_matters(documents: dict[str, Document], name: str) -> None:
    """Each claim of a document, made wrong in each way that its kind allows, is refused."""
    assert_wrong_claims_are_refused(documents[name])


def assert_wrong_claims_are_refused(document: Document) -> None:
    tried = 0
    for statement in document.statements:
        for what, make in mutants(statement.claim) if statement.claim else ():
            try:
                make().check()
            except Refused:
                tried += 1
            else:
                pytest.fail(f"{document.id}: step {statement.text!r} also holds with a wrong {what}")
    claims = [statement.claim for statement in document.statements if statement.claim]
    # a number that is only read off its enclosure, as those of periodic tails are, claims no more than that
    assert tried or all(isinstance(claim, Enclosed) and not claim.claimed for claim in claims)


def planting(honest: Callable[..., Statement], target: int, wrong: Callable[[], Any]) -> Callable[..., Statement]:
    """`Document._checked`, in whose place the claim number `target` of a build is `wrong`."""
    count = itertools.count()

    def planted(self: Document, text: str, make: Callable[[], Any], *rest: Any, **more: Any) -> Statement:
        return honest(self, text, wrong if next(count) == target else make, *rest, **more)

    return planted


@pytest.mark.parametrize("name", light(name for name in NAMES if name != "gaussian-moments"))
def test_a_wrong_step_stops_the_build(name: str, monkeypatch: pytest.MonkeyPatch, documents: dict[str, Document]) -> None:
    """Planted in the first, a middle and the last claim: the error names the document, the section and the step."""
    claimed = [(section.id, s) for section in documents[name].sections for s in section.statements if s.claim]
    honest = Document._checked
    for target in (i for i in {0, len(claimed) // 2, len(claimed) - 1} if mutants(claimed[i][1].claim)):
        section, statement = claimed[target]
        wrong = mutants(statement.claim)[0][1]
        monkeypatch.setattr(Document, "_checked", planting(honest, target, wrong))
        with pytest.raises(DerivationError) as caught:
            joined(name)
        assert str(caught.value).startswith(f"derivation {name!r}, section {section!r}: step {statement.text!r} does not hold")


def test_a_refuted_certificate_stops_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    refuted = Certificate(status="refuted", checks=(Check("the planted check", "by hand", False),))
    form = ClosedForm(expr=sp.S.One, kind="elementary", method="planted", certificate=refuted)
    monkeypatch.setattr("ikun_derivations.documents.d01_gaussian_moments.form_of", lambda *_: form)
    with pytest.raises(DerivationError, match=r"'gaussian-moments'.*the planted check"):
        library.build("gaussian-moments")


@pytest.mark.parametrize(("name", "own"), [("q_pseudo_spike", False), ("triangular", True)])
def test_a_form_that_holds_numbers_for_parameters_says_so(name: str, own: bool) -> None:
    """Either the formula has every parameter of f', or the text names the values at which it is proved."""
    bound, document = resolve(name), Document(id="test", title="t", summary="s")
    gaussian_moments._moment(document, bound, "fprime", 1)
    form = form_of(integrand(bound, "fprime", 1), bound.environment)
    assert form.expr is not None
    assert ({param.symbol for param in bound.surrogate.params} <= form.expr.free_symbols) == own
    assert (f"at {bound.spec} alone" in document.statements[0].text) == (not own)


def test_a_domain_is_the_parameters() -> None:
    assert set(gaussian_moments.DOMAINS) == set(DOMAINS)


def test_the_cell_of_a_periodic_tail() -> None:
    """A tent of period 2a from a on, above the threshold only, by hand."""
    tail = PeriodicTail(1, a, 2 * a, ((a, R), (2 * a, 2 * a - R)))
    function = PiecewiseFunction(one_side(1, (b, a)) + one_side(-1, (0, sp.oo)), (tail,))
    shown = cases(function)
    assert r"b & 0 < x < a \\ 0 & -x > 0 \\ r & x > a,\; r < a \\ 2 a - r & x > a,\; a < r < 2 a \end" in shown
    assert shown.endswith(r"\quad u = |x|,\; r = (- a + u) \bmod 2 a")


# --- one statement ----------------------------------------------------------------------------------------------------

SOUND = (
    ("a product", (a + b) ** 2, a**2 + 2 * a * b + b**2),
    ("exponentials", sp.exp(a) * sp.exp(-a * x), sp.exp(a - a * x)),
    ("an odd function", sp.erf(a - x), -sp.erf(x - a)),
    ("a derivative", sp.diff(sp.exp(-a * x**2), x), -2 * a * x * sp.exp(-a * x**2)),
    ("a root", sp.sqrt(a**2 + b) ** 2, a**2 + b),
)
WRONG: tuple[tuple[str, Callable[[sp.Expr], sp.Expr]], ...] = (
    ("constant", lambda right: right * sp.Rational(1001, 1000)),
    ("sign", lambda right: -right),
    ("offset", lambda right: right + sp.Rational(1, 10**9)),
    ("parameter", lambda right: right.subs(a, 2 * a)),
)


def begun() -> Document:
    document = Document(id="test", title="A test", summary="Of the machinery.")
    document.assume("Symbols", symbols=(a, b, x))
    return document


def made(document: Document) -> list[Statement]:
    """What was written after the first assumption."""
    return document.statements[1:]


@pytest.mark.parametrize(("text", "left", "right"), SOUND, ids=[s[0] for s in SOUND])
def test_step(text: str, left: sp.Expr, right: sp.Expr) -> None:
    document = begun()
    document.step(text, left, right)
    assert [s.mark for s in made(document)] == ["proved"]
    for _, change in WRONG:
        with pytest.raises(DerivationError, match=f"'test'.*'{text}'.*does not hold"):
            document.step(text, left, change(right))
    assert len(made(document)) == 1  # a refused step is not written down


def test_a_true_step_that_cannot_be_shown_is_refused() -> None:
    """The zero test is sound and incomplete: what it cannot show is not marked as proved."""
    with pytest.raises(DerivationError, match="not shown"):
        begun().step("the recurrence of gamma", sp.gamma(x + 1), x * sp.gamma(x))


def certificate(status: str, *holds: bool) -> Certificate:
    return Certificate(status=status, checks=tuple(Check(f"check {i}", "by hand", h) for i, h in enumerate(holds)))


@pytest.mark.parametrize(
    ("given", "mark"),
    [
        (certificate("proved-ftc", True, True), "proved"),
        (certificate("enclosure-agrees", True), "agrees"),
        (certificate("numeric-only"), "not shown"),
        (certificate("unknown"), "not shown"),
    ],
)
def test_certified(given: Certificate, mark: str) -> None:
    document = begun()
    document.certified("a form", "y", given)
    assert [(s.mark, s.checker) for s in made(document)] == [(mark, given.status)]


@pytest.mark.parametrize("given", [certificate("refuted", False), certificate("refuted"), certificate("unknown", True, False)])
def test_a_refuted_form_stops_the_build(given: Certificate) -> None:
    document = begun()
    with pytest.raises(DerivationError, match="'a form' does not hold"):
        document.certified("a form", "y", given)
    assert not made(document)


def test_a_derivation_error_is_bad_input() -> None:
    assert issubclass(DerivationError, IkunError)  # so that the command shows one line, not a traceback


@pytest.mark.parametrize("part", [part for part in some("gaussian-moments") if part])
def test_shown_enclosures(documents: dict[str, Document], part: int) -> None:
    """The numbers on the page are those of the ball arithmetic at μ = 0, v = 1."""
    name = gaussian_moments.parts()[part][0].name
    section = next(s for s in documents["gaussian-moments"].sections if s.id == name)
    shown = [s.formulas[0] for s in section.statements if s.mark == "enclosed"]
    bound = resolve(name)
    for formula, (of, power) in zip(shown, gaussian_moments.MOMENTS, strict=False):  # f may have no primitive
        true = expectation(integrand(bound, of, power), bound.environment, Fraction(0), Fraction(1))
        assert rf"\in {true.mid} \pm" in formula
    assert len(shown) >= 3
