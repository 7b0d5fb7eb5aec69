"""Proved forms against planted errors: the prover of a form's rule must accept the form and refuse every mutant of it.

`python -m tests.ikun_sym.gaussian.mutant_table` prints the table surrogate × mutant for E[f'], E[f'²], E[f'⁴] and E[f], each
row when it is done, and the totals; names as arguments choose surrogates.
"""

from __future__ import annotations

import itertools
import signal
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.expressions.symbols import MEAN, VAR
from ikun_sym.expressions.vocabulary import GoodwinStaton, ImW, ReW
from ikun_sym.gaussian import closed_form as rules
from ikun_sym.gaussian.closed_form import RULES, derive
from ikun_sym.gaussian.form import Certificate, ClosedForm
from ikun_sym.gaussian.moment import integrand
from ikun_sym.schemes.constants import POWERS

SLIGHTLY = sp.Rational(1001, 1000)
TINY = 1 + sp.Rational(1, 10**9)

Prover = Callable[[PiecewiseFunction, sp.Expr], Certificate]


def heat_kernel() -> sp.Expr:
    return sp.exp(-(MEAN**2) / (2 * VAR)) / sp.sqrt(VAR)


def rate_of(expr: sp.Expr) -> sp.Expr:
    """A rate that the form itself may contain, so that a mutant looks like one of its terms."""
    parameters = sorted((s for s in expr.free_symbols if s not in (MEAN, VAR) and s.is_positive), key=str)
    return parameters[0] if parameters else sp.S.One


def other_branch(expr: sp.Expr) -> sp.Expr:
    """w(−z) = 2 e^{−z²} − w(z) for w(z): it solves the same equations."""

    def both(x: sp.Expr, y: sp.Expr, sign: int) -> sp.Expr:
        plus, minus = (sp.exp(-sp.expand((x + i * y) ** 2)) for i in (sp.I, -sp.I))
        return plus + minus if sign > 0 else (plus - minus) / sp.I

    return expr.replace(ReW, lambda x, y: both(x, y, 1) - ReW(x, y)).replace(ImW, lambda x, y: both(x, y, -1) - ImW(x, y))


def error_functions(expr: sp.Expr, change: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    return expr.replace(sp.erf, lambda z: sp.erf(change(z))).replace(sp.erfc, lambda z: sp.erfc(change(z)))


def without_term(expr: sp.Expr, which: int) -> sp.Expr:
    """Without one term, where there are several."""
    terms = sp.Add.make_args(expr)
    terms = terms if len(terms) > 1 else sp.Add.make_args(sp.expand(expr))
    return expr if len(terms) == 1 else sp.Add(*terms) - terms[which]


MUTANTS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "factor 1 + 1e-9": lambda e: e * TINY,
    "factor 2": lambda e: 2 * e,
    "sign": lambda e: -e,
    "first term": lambda e: without_term(e, 0),
    "last term": lambda e: without_term(e, -1),
    "μ + 1/1000": lambda e: e.subs(MEAN, MEAN + sp.Rational(1, 1000)),
    "v · 1.001": lambda e: e.subs(VAR, VAR * SLIGHTLY),
    "rate · 1.001": lambda e: e.subs(rate_of(e), rate_of(e) * SLIGHTLY) if rate_of(e) != 1 else e,
    "exponents · 1.001": lambda e: e.replace(sp.exp, lambda z: sp.exp(z * SLIGHTLY)),
    "erf, erfc of 1.001 z": lambda e: error_functions(e, lambda z: z * SLIGHTLY),
    "erf, erfc of −z": lambda e: error_functions(e, lambda z: -z),
    "w(−z)": lambda e: e.replace(ReW, lambda x, y: ReW(-x, -y)).replace(ImW, lambda x, y: ImW(-x, -y)),
    "2exp(−z²) − w(z)": other_branch,
    "conjugate of w": lambda e: e.replace(ImW, lambda x, y: -ImW(x, y)),
    "T(1.001 a, z)": lambda e: e.replace(GoodwinStaton, lambda s, a, z: GoodwinStaton(s, a * SLIGHTLY, z)),
    "T(a, 1.001 z)": lambda e: e.replace(GoodwinStaton, lambda s, a, z: GoodwinStaton(s, a, z * SLIGHTLY)),
    "T of order s + 1": lambda e: e.replace(GoodwinStaton, lambda s, a, z: GoodwinStaton(s + 1, a, z)),
    # these solve the heat equation wherever they are smooth: a check of that equation alone misses them
    "+ constant": lambda e: e + sp.Rational(1, 1000),
    "+ μ": lambda e: e + MEAN,
    "+ heat kernel": lambda e: e + heat_kernel(),
    "+ dipole": lambda e: e + MEAN / VAR * heat_kernel(),
    "+ exponential": lambda e: e + sp.exp(rate_of(e) ** 2 * VAR / 2 - rate_of(e) * MEAN),
    "+ exp of |μ|": lambda e: e + sp.exp(rate_of(e) ** 2 * VAR / 2 - rate_of(e) * sp.Abs(MEAN)),
}
"""name -> the form with one error, of the kinds that hand derivations produce, or the form itself where it has no such part."""


QUANTITIES = (*(("fprime", power) for power in POWERS.values()), ("f", 1))
"""(of, power) of each moment that the table takes."""

SHOWN = {("fprime", 1): "f'", ("fprime", 2): "f'²", ("fprime", 4): "f'⁴", ("f", 1): "f"}

CPU_SECONDS = 60
"""Of one prover on one mutant; beyond, the verdict is `undecided`, which is no refusal."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One form and what its prover says of it (label "form") and of each mutant: "accepted", "refused", "undecided", or "same"
    where the mutant is the form itself and there is nothing to refuse."""

    surrogate: str
    of: str
    power: int
    status: str
    verdicts: dict[str, str]
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """How many mutants have each verdict."""
        return Counter(verdict for label, verdict in self.verdicts.items() if label != "form")

    @property
    def sound(self) -> bool:
        """The form is accepted and every mutant that differs from it is refused."""
        return self.verdicts["form"] == "accepted" and not self.counts["accepted"] and not self.counts["undecided"]

    @property
    def refused(self) -> int:
        return self.counts["refused"]


class Undecided(Exception):
    """The time is over."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `Undecided` in the main thread after so much CPU time."""

    def stop(*_: Any) -> None:
        raise Undecided

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def verdict(prove: Prover, function: PiecewiseFunction, expr: sp.Expr, seconds: float = CPU_SECONDS) -> str:
    """What the prover alone says: nothing is evaluated numerically."""
    try:
        with limited(seconds):
            return "accepted" if prove(function, expr).proved else "refused"
    except Undecided:
        return "undecided"


@cache
def prover_of(function: PiecewiseFunction) -> Prover | None:
    """The prover of the rule that `derive` takes."""
    return next((rule.prove for rule in RULES if rule.closed_form(function) is not None), None)


@cache
def function_of(name: str, power: int, of: str = "fprime") -> PiecewiseFunction:
    """f'^power or f^power: with symbols for the parameters where a form is proved with them, else at the defaults (1 for none),
    as `form_of` takes them. Error: no primitive is known."""
    surrogate = SURROGATES[name]
    bound = surrogate.bind({param.name: 1 for param in surrogate.params if param.default is None})
    candidates = [*rules._candidates(integrand(bound, of, power), bound.environment)] or [integrand(bound, of, power)]
    return next((function for function in candidates if derive(function).certificate.proved), candidates[0])


def proved_form(name: str, power: int, of: str = "fprime") -> ClosedForm | None:
    try:
        form = derive(function_of(name, power, of))
    except IkunError:
        return None
    return form if form.certificate.proved else None


def row(name: str, power: int, labels: Iterable[str] = tuple(MUTANTS), of: str = "fprime") -> Row:
    """The verdicts on the form of E[f'^power] or E[f^power]."""
    start = time.process_time()
    function = function_of(name, power, of)
    form, prove = derive(function), prover_of(function)
    assert form.expr is not None
    assert prove is not None
    verdicts = {"form": verdict(prove, function, form.expr)}
    for label in labels:
        mutant = MUTANTS[label](form.expr)
        verdicts[label] = "same" if mutant == form.expr else verdict(prove, function, mutant)
    seconds = time.process_time() - start
    return Row(surrogate=name, of=of, power=power, status=form.certificate.status, verdicts=verdicts, seconds=seconds)


def printed(found: Row) -> str:
    shown = {"refused": "+", "same": "·", "accepted": "!", "undecided": "?"}
    marks = " ".join(shown[found.verdicts[label]] for label in MUTANTS)
    head = f"{found.surrogate:27}{SHOWN[found.of, found.power]:8}{found.status:13}{found.verdicts['form']:11}"
    return f"{head}{marks}{found.refused:9}{found.seconds:7.1f} s"


def totals(found: list[Row], without: list[str]) -> str:
    """What the rows add up to; each mutant that is not refused by name."""
    counts = sum((row.counts for row in found), Counter())
    each = ", ".join(f"{SHOWN[q]} {sum((row.of, row.power) == q for row in found)}" for q in QUANTITIES)
    forms = sum(row.verdicts["form"] == "accepted" for row in found)
    lines = [
        f"{len(found)} proved forms ({each}), {forms} accepted; of {counts.total()} mutants {counts['same']} are the form"
        f" itself, {counts['refused']} refused, {counts['accepted']} accepted, {counts['undecided']} undecided"
        f" after {CPU_SECONDS} s; {sum(row.seconds for row in found):.0f} s of CPU time",
        f"no form is proved: {', '.join(without) or 'none'}",
    ]
    for row in found:
        for label, said in row.verdicts.items():
            if said not in (("accepted",) if label == "form" else ("refused", "same")):
                lines.append(f"{row.surrogate} {SHOWN[row.of, row.power]}, {label}: {said}")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    """Prints the table; the exit status is 1 if a prover accepted a mutant, refused the form or came to no verdict."""
    letters = string.ascii_lowercase[: len(MUTANTS)]
    print("+ refused, · the mutant is the form itself, ? undecided, ! ACCEPTED: the prover is broken")
    print("; ".join(f"{letter}: {label}" for letter, label in zip(letters, MUTANTS, strict=True)))
    print(f"{'surrogate':27}{'moment':8}{'status':13}{'form':11}{' '.join(letters)}  refused", flush=True)
    found, without = [], []
    for name, (of, power) in itertools.product(names or SURROGATES.names(), QUANTITIES):
        if proved_form(name, power, of) is None:
            without.append(f"{name} {SHOWN[of, power]}")
            continue
        found.append(row(name, power, of=of))
        print(printed(found[-1]), flush=True)
    print(totals(found, without))
    return 0 if all(row.sound for row in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
