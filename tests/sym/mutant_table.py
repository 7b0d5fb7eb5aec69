"""Proved forms against planted errors: the prover of a form's rule must accept the form and refuse every mutant of it.

`python -m tests.sym.mutant_table` prints the table surrogate × mutant for every power; names as arguments choose surrogates.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.form import MEAN, VAR, Certificate, ClosedForm
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.rules import RULES, SYMBOLIC_PARAMETERS, derive
from ikun_sym.gaussian.special import GoodwinStaton, ImW, ReW
from ikun_sym.theory.constants import POWERS

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


@dataclass(frozen=True, kw_only=True)
class Row:
    """One form and what its prover says of it (label "form") and of each mutant."""

    surrogate: str
    power: int
    status: str
    verdicts: dict[str, str]

    @property
    def sound(self) -> bool:
        return self.verdicts["form"] == "accepted" and "accepted" not in [v for k, v in self.verdicts.items() if k != "form"]

    @property
    def refused(self) -> int:
        return sum(verdict == "refused" for verdict in self.verdicts.values())


@cache
def prover_of(function: PiecewiseFunction) -> Prover | None:
    """The prover of the rule that `derive` takes."""
    return next((rule.prove for rule in RULES if rule.closed_form(function) is not None), None)


@cache
def function_of(name: str, power: int) -> PiecewiseFunction:
    """f'^power with symbols for the parameters where forms are derived with them, else at the defaults (1 for none)."""
    surrogate = SURROGATES[name]
    bound = surrogate.bind({param.name: 1 for param in surrogate.params if param.default is None})
    function = integrand(bound, "fprime", power)
    if len(bound.environment) <= SYMBOLIC_PARAMETERS:
        return function
    return function.substitute({s: sp.Rational(x) for s, x in bound.environment.items()})


def proved_form(name: str, power: int) -> ClosedForm | None:
    form = derive(function_of(name, power))
    return form if form.certificate.proved else None


def row(name: str, power: int, labels: Iterable[str] = tuple(MUTANTS)) -> Row:
    """The verdicts on the form of E[f'^power]; "same": the mutant is the form itself."""
    function = function_of(name, power)
    form, prove = derive(function), prover_of(function)
    assert form.expr is not None
    assert prove is not None
    said = {True: "accepted", False: "refused"}
    verdicts = {"form": said[prove(function, form.expr).proved]}
    for label in labels:
        mutant = MUTANTS[label](form.expr)
        verdicts[label] = "same" if mutant == form.expr else said[prove(function, mutant).proved]
    return Row(surrogate=name, power=power, status=form.certificate.status, verdicts=verdicts)


def rows(names: Iterable[str], powers: Iterable[int]) -> Iterator[Row]:
    """One row per proved form."""
    for name in names:
        for power in powers:
            if proved_form(name, power) is not None:
                yield row(name, power)


def main(names: list[str]) -> int:
    """Prints the table; the exit status is 1 if a prover accepted a mutant or refused the form."""
    from rich.console import Console
    from rich.table import Table

    letters = string.ascii_lowercase[: len(MUTANTS)]
    table = Table(title="+ refused, · the form has no such part, ! ACCEPTED: the prover is broken")
    for heading in ("surrogate", "power", "status", "form", " ".join(letters)):
        table.add_column(heading, no_wrap=True)
    shown = {"refused": "+", "same": "·", "accepted": "!"}
    sound = True
    for found in rows(names or SURROGATES.names(), POWERS.values()):
        sound = sound and found.sound
        marks = " ".join(shown[found.verdicts[label]] for label in MUTANTS)
        table.add_row(found.surrogate, str(found.power), found.status, found.verdicts["form"], marks)
    console = Console(width=max(120, Console().width))
    console.print(table)
    console.print("; ".join(f"{letter}: {label}" for letter, label in zip(letters, MUTANTS, strict=True)))
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
