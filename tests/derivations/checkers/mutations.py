"""Wrong versions of a claim: each has to be refused. A new kind of claim needs its row in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import sympy as sp

from ikun_derivations.checkers.brink import Brink
from ikun_derivations.checkers.claim import Claim
from ikun_derivations.checkers.equality import Equality
from ikun_derivations.checkers.form import Certified
from ikun_derivations.checkers.inequality import Inequality
from ikun_derivations.checkers.joint_case import CASES, JointCase
from ikun_derivations.checkers.limits import Limit
from ikun_derivations.checkers.number import Enclosed, Value
from ikun_derivations.checkers.root import Root
from ikun_derivations.checkers.sample import ALLOWED, Sample
from ikun_sym.gaussian.form import Certificate, Check

Mutant = tuple[str, Callable[[], Claim]]
"""What is wrong, and the claim: stating it may already be refused."""

SLIGHTLY = sp.Rational(1000001, 1000000)
OPPOSITE = {">": "<", ">=": "<", "<": ">", "<=": ">"}


def _equality(claim: Equality) -> Iterator[Mutant]:
    yield "offset", lambda: replace(claim, right=claim.right + sp.Rational(1, 10**9))
    if claim.right != 0:
        yield "constant", lambda: replace(claim, right=claim.right * SLIGHTLY)
        yield "sign", lambda: replace(claim, right=-claim.right)
    for i in range(len(claim.using)):
        yield "a step left out", lambda i=i: replace(claim, using=claim.using[:i] + claim.using[i + 1 :])


def _inequality(claim: Inequality) -> Iterator[Mutant]:
    yield "the other way round", lambda: replace(claim, relation=OPPOSITE[claim.relation])
    far = sp.Integer(10) ** 9  # no side of an inequality that is shown here is so large
    yield "constant", lambda: replace(claim, right=claim.right + (far if claim.relation[0] == ">" else -far))
    method: Any = claim.method
    if hasattr(method, "form"):
        yield "form", lambda: replace(claim, method=replace(method, form=method.form * SLIGHTLY))
    if hasattr(method, "end"):
        yield "end", lambda: replace(claim, method=replace(method, end={"low": "high", "high": "low"}[method.end]))


def _root(claim: Root) -> Iterator[Mutant]:
    low, high = claim.bracket
    width = high - low
    yield "bracket beyond the root", lambda: replace(claim, bracket=(high, high + width))
    yield "bracket from its upper end", lambda: replace(claim, bracket=(high, low))


def _limit(claim: Limit) -> Iterator[Mutant]:
    wrong = [5, -claim.value] if claim.value in (sp.oo, -sp.oo) else [claim.value + sp.Rational(1, 100), sp.oo]
    for value in wrong:
        yield "limit", lambda value=value: replace(claim, value=sp.sympify(value))


def _number(claim: Value | Enclosed) -> Iterator[Mutant]:
    if claim.claimed:  # else nothing is claimed of it
        unit = Decimal(1).scaleb(int(Decimal(claim.claimed).as_tuple().exponent))
        for step in (-2, 2):
            yield "last digit", lambda step=step: replace(claim, claimed=str(Decimal(claim.claimed) + step * unit))


def _certified(claim: Certified) -> Iterator[Mutant]:
    broken = Check("planted", "by hand", False)
    unproved = replace(claim.certificate, status="unknown", checks=(*claim.certificate.checks, broken))
    yield "a failed check", lambda: Certified(unproved)
    yield "refuted", lambda: Certified(Certificate(status="refuted"))


def _sample(claim: Sample) -> Iterator[Mutant]:
    import numpy as np

    values = claim.draw(np.random.default_rng(claim.seed), claim.n)
    error = float(np.std(values) / np.sqrt(claim.n))
    for side in (-1, 1):
        yield "mean", lambda side=side: replace(claim, claimed=claim.claimed + side * 2 * ALLOWED * error)


def _joint_case(claim: JointCase) -> Iterator[Mutant]:
    for case in CASES:
        if case != claim.case:
            yield f"case {case}", lambda case=case: replace(claim, case=case)


def _brink(claim: Brink) -> Iterator[Mutant]:
    for side in (-3, 3):
        yield "place", lambda side=side: replace(claim, value=claim.value + side * claim.within)


KINDS: dict[type, Callable[[Any], Iterator[Mutant]]] = {
    Equality: _equality,
    Inequality: _inequality,
    Root: _root,
    Limit: _limit,
    Value: _number,
    Enclosed: _number,
    Certified: _certified,
    Sample: _sample,
    JointCase: _joint_case,
    Brink: _brink,
}


def mutants(claim: Claim) -> list[Mutant]:
    return list(KINDS[type(claim)](claim))
