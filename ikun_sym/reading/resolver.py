"""From the tree to smooth pieces on one half-line."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NoReturn

import sympy as sp

from ..catalogue.piecewise import U
from ..errors import IkunError
from .bounds_on_input import (
    LARGEST,
    MAX_BITS,
    MAX_CONSTANT_SIZE,
    MAX_DEGREE,
    MAX_IRRATIONAL_DEGREE,
    MAX_IRRATIONALS,
    MAX_PIECES,
    MAX_WORK,
)
from .decay import SAMPLES, decaying, lowest_terms
from .floors import steps
from .functions import FUNCTIONS, Place
from .interval import EndlessFloor, Interval, Split, is_small, short
from .numeric import CONTEXTS, Point, Undecided, numeric_value, varies
from .tree import COMPARISONS, And, Call, Cases, Node, Num, Or, Pi, Power, Product, Sum, Truth, X, bits_of
from .zeros import degree_of, has_long_exponent, irrationals_in

_APPROACH = (8, 11, 15, 20, 28, 40)  # digits; ever larger steps, so that even log(log(1/u)) does not settle
Stretch = tuple[Interval, sp.Expr]


class Resolver(Place):
    """The value of a tree on an interval of one side, x = side * u; `work` counts the nodes resolved."""

    def __init__(self, text: str, tree: Node, side: int, interval: Interval, work: Iterator[int]) -> None:
        super().__init__(text, tree, side, interval)
        self.work = work

    # -- intervals

    def stretches(self) -> Iterator[Stretch]:
        """The interval cut into stretches on which the tree is smooth, each with the value there, in order."""
        todo, done = [self.interval], 0
        while todo:
            self.interval = todo.pop()
            try:
                value = lowest_terms(self, self.resolve(self.tree))
            except Split as split:
                todo += reversed(self.interval.split(split.points))
            else:
                self.check(value)
                done += 1
                yield self.interval, value
            if len(todo) + done > MAX_PIECES:
                raise IkunError(
                    f"expression {short(self.source)} has over {MAX_PIECES} pieces; write one with fewer breakpoints"
                )

    def place(self, u: sp.Expr) -> Point:
        """The values of the variables at u."""
        return {U: u}

    def check(self, value: sp.Expr) -> None:
        """Real and finite inside, and bounded towards each finite end."""
        for fraction in SAMPLES:
            try:
                numeric_value(value, self.place(self.interval.at(fraction)), absolute=True)
            except Undecided:
                self.refuse_value("is not finite, or is too large to evaluate, within")
        for end, inwards in ((self.interval.lo, 1), (self.interval.hi, -1)):
            if end is not sp.oo and not self.bounded(value, end, inwards):
                self.refuse_value(f"has no finite limit at {'x' if self.side > 0 else '-x'} = {sp.N(end, 6)} of")

    def refuse_value(self, what: str) -> NoReturn:
        raise IkunError(f"expression {short(self.source)} {what} {self.interval.text(self.side)}; f' must be finite everywhere")

    def bounded(self, value: sp.Expr, end: sp.Expr, inwards: int) -> bool:
        """Whether `value` has a finite limit at `end`: it can be evaluated there, or settles on the way there, each
        step at most half the last. Logarithms and negative powers move further at each step, oscillations at random."""
        try:
            numeric_value(value, self.place(end), absolute=True)
            return True
        except Undecided:
            pass
        width = sp.S.One if self.interval.hi is sp.oo else self.interval.at(Fraction(1, 2)) - self.interval.lo
        try:
            near = [numeric_value(value, self.place(end + inwards * width * sp.Rational(3, 7 * 10**n))) for n in _APPROACH]
        except Undecided:
            return False
        steps = [abs(b - a) for a, b in itertools.pairwise(near)]
        rounding = abs(near[0]) * CONTEXTS[0].mpf("1e-25")
        return all(b <= a / 2 + rounding for a, b in itertools.pairwise(steps))

    # -- nodes

    def resolve(self, node: Node) -> sp.Expr:
        if next(self.work) > MAX_WORK:
            raise IkunError(f"expression {short(self.source)} takes too much work to split into pieces; write a simpler one")
        try:
            value = _RESOLVE[type(node)](self, node)
            if self.is_moderate(value):
                return value
        except Undecided:
            pass
        self.node = node
        self.refuse_part("is not finite, or is too large or too complicated to evaluate,")

    def is_moderate(self, value: Any) -> bool:
        """Whether sympy can be trusted with `value`: it evaluates constants and isolates the roots of polynomials on its
        own, to learn their signs, and would never end on exp(exp(exp(9))) or on x**7 - pi*x**6*erf(1) + ..."""
        if value.is_Rational:
            return bits_of(value) <= 8 * MAX_BITS
        if not value.args:
            return True
        if not varies(value):
            return is_small(value, MAX_CONSTANT_SIZE) and bool(abs(numeric_value(value, absolute=True)) < LARGEST)
        if not value.is_Add or (degree_of(value) <= 1 and value.is_polynomial(U)):
            return True
        if has_long_exponent(value):
            return False
        irrationals = irrationals_in(value)
        degree = MAX_IRRATIONAL_DEGREE if irrationals else 2 * MAX_DEGREE
        return irrationals <= MAX_IRRATIONALS and (degree_of(value) <= degree or not value.is_rational_function(U))

    def resolve_sum(self, node: Any) -> sp.Expr:
        return lowest_terms(self, sp.Add(*(self.resolve(arg) for arg in node.args)))

    def resolve_product(self, node: Any) -> sp.Expr:
        """A floor with endless steps is forgiven where another factor is 0, as in floor(x)*heaviside(1-abs(x))."""
        factors: list[sp.Expr] = []
        endless = None
        for arg in node.args:
            try:
                factors.append(self.resolve(arg))
            except EndlessFloor as error:
                endless = error
        if 0 in factors:
            return sp.S.Zero
        if endless:
            raise endless
        return decaying(self, sp.Mul(*factors))

    def resolve_power(self, node: Any) -> sp.Expr:
        return self.power(self.resolve(node.base), sp.Rational(node.exponent.numerator, node.exponent.denominator), node)

    def power(self, base: sp.Expr, exponent: Any, node: Node) -> sp.Expr:
        """base**exponent, with the zeros of a denominator as breakpoints and a root only of what is not negative."""
        self.node = node
        if not (exponent.is_Integer and exponent >= 0):
            sign = self.sure_sign(base)
            if sign == 0 and exponent < 0:
                self.refuse_part("divides by zero")
            if sign < 0 and not exponent.is_Integer:
                self.refuse_part("is a root of a negative number")
        if exponent.is_even and base.could_extract_minus_sign():
            base = -base  # so that (-u - 1)**2 and (u + 1)**2 are seen to be equal
        power: Any = base**exponent
        for absolute in power.atoms(sp.Abs):  # sympy makes one of sqrt(g**2)
            power = power.xreplace({absolute: self.sure_sign(absolute.args[0]) * absolute.args[0]})
        return decaying(self, power) if exponent < 0 else power

    def resolve_call(self, node: Any) -> sp.Expr:
        args = [self.resolve(arg) for arg in node.args]
        self.node = node
        return FUNCTIONS[node.name].build(self, *args)

    def resolve_cases(self, node: Any) -> sp.Expr:
        """The value of the first condition that holds; the last one is True."""
        return self.resolve(next(value for value, condition in node.cases if self.holds(condition)))

    def floor(self, w: sp.Expr) -> sp.Expr:
        """The integer that floor(w) is on the interval, which is split at its steps."""
        return steps(self, w)

    # -- conditions

    def holds(self, node: Any) -> bool:
        if isinstance(node, Truth):
            return node.value
        if isinstance(node, And | Or):
            return (all if isinstance(node, And) else any)(self.holds(arg) for arg in node.args)
        difference = self.resolve(node.left) - self.resolve(node.right)
        self.node = node
        return COMPARISONS[node.op](self.sure_sign(difference))


_RESOLVE: dict[type[Node], Callable[[Resolver, Any], sp.Expr]] = {
    Num: lambda self, node: sp.Rational(node.value.numerator, node.value.denominator),
    X: lambda self, node: self.side * U,
    Pi: lambda self, node: sp.pi,
    Sum: lambda self, node: self.resolve_sum(node),
    Product: lambda self, node: self.resolve_product(node),
    Power: lambda self, node: self.resolve_power(node),
    Call: lambda self, node: self.resolve_call(node),
    Cases: lambda self, node: self.resolve_cases(node),
}
