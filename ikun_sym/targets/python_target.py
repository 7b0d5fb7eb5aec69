"""Target `python`: one module that needs the standard library only."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from functools import cache

import sympy as sp

from ..catalogue.piecewise import U, even
from ..catalogue.surrogate import Surrogate
from ..errors import IkunError
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
    if surrogate.derivative.tails:
        raise IkunError(f"surrogate {surrogate.name}: breakpoints that recur for ever cannot be exported; export another one")
    env = {param.symbol: Code(parameter_name(param.name)) for param in surrogate.params} | {U: Code("u")}

    def source(expr: sp.Expr) -> str:
        return "math.inf" if expr == sp.oo else lower(expr, ARITHMETIC)(env).text

    return [PieceSource(p.side, source(p.lo), source(p.hi), source(p.value)) for p in surrogate.derivative.pieces]


def parameter_name(name: str) -> str:
    """The parameter's name in the emitted module: with an underscore after it where the module uses the name itself."""
    return f"{name}_" if name in _taken() else name


@cache
def _taken() -> frozenset[str]:
    """Every name that the emitted module or Python itself gives a meaning to."""
    bare = _render(Export(Surrogate(name="bare", derivative=even(1), summary="no parameters").bind()), {}, [])
    names = set(dir(builtins)) | {"math", "functools"}
    for node in ast.walk(ast.parse(bare)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return frozenset(names)


def literal(value: float) -> str:
    """A float with 17 significant digits, never an integer."""
    text = f"{value:.17g}"
    return text if any(mark in text for mark in ".en") else text + ".0"


def emit(work: Export) -> str:
    return _render(work, {parameter_name(name): value for name, value in work.parameters.items()}, pieces(work))


def _render(work: Export, parameters: dict[str, float], pieces: list[PieceSource]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ikun_sym", "targets"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["literal"] = literal
    return environment.get_template("python.jinja").render(
        work=work,
        parameters=parameters,
        names=list(parameters),
        pieces=pieces,
        powers=POWERS,
        # twice the finest step replaces the ball arithmetic that the emitted code does not have
        levels=(*LEVELS, 2 * LEVELS[-1]),
        extent=EXTENT,
        reach=REACH,
        agreement=AGREEMENT,
    )


TARGETS.register(Target("python", ".py", emit))
