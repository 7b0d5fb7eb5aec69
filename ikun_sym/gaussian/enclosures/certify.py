"""Rigorous enclosures of E[g(X)], X ~ N(mean, var), by ball arithmetic.

Each piece is integrated to a cut by Arb's validated integrator; what lies beyond is added as a ball (`tails`). The answer
contains the true value whatever the parameters; whether it is also *narrow* is checked, and precision and cut are
raised until it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import sympy as sp
from flint import acb, arb, ctx

from ...catalogue.piecewise import Piece, PiecewiseFunction, U
from ...errors import IkunError
from ...expressions.lowering import Balls, ball, lower, precision
from ...told import Told
from .antiderivative_increments import ROUTE as ANTIDERIVATIVES
from .antiderivative_increments import increments
from .cell_sums import tail_stretches
from .tails import Envelope, constant, envelope, tail, tilted
from .validated_integral import Gaussian, Stretch, split, work_of

GUARD_BITS = 40
"""Bits beyond the wanted digits: the integrand is a handful of operations, and each loses a bit or two."""

_ATTEMPTS = 9

_MOVES = 60
"""Doublings of the cut: beyond all scales of numbers that are written by hand."""

_DOUBLINGS = 7
"""Of the working precision, before what cancels between antiderivatives is left to the integrator."""

ROUTE = "ball arithmetic: validated integral + bounded tail"


LEAST, MOST = "1e-1000000000000000", "1e1000000000000000"
"""Decimal exponents end at 1e18; a density 1e10 standard deviations from its mean is at 10^{-2e19}."""


@dataclass(frozen=True, kw_only=True)
class Enclosure(Told):
    """|value − mid| <= rad, rigorously. Decimal strings, so that no digit is lost on the way."""

    mid: str
    rad: str
    route: str

    @classmethod
    def of(cls, value: arb, digits: int, route: str) -> Enclosure:
        """`value` to `digits` significant digits; the radius absorbs the rounding to decimal. What is below LEAST in magnitude
        is 0 ± LEAST, and no radius but 0 is smaller: decimal exponents end. Error: |value| may be above MOST."""
        if not abs(value).upper() < arb(MOST):
            raise IkunError(f"the value is beyond {MOST}: no decimal holds it; use a smaller variance, or a smaller slope")
        if abs(value) < arb(LEAST) and not value.is_zero():
            return cls(mid="0", rad=LEAST, route=route)
        exponent_digits = digits + 5
        middle, radius = value.mid(), value.rad()
        mid = _decimal(middle.str(exponent_digits, radius=False))
        rounding = abs(middle - arb(mid))
        # three digits, rounded up by one part in a hundred
        rad = (radius + rounding).upper() * arb("1.01")
        rad = LEAST if 0 < rad < arb(LEAST) else _decimal(rad.str(3, radius=False))
        return cls(mid=mid, rad=rad, route=route)

    def ball(self) -> arb:
        return arb(self.mid, self.rad)

    @property
    def value(self) -> float:
        return float(self.mid)

    def to_dict(self) -> dict[str, str]:
        return {"mid": self.mid, "rad": self.rad, "route": self.route}


def _decimal(text: str) -> str:
    """Plain decimal notation where that is readable, else scientific."""
    number = Decimal(text)
    if number == 0:
        return "0"
    return f"{number:f}" if -12 <= number.adjusted() <= 40 else f"{number:e}"


def digits_of(value: arb) -> int:
    """Correct significant digits of a ball; 0 for one that contains 0 (unless it is exactly 0), and for no number at all."""
    if not value.is_finite():
        return 0
    if value.is_exact():
        return 10**6
    return max(0, int(value.rel_accuracy_bits() * 0.30103))


def expectation(
    function: PiecewiseFunction,
    values: Mapping[sp.Symbol, Fraction],
    mean: Fraction,
    var: Fraction,
    digits: int = 17,
    *,
    integral: bool = False,
) -> Enclosure:
    """E[function(X)], X ~ N(mean, var), to at least `digits` correct digits: by antiderivatives where they are elementary, else
    by validated integration; by that in any case if `integral`, to check a closed form by what shares nothing with it.

    var = 0 means the value at `mean`; at a jump the one-sided limits are averaged. Errors: no growth bound is known, the
    expectation is infinite, or the digits cannot be reached.
    """
    if var == 0:
        return _point_value(function, values, mean, digits)
    found = None if integral else _by_antiderivatives(function, values, mean, var, digits)
    return found or _by_integration(function, values, mean, var, digits)


def _by_antiderivatives(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], mean: Fraction, var: Fraction, digits: int
) -> Enclosure | None:
    """None where they are not elementary, or where too much cancels."""
    bits = int(digits * 3.3220) + GUARD_BITS
    for _ in range(_DOUBLINGS):
        with precision(bits):
            env = {symbol: Balls().rational(value) for symbol, value in values.items()}
            found = increments(function, env, ball(mean), ball(var))
            if found is None:
                return None
            if digits_of(found) >= digits:
                return Enclosure.of(found, digits, ANTIDERIVATIVES)
        bits *= 2
    return None


def _by_integration(
    function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], mean: Fraction, var: Fraction, digits: int
) -> Enclosure:
    bits = int(digits * 3.3220) + GUARD_BITS
    depth = Fraction(bits)  # the cut: where the density has fallen by e^{-depth} below its largest value on the piece
    best, cancelled = arb("nan"), 0
    work = max((work_of(piece.value) for piece in function.pieces), default=1)
    for _ in range(max(1, _ATTEMPTS // work)):
        with precision(bits):
            env = {symbol: Balls().rational(value) for symbol, value in values.items()}
            best, scale = integral_of(function, env, ball(mean), ball(var), depth)
            if best.is_finite() and digits_of(best) >= digits:
                return Enclosure.of(best, digits, ROUTE)
            # A value that cancels to zero has no relative digits: two ever narrower balls around zero settle it.
            cancelled += bool(best.contains(0) and best.rad() < scale * arb(10) ** (-digits))
            if cancelled == 2:
                return Enclosure.of(arb(0, abs(best).upper()), digits, ROUTE)
        bits, depth = bits * 3 // 2, depth * 3
    found = digits_of(best) if best.is_finite() else 0
    raise IkunError(f"only {found} of {digits} digits could be enclosed; ask for fewer digits or a less extreme setting")


def integral_of(
    function: PiecewiseFunction, env: Mapping[sp.Symbol, object], mean: arb, var: arb, depth: Fraction
) -> tuple[arb, arb]:
    """One attempt at the current precision, and the sum of its parts' magnitudes. The tails are cut where the density has
    fallen by e^{−depth}.

    A rough pass finds the scale that the fine pass's tolerance refers to, so that no work goes into relative digits of
    negligible stretches.
    """
    beyond, segments = arb(0), []
    for piece in function.pieces:
        if not piece.is_zero:
            outside, found = _segments(piece, env, mean * piece.side, var, depth)
            beyond += outside
            segments += found
    for part in function.tails:
        outside, found = tail_stretches(part, env, mean * part.side, var, depth)
        beyond += outside
        segments += found
    norm = (2 * arb.pi() * var).sqrt()
    rough, scale = [], arb(0)
    for segment in sorted(segments, key=lambda segment: segment.most, reverse=True):
        if segment.most < scale * arb(2) ** (-ctx.prec):
            beyond += segment.most / norm
        else:
            value = segment.integrate(rel_tol=arb("1e-3"), abs_tol=arb(0), eval_limit=20000)
            rough.append((segment, value))
            scale += abs(value).upper() if value.is_finite() else 0
    goal = scale * arb(2) ** (-ctx.prec)
    total = arb(0)
    for segment, first in rough:
        negligible = abs(first).upper() < goal
        total += first if negligible else segment.integrate(rel_tol=arb(0), abs_tol=goal, eval_limit=200000)
    return total / norm + arb(0, beyond.upper()), scale / norm


def _segments(piece: Piece, env: Mapping[sp.Symbol, object], m: arb, v: arb, depth: Fraction) -> tuple[arb, list[Stretch]]:
    """A bound of what one piece holds beyond the cut, and the stretches up to it."""
    lo, beyond, density = constant(piece.lo, env), arb(0), Gaussian(m, v)
    bulks = [(m, v)]
    if piece.hi == sp.oo:
        cut, bound = _bounded(piece.value, env, _cut(lo, m, v, depth), v)
        if bound.linear > 0 or bound.quadratic > 0:  # growth moves the bulk outwards, perhaps beyond the density's
            bulks.append(tilted(bound, m, v))
            cut = cut.max(_cut(lo, *bulks[-1], depth))
        beyond = tail(piece.value, env, cut, m, v)
    else:
        cut = constant(piece.hi, env)
    ends = split(lo, cut, *bulks)
    return beyond, [Stretch.of(piece.value, env, density, a, b, _most(piece, env, a, m, v)) for a, b in ends]


def _bounded(value: sp.Expr, env: Mapping[sp.Symbol, object], cut: arb, v: arb) -> tuple[arb, Envelope]:
    """A bound from the cut outwards; where none is known so near the threshold, the cut is moved out."""
    for _ in range(_MOVES):
        try:
            return cut, envelope(value, env, cut, 1 / v.sqrt()).widest()
        except IkunError:
            cut = 2 * cut + 1
    return cut, envelope(value, env, cut, 1 / v.sqrt()).widest()


def _most(piece: Piece, env: Mapping[sp.Symbol, object], a: arb, m: arb, v: arb) -> arb:
    """A bound of the integral from a outwards; infinite where none is known so near the threshold, or the piece ends."""
    if piece.hi != sp.oo:
        return arb.pos_inf()
    try:
        return (tail(piece.value, env, a, m, v) * (2 * arb.pi() * v).sqrt()).upper()
    except IkunError:
        return arb.pos_inf()


def _cut(lo: arb, m: arb, v: arb, depth: Fraction) -> arb:
    """Where (u − m)²/2v exceeds its least value on [lo, ∞) by `depth`."""
    nearest = arb(0).max(lo - m)
    reach = (nearest**2 + 2 * v * ball(depth)).sqrt()
    return (m + reach).mid() if m + reach > lo else lo


def _point_value(function: PiecewiseFunction, values: Mapping[sp.Symbol, Fraction], at: Fraction, digits: int) -> Enclosure:
    """The value at a point, or the mean of the one-sided limits where pieces meet (0 included)."""
    with precision(int(digits * 3.3220) + 2 * GUARD_BITS):
        env = {symbol: Balls().rational(value) for symbol, value in values.items()}
        numbers = [(symbol, sp.Rational(value)) for symbol, value in values.items()]
        point = sp.Rational(abs(at).numerator, abs(at).denominator)
        sides = (1, -1) if at == 0 else (1 if at > 0 else -1,)
        limits: list[arb] = []
        for piece in itertools.chain(*(_near(function, side, numbers, point) for side in sides)):
            low, high = piece.lo.subs(numbers), piece.hi.subs(numbers)
            if (low <= point) and (point <= high):  # exact comparisons of algebraic numbers
                limits.append(acb(lower(piece.value, Balls())({**env, U: Balls().rational(abs(at))})).real)
        return Enclosure.of(sum(limits, arb(0)) / len(limits), digits, "value at the mean (variance 0)")


def _near(
    function: PiecewiseFunction, side: int, numbers: Sequence[tuple[sp.Basic, sp.Basic]], point: sp.Expr
) -> tuple[Piece, ...]:
    """The pieces of a side, and the cells of its periodic tail around u = `point`."""
    part = function.tail(side)
    if part is None:
        return function.side(side)
    cell = int(sp.floor(((point - part.start) / part.period).subs(numbers)))
    return function.side(side) + part.stretches(max(0, cell - 1), 3)
