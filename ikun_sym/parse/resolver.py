"""From the tree to smooth pieces on one half-line."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NoReturn

import sympy as sp

from ..catalogue.piecewise import Piece, U
from ..errors import IkunError
from .exponentials import exponential_of, stable_exp
from .functions import FUNCTIONS
from .interval import EndlessFloor, Split, _Interval, is_small, shifted
from .limits import (
    LARGEST,
    MAX_BITS,
    MAX_CONSTANT_SIZE,
    MAX_DEGREE,
    MAX_IRRATIONAL_DEGREE,
    MAX_IRRATIONALS,
    MAX_PIECES,
    MAX_WORK,
    SAFE,
)
from .numeric import CONTEXTS, Undecided, numeric_value, sign_of
from .ranges import range_of
from .scanner import short
from .tree import COMPARISONS, Call, Cases, Logic, Node, Num, Pi, Power, Product, Sum, Truth, X
from .zeros import Unlocated, degree_of, expanded_sum, has_long_exponent, irrationals_in, zeros_of

_APPROACH = (8, 11, 15, 20, 28, 40)  # digits; ever larger steps, so that even log(log(1/u)) does not settle
_SAMPLES = (Fraction(1, 7), Fraction(1, 2), Fraction(6, 7))


class Resolver:
    """The pieces of a tree on one side, x = side * u."""

    def __init__(self, text: str, tree: Node, side: int) -> None:
        self.source, self.tree, self.side = text, tree, side
        self.work = 0
        self.known_zeros: dict[sp.Expr, frozenset[sp.Expr] | None] = {}
        self.interval = _Interval(sp.S.Zero, sp.oo)
        self.node: Node = tree

    # -- intervals

    def pieces(self) -> list[Piece]:
        todo, done = [self.interval], []
        while todo:
            self.interval = todo.pop()
            try:
                value = self.resolve(self.tree)
            except Split as split:
                todo += reversed(self.interval.split(split.points))
            else:
                self.check(value)
                done.append((self.interval, value))
            if len(todo) + len(done) > MAX_PIECES:
                raise IkunError(
                    f"expression {short(self.source)} has over {MAX_PIECES} pieces; write one with fewer breakpoints"
                )
        return _merged(self.side, done)

    def check(self, value: sp.Expr) -> None:
        """Real and finite inside, and bounded towards each finite end."""
        for fraction in _SAMPLES:
            try:
                numeric_value(value, self.interval.at(fraction), absolute=True)
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
            numeric_value(value, end, absolute=True)
            return True
        except Undecided:
            pass
        width = sp.S.One if self.interval.hi is sp.oo else self.interval.at(Fraction(1, 2)) - self.interval.lo
        try:
            near = [numeric_value(value, end + inwards * width * sp.Rational(3, 7 * 10**n)) for n in _APPROACH]
        except Undecided:
            return False
        steps = [abs(b - a) for a, b in itertools.pairwise(near)]
        rounding = abs(near[0]) * CONTEXTS[0].mpf("1e-25")
        return all(b <= a / 2 + rounding for a, b in itertools.pairwise(steps))

    # -- signs

    def text(self) -> str:
        node = self.node
        return short(self.source[node.at : node.end])[1:-1]

    def zeros(self, g: sp.Expr) -> frozenset[sp.Expr] | None:
        """Where g changes sign inside the interval; None if that is not known."""
        if g not in self.known_zeros:
            try:
                self.known_zeros[g] = zeros_of(g)
            except (Unlocated, Undecided):
                self.known_zeros[g] = None
        found = self.known_zeros[g]
        try:
            inside = None if found is None else frozenset(zero for zero in found if self.interval.contains(zero))
            return inside if inside is None or all(1 / LARGEST < numeric_value(zero) < LARGEST for zero in inside) else None
        except Undecided:
            return None

    def sign(self, g: sp.Expr) -> int | None:
        """The sign of g on the interval, which is split if it changes; None if it cannot be decided."""
        if g.is_Rational:
            return sign_of(g)
        lo, hi = range_of(g, self.interval.floats)
        if lo > 0 or hi < 0:
            return 1 if lo > 0 else -1
        zeros = self.zeros(g)
        if zeros:
            raise Split(zeros)
        if zeros is None:
            return self.sign_of_parts(g)
        try:
            return sign_of(g, self.interval.at(Fraction(1, 2)))
        except Undecided:
            return self.sign_of_nothing(g)

    def sign_of_nothing(self, g: sp.Expr) -> int | None:
        """0 if g expands to 0, else undecided."""
        try:
            return 0 if expanded_sum(g) == 0 else None
        except Unlocated:
            return None

    def sign_of_parts(self, g: sp.Expr) -> int | None:
        """Terms of one sign have a sum of that sign; a product has the product of the signs."""
        if g.is_Pow and g.exp.is_Rational:  # type: ignore[attr-defined]
            sign = self.sign(g.base)  # type: ignore[attr-defined]
            return sign if sign is None or not g.exp.is_Integer or g.exp.is_odd else sign**2  # type: ignore[attr-defined]
        signs = [self.sign(arg) for arg in g.args] if g.is_Add or g.is_Mul else [None]  # type: ignore[arg-type]
        if None in signs:
            return None
        if g.is_Mul:
            return math.prod(s for s in signs if s is not None)
        return signs[0] if len(set(signs)) == 1 else None

    def sure_sign(self, g: sp.Expr) -> int:
        sign = self.sign(g)
        if sign is None:
            raise IkunError(
                f"cannot locate the breakpoints of {self.text()} exactly (at character {self.node.at + 1}); "
                "write it as piecewise with explicit breakpoints, or simplify its argument"
            )
        return sign

    def direction(self, w: sp.Expr) -> int:
        """+1 if exp(-w) cannot overflow on the interval, -1 if exp(w) cannot; the interval is split if neither holds
        and the zeros of w are known; 0 if nothing is known."""
        lo, hi = range_of(w, self.interval.floats)
        if lo >= 0 or hi <= 0:
            return 1 if lo >= 0 else -1
        zeros = self.zeros(w)
        if zeros is not None and not zeros:
            return self.sign(w) or 0
        if lo >= -SAFE or hi <= SAFE:
            return 1 if lo >= -SAFE else -1
        if zeros:
            raise Split(zeros)
        return self.sign(w) or 0

    # -- nodes

    def resolve(self, node: Node) -> sp.Expr:
        self.work += 1
        if self.work > MAX_WORK:
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
            return int(value.p).bit_length() + int(value.q).bit_length() <= 8 * MAX_BITS
        if not value.args:
            return True
        if U not in value.free_symbols:
            return is_small(value, MAX_CONSTANT_SIZE) and bool(abs(numeric_value(value, absolute=True)) < LARGEST)
        if not value.is_Add or (degree_of(value) <= 1 and value.is_polynomial(U)):
            return True
        if has_long_exponent(value):
            return False
        irrationals = irrationals_in(value)
        degree = MAX_IRRATIONAL_DEGREE if irrationals else 2 * MAX_DEGREE
        return irrationals <= MAX_IRRATIONALS and (degree_of(value) <= degree or not value.is_rational_function(U))

    def resolve_sum(self, node: Any) -> sp.Expr:
        return sp.Add(*(self.resolve(arg) for arg in node.args))

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
        return self.decaying(sp.Mul(*factors))

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
        power: Any = base**exponent
        for absolute in power.atoms(sp.Abs):  # sympy makes one of sqrt(g**2)
            power = power.xreplace({absolute: self.sure_sign(absolute.args[0]) * absolute.args[0]})
        return self.decaying(power) if exponent < 0 else power

    def refuse_part(self, what: str) -> NoReturn:
        where = self.interval.text(self.side)
        raise IkunError(f"{self.text()} (at character {self.node.at + 1}) {what} for {where}; f' must be real and finite")

    def resolve_call(self, node: Any) -> sp.Expr:
        args = [self.resolve(arg) for arg in node.args]
        self.node = node
        return FUNCTIONS[node.name].build(self, *args)

    def resolve_cases(self, node: Any) -> sp.Expr:
        for value, condition in node.cases:
            if self.holds(condition):
                return self.resolve(value)
        raise IkunError("piecewise has no value outside its conditions; end it with (value, True)")

    # -- conditions

    def holds(self, node: Any) -> bool:
        if isinstance(node, Truth):
            return node.value
        if isinstance(node, Logic):
            return (all if node.op == "&" else any)(self.holds(arg) for arg in node.args)
        difference = self.resolve(node.left) - self.resolve(node.right)
        self.node = node
        return COMPARISONS[node.op](self.sure_sign(difference))

    # -- growing exponentials

    def decaying(self, value: sp.Expr) -> sp.Expr:
        """The same value with c + d*exp(w), w growing, written exp(w)*(c*exp(-w) + d), and all exponentials in one: so
        exp(u)/(1 + exp(u))**2 becomes exp(-u)/(exp(-u) + 1)**2. Kept only if the numbers agree."""
        exponent, others, changed = sp.S.Zero, [], False
        for factor in sp.Mul.make_args(value):
            if (w := exponential_of(factor)) is not None:
                exponent, changed = exponent + w, True
                continue
            base, n = factor.as_base_exp()
            growing = self.growing(base) if base.is_Add and n.is_Rational else None
            if growing is None:
                others.append(factor)
            else:
                exponent, changed = exponent + n * growing, True
                others.append(sp.Add(*(shifted(term, -growing) for term in base.args)) ** n)
        if not changed:
            return value
        new = sp.Mul(*others, stable_exp(exponent))
        return new if new == value or self.agree(value, new) else value

    def growing(self, total: Any) -> sp.Expr | None:
        """The largest exponent of the exponentials in a sum, if it is large and positive on the interval."""
        exponents = {w for term in total.args for f in sp.Mul.make_args(term) if (w := exponential_of(f)) is not None}
        large = [w for w in exponents if is_small(w) and range_of(w, self.interval.floats)[1] > SAFE and self.direction(w) > 0]
        far = self.interval.at(Fraction(999, 1000))
        try:
            return max(large, key=lambda w: numeric_value(w, far, absolute=True)) if large else None
        except Undecided:
            return None

    def agree(self, old: sp.Expr, new: sp.Expr) -> bool:
        try:
            pairs = [[numeric_value(e, self.interval.at(f)) for e in (old, new)] for f in _SAMPLES]
        except Undecided:
            return False
        return all(abs(a - b) <= abs(a) * CONTEXTS[0].mpf("1e-25") for a, b in pairs)


def _merged(side: int, done: Sequence[tuple[_Interval, sp.Expr]]) -> list[Piece]:
    """The pieces, neighbours of literally the same value made one."""
    pieces: list[Piece] = []
    for interval, value in done:
        if pieces and pieces[-1].value == value:
            pieces[-1] = Piece(side, pieces[-1].lo, interval.hi, value)
        else:
            pieces.append(Piece(side, interval.lo, interval.hi, value))
    return pieces


_RESOLVE: dict[type[Node], Callable[[Resolver, Any], sp.Expr]] = {
    Num: lambda self, node: sp.Rational(node.value.numerator, node.value.denominator),
    X: lambda self, node: self.side * U,
    Pi: lambda self, node: sp.pi,
    Sum: Resolver.resolve_sum,
    Product: Resolver.resolve_product,
    Power: Resolver.resolve_power,
    Call: Resolver.resolve_call,
    Cases: Resolver.resolve_cases,
}
