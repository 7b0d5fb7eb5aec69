"""What a person reads of a moment beside its value: the rule, the functions by name, each check, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..expressions.vocabulary import VOCABULARY, GoodwinStaton, ImW, ReW, TricomiU
from .enclosures.certify import Enclosure
from .form import Certificate, ClosedForm

CONCLUSIONS = {
    "proved-ftc": "So the form is the expectation: the integral over each piece is its antiderivative's increment.",
    "proved-heat": (
        "So the form is the expectation: by (0), (1) and (3) it solves the heat equation within bounds in which Tychonoff's "
        "theorem admits one solution only, and by (2) that one starts from g."
    ),
    "proved-ode": "So the form is the expectation at mean 0: two solutions of the equation with one limit are the same.",
    "enclosure-agrees": "The balls of the form and of the integral overlap at each of these points: agreement, no proof.",
    "numeric-only": "Nothing is claimed but the enclosure.",
    "refuted": "The form is wrong: a ball of it misses that of the integral.",
    "unknown": "Nothing is shown.",
}
"""What a status says, once its checks are read."""

_OURS = (ReW, ImW, GoodwinStaton, TricomiU)
"""Functions that a reader may not know by the names that formulas have here."""


class Answer(Protocol):
    """An expectation, in one variable or in two."""

    @property
    def enclosure(self) -> Enclosure: ...
    @property
    def form(self) -> ClosedForm: ...
    @property
    def certificate(self) -> Certificate: ...


def lines(moment: Answer) -> Iterator[str]:
    form, certificate = moment.form, moment.certificate
    yield f"enclosed by {moment.enclosure.route}"
    yield f"method: {form.method}"
    yield from (f"where {text}" for text in meanings(form))
    yield from (f"assumes {assumption}" for assumption in certificate.assumptions)
    for check in certificate.checks:
        yield f"[{'ok' if check.holds else 'FAILS'}] {check.what}  — {check.how}"
    yield conclusion(form, certificate.status)


def conclusion(form: ClosedForm, status: str) -> str:
    if form.error and status.startswith("proved"):
        return (
            f"So the form is the expectation of a finite sum that is within a relative {float(form.error):.1e} of g "
            "everywhere: it is within that times E|g| of the expectation."
        )
    return CONCLUSIONS[status]


def meanings(form: ClosedForm) -> list[str]:
    """The functions of ours that a form contains, each with its meaning."""
    if form.expr is None:
        return []
    return [f"{head.__name__} is {VOCABULARY[head].meaning}" for head in _OURS if form.expr.has(head)]
