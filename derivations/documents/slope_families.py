"""How a surrogate's f' scales with its slope k: k g(kx), one area for all k; g(kx), one peak; or neither."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from ikun_sym.catalogue.piecewise import Piece, U
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.errors import IkunError
from ikun_sym.expressions.zero_test import is_zero
from ikun_sym.schemes.slope import slope_of

from ..checkers.claim import Refused
from ..checkers.limits import Limit
from ..checkers.sign import sign

SLOPE = sp.Symbol("k", positive=True)

FAMILIES = {1: "f'_k(x) = k g(kx)", 0: "f'_k(x) = g(kx)"}
"""The power s of f'_k(x) = k^s g(kx), and what that is."""


@dataclass(frozen=True)
class Scaling:
    """f'_k(x) = k^power g(kx). `pieces`: (f'_k, k^power g(kx)) on each piece where f' is not 0, in u = |x|. `ends`: f' next
    to 0 and f' far out; `falling`: it is even and nowhere rises between them."""

    surrogate: Surrogate
    parameter: str
    power: int
    pieces: tuple[tuple[sp.Expr, sp.Expr], ...]
    ends: tuple[sp.Expr, sp.Expr]
    falling: bool

    @property
    def from_one_to_zero(self) -> bool:
        """Whether f'_k falls from 1 at 0 to 0 far out: what the theorem on families of one peak needs."""
        return self.falling and all(map(_holds, self.limits()))

    def limits(self) -> tuple[Limit, Limit]:
        near, far = self.ends
        return Limit(near, U, sp.S.Zero, sp.S.One), Limit(far, U, sp.oo, sp.S.Zero)


def scaling(surrogate: Surrogate) -> Scaling | None:
    """None: the surrogate has no slope, or f' scales in neither way; other parameters are at their defaults (1 if there is
    none)."""
    bound = surrogate.bind({param.name: 1 for param in surrogate.params if param.default is None})
    try:
        slope = slope_of(bound)
    except IkunError:
        return None
    if surrogate.family or bound.surrogate.derivative.tails:
        return None
    own = next(param.symbol for param in surrogate.params if param.name == slope.parameter)
    others = {symbol: sp.Rational(v) for symbol, v in bound.environment.items() if symbol != own}
    function = surrogate.derivative.substitute({**others, own: 1 / SLOPE if slope.width else SLOPE})
    parts = [piece for piece in function.pieces if not piece.is_zero]
    if not parts or not all(_scales_inversely(end) for piece in function.pieces for end in (piece.lo, piece.hi)):
        return None
    for power in FAMILIES:
        pairs = tuple(dict.fromkeys((piece.value, _scaled(piece.value, power)) for piece in parts))
        if all(is_zero(left - right) for left, right in pairs):
            chain = function.side(1)
            falling = function.is_even and all(_falls(piece) for piece in parts) and _jumps_down(chain)
            return Scaling(surrogate, slope.parameter, power, pairs, (chain[0].value, chain[-1].value), falling)
    return None


def _holds(claim: Limit) -> bool:
    try:
        claim.check()
    except Refused:
        return False
    return True


def _scales_inversely(end: sp.Expr) -> bool:
    return end in (0, sp.oo) or is_zero(end * SLOPE - end.subs(SLOPE, 1))


def _scaled(value: sp.Expr, power: int) -> sp.Expr:
    return SLOPE**power * value.subs({SLOPE: sp.S.One, U: SLOPE * U}, simultaneous=True)


def fall(value: sp.Expr) -> sp.Expr:
    """−d/du of a piece of f', factored."""
    return sp.factor(-sp.diff(value, U))  # type: ignore[arg-type]


def _falls(piece: Piece) -> bool:
    """f' >= 0 does not rise with u, as its form shows."""
    slope = sign(fall(piece.value))
    return slope is not None and slope >= 0


def _jumps_down(chain: tuple[Piece, ...]) -> bool:
    for left, right in pairwise(chain):
        drop = sign(sp.simplify((left.value - right.value).subs(U, left.hi)))
        if drop is None or drop < 0:
            return False
    return True
