"""∫_a^b of a smooth function by Arb's validated integrator, in ball arithmetic.

A value is evaluated hundreds of times at one setting: what depends on parameters alone is evaluated once, and a function
that occurs twice in it once a point.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import acb, arb

from ...catalogue.piecewise import R, U
from ...expressions.lowering import Balls, lower

Named = tuple[tuple[sp.Symbol, sp.Expr], ...]

Integrand = Callable[[acb, bool], acb]
"""Of a point and the integrator's flag, by which it asks for a non-finite answer wherever the function is not analytic."""


@dataclass(frozen=True)
class Plan:
    """An expression in u and r as `body` in `constants`, of parameters alone, and `steps`, each in those before it."""

    constants: Named
    steps: Named
    body: sp.Expr


@lru_cache(maxsize=512)
def plan(value: sp.Expr) -> Plan:
    varying: set[sp.Basic] = {U, R}
    constants: dict[sp.Basic, sp.Symbol] = {}
    shared: dict[sp.Basic, sp.Symbol] = {}

    def folded(expr: sp.Basic) -> sp.Expr:
        """With a name for each largest part that does not vary, and for each function that is shared."""
        if expr in shared:
            return shared[expr]
        if not expr.free_symbols & varying:
            return constants.setdefault(expr, sp.Dummy())
        if isinstance(expr, (sp.Add, sp.Mul)):
            fixed, rest = expr.as_independent(*varying, as_Add=expr.is_Add)
            parts = [folded(part) for part in type(expr).make_args(rest)]
            unit = fixed == (0 if expr.is_Add else 1)
            return type(expr)(*parts, *([] if unit else [folded(fixed)]), evaluate=False)
        if isinstance(expr, sp.Pow):
            exponent = expr.exp if expr.exp.is_Rational else folded(expr.exp)
            return sp.Pow(folded(expr.base), exponent, evaluate=False)
        return expr if isinstance(expr, sp.Symbol) else type(expr)(*map(folded, expr.args), evaluate=False)  # type: ignore[call-arg]

    often = [f for f, times in Counter(sp.preorder_traversal(value)).items() if times > 1 and isinstance(f, sp.Function)]
    steps = []
    for function in sorted(often, key=lambda f: f.count_ops()):
        if function.free_symbols & varying:
            step = folded(function)
            shared[function] = sp.Dummy()
            steps.append((shared[function], step))
    body = folded(value)
    return Plan(tuple((symbol, expr) for expr, symbol in constants.items()), tuple(steps), body)  # type: ignore[misc]


def evaluator(value: sp.Expr, env: Mapping[sp.Symbol, object], *, analytic: bool) -> Callable[[acb, acb], acb]:
    """`value` as a function of (u, r) at the current precision."""
    planned, arithmetic = plan(value), Balls(analytic)
    values: dict[sp.Symbol, object] = {s: acb(lower(expr, Balls())(env)) for s, expr in planned.constants}
    steps = [(symbol, lower(step, arithmetic)) for symbol, step in planned.steps]
    body = lower(planned.body, arithmetic)

    def at(u: acb, r: acb) -> acb:
        values[U], values[R] = u, r
        for symbol, step in steps:
            values[symbol] = step(values)
        return acb(body(values))

    return at


class Gaussian:
    """e^{−(u−m)²/2v}."""

    def __init__(self, m: arb, v: arb) -> None:
        self.m, self.rate = m, -1 / (2 * v)

    def __call__(self, u: acb, analytic: bool = False) -> acb:
        return ((u - self.m) ** 2 * self.rate).exp()


SHORT = 50
"""Operations of a short formula."""


@lru_cache(maxsize=1024)
def work_of(value: sp.Expr) -> int:
    """Of one evaluation, in units of a short formula's."""
    return 1 + int(sp.count_ops(value)) // SHORT


@dataclass(frozen=True)
class Stretch:
    """∫_a^b integrand(u) du; `most`: a bound of its magnitude, where one is known without work. `work`: of one evaluation, in
    units of a short formula's; the evaluations allowed are divided by it, so that none takes for ever."""

    integrand: Integrand
    a: arb
    b: arb
    most: arb = arb.pos_inf()  # noqa: RUF009 - immutable
    work: int = 1

    @classmethod
    def of(
        cls, value: sp.Expr, env: Mapping[sp.Symbol, object], density: Integrand, a: arb, b: arb, most: arb | None = None
    ) -> Stretch:
        """∫_a^b value density, value in u or in r alone."""
        plain, rigorous = (evaluator(value, env, analytic=analytic) for analytic in (False, True))
        most = arb.pos_inf() if most is None else most
        return cls(
            lambda u, analytic: (rigorous if analytic else plain)(u, u) * density(u, analytic), a, b, most, work_of(value)
        )

    def integrate(self, *, rel_tol: arb, abs_tol: arb, eval_limit: int) -> arb:
        width = self.b - self.a  # ends may be balls: u = a + width·t, t in [0, 1], keeps the integrator's ends exact

        def scaled(t: acb, analytic: bool) -> acb:
            return self.integrand(self.a + width * t, analytic)

        # The heap works on the worst stretch first; depth-first order can spend its budget in a negligible tail.
        limit = max(1, eval_limit // self.work**2)  # long formulas oscillate, too
        result = acb.integral(scaled, 0, 1, rel_tol=rel_tol, abs_tol=abs_tol, eval_limit=limit, use_heap=True)
        return (result * width).real


def split(lo: arb, hi: arb, *bulks: tuple[arb, arb]) -> Iterator[tuple[arb, arb]]:
    """[lo, hi] cut near each bulk N(m, v): the integrator would find these points by bisection."""
    inner = sorted((m + j * v.sqrt()).mid() for m, v in bulks for j in (-8, 0, 8))
    return itertools.pairwise([lo, *(point for point in inner if lo < point < hi), hi])
