"""Target `python`: one module that needs the standard library only."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ..catalogue.piecewise import U
from ..gaussian.evaluate import AGREEMENT, EXTENT, LEVELS, REACH
from ..gaussian.special import lower
from ..theory.constants import POWERS
from .code import Code, SourceArithmetic
from .target import TARGETS, Export, Target

ARITHMETIC = SourceArithmetic("python", pi="math.pi", sqrt="math.sqrt", power="_power")


@dataclass(frozen=True)
class PieceSource:
    """One piece as source: its side, its ends and its value in u."""

    side: int
    lo: str
    hi: str
    value: str


def pieces(work: Export) -> list[PieceSource]:
    surrogate = work.bound.surrogate
    env = {param.symbol: Code(param.name) for param in surrogate.params} | {U: Code("u")}

    def source(expr: sp.Expr) -> str:
        return "math.inf" if expr == sp.oo else lower(expr, ARITHMETIC)(env).text

    return [PieceSource(p.side, source(p.lo), source(p.hi), source(p.value)) for p in surrogate.derivative.pieces]


def emit(work: Export) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ikun_sym", "targets"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    surrogate = work.bound.surrogate
    return environment.get_template("python.jinja").render(
        work=work,
        surrogate=surrogate,
        names=[param.name for param in surrogate.params],
        pieces=pieces(work),
        powers=POWERS,
        # twice the finest step replaces the ball arithmetic that the emitted code does not have
        levels=(*LEVELS, 2 * LEVELS[-1]),
        extent=EXTENT,
        reach=REACH,
        agreement=AGREEMENT,
    )


TARGETS.register(Target("python", ".py", emit))
