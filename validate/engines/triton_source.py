"""The layer's step and its adjoint as one Triton kernel each, written from the same statements as everything else.

A program carries a block of neurons of one sample through all steps in registers: every array is read or written once. The
sums that are observed are taken on the way, in the precision of the membrane within a block.
"""

# pyright: reportMissingImports=false
# triton comes with torch for CUDA only

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, R, U
from ikun_sym.errors import IkunError
from ikun_sym.expressions.lowering import lower
from ikun_sym.expressions.vocabulary import Function

from .kernel_source import filled, lowered
from .source_text import ATOM, PRODUCT, Code, SourceArithmetic
from .statement import Statement


@dataclass(frozen=True)
class Literal(Code):
    """A number that is known: what is computed from such numbers alone is computed here, in float64. Triton would take a
    literal that meets no tensor for float32."""

    value: float = 0.0

    @staticmethod
    def of(value: float) -> Literal:
        return Literal(repr(value), ATOM if value >= 0 else PRODUCT, value)

    def __add__(self, other: Code) -> Code:
        return Literal.of(self.value + other.value) if isinstance(other, Literal) else super().__add__(other)

    def __mul__(self, other: Code) -> Code:
        return Literal.of(self.value * other.value) if isinstance(other, Literal) else super().__mul__(other)


class TritonArithmetic(SourceArithmetic):
    """Triton's own language, `tl`; the functions of its device libraries are not used, for its interpreter lacks them."""

    def __init__(self) -> None:
        super().__init__(spelling="python", pi=repr(math.pi), sqrt="tl.sqrt", power="whole_power")

    def rational(self, value: Fraction) -> Code:
        return Literal.of(float(value))

    def pi(self) -> Code:
        return Literal.of(math.pi)

    def power(self, base: Code, exponent: Fraction) -> Code:
        if isinstance(base, Literal):
            return Literal.of(base.value ** float(exponent))
        if exponent < 0:
            return Code(f"1.0 / {self.power(base, -exponent).at(ATOM)}", PRODUCT)
        if exponent.denominator == 2 and exponent.numerator > 1:
            return self.power(self.power(base, Fraction(1, 2)), Fraction(exponent.numerator))
        if exponent.denominator > 2:
            raise KeyError("pow")
        return super().power(base, exponent)

    def raised(self, base: Code, exponent: Code) -> Code:
        raise KeyError("pow")

    def call(self, function: Function, args: list[Any]) -> Code:
        import triton.language as tl

        name = super().call(function, args).text.partition("(")[0].removeprefix("math.")
        if all(isinstance(arg, Literal) for arg in args):
            return Literal.of(getattr(math, name)(*(arg.value for arg in args)))
        if not hasattr(tl, name):
            raise KeyError(name)
        return Code(f"tl.{name}({', '.join(arg.text for arg in args)})")


def _piecewise(name: str, function: PiecewiseFunction, arithmetic: TritonArithmetic, env: dict[sp.Symbol, Code]) -> str:
    """A function of x and the parameters. Every piece is evaluated and one is chosen."""
    parameters = "".join(f", {code.text}" for code in env.values())
    env = {**env, U: Code("u"), R: Code("r")}
    lines = ["u = tl.abs(x)", "zero = tl.zeros_like(u)"]

    def text(expr: sp.Expr) -> str:
        return lower(expr, arithmetic)(env).text

    def chosen(target: str, at: str, steps: list[tuple[str, str]]) -> None:
        lines.append(f"{target} = zero + ({steps[0][1]})")
        lines.extend(f"{target} = tl.where({at} >= {start}, zero + ({value}), {target})" for start, value in steps[1:])

    for side, target in ((1, "right"), (-1, "left")):
        if side == -1 and function.is_even:
            break
        steps = [(text(piece.lo), text(piece.value)) for piece in function.side(side)]
        tail = function.tail(side)
        if tail is None:
            chosen(target, "u", steps)
            continue
        starts = ["0.0", *(text(end) for end, _ in tail.cell[:-1])]
        lines.append(f"period = zero + ({text(tail.period)})")
        lines.append(f"beyond = u - ({text(tail.start)})")
        # far out a float is coarser than the period: the remainder is kept inside its cell
        lines.append("r = beyond - tl.floor(beyond / period) * period")
        lines.append("r = tl.where(r < 0.0, zero, tl.where(r > period, period, r))")
        chosen(target, "r", list(zip(starts, (text(value) for _, value in tail.cell), strict=True)))
        if steps:
            chosen("near", "u", steps)
            lines.append(f"{target} = tl.where(beyond >= 0.0, {target}, near)")
    lines.append("return right" if function.is_even else "return tl.where(x >= 0.0, right, left)")
    return f"@triton.jit\ndef {name}(x{parameters}):\n    " + "\n    ".join(lines) + "\n"


def source(statement: Statement) -> tuple[str, list[float]]:
    """The text, free of the values of the neuron's constants and of parameters, and those values in the order it wants them.

    Error (KeyError or IkunError): a function that the language has no name for.
    """
    arithmetic = TritonArithmetic()
    found = lowered(statement, arithmetic, _piecewise)
    fill = {
        **(_SECOND_STATE if statement.adapts else _ONE_STATE),
        **found.statement,
        "FUNCTIONS": found.functions,
        "UNPACK": "\n    ".join(f"{name} = tl.load(constants + {k}).to(REAL)" for k, name in enumerate(found.unpacked)),
        "FIRE": f"fire_at(x{found.arguments})" if statement.smooth else "(x >= 0.0).to(REAL)",
        "SLOPE": f"slope_at(x{found.arguments})",
    }
    return filled(_TEMPLATE, fill), found.values


def explained(error: Exception) -> str:
    """Why `source` failed, for a person."""
    return str(error) if isinstance(error, IkunError) else f"Triton's language has no {error.args[0]}"


_ONE_STATE = {
    "BEGIN": "",
    "ADAPT": "",
    "TRACE": "",
    "RECALL": "",
    "TOTAL": "total = slope * asked + grad_v * ((@dv_dh@) + (@dv_ds@) * slope)",
    "RETURN": "",
}
_SECOND_STATE = {
    "BEGIN": "a = tl.zeros([BLOCK], REAL)",
    "ADAPT": "a = @adapt@",
    "TRACE": r"""a = tl.zeros([BLOCK], REAL)
    for step in range(steps):
        h = tl.load(membrane + at, mask=inside, other=0.0)
        x = h - (@fires_at@)
        s = @FIRE@
        tl.store(trace + at, a, mask=inside)
        a = @adapt@
        at += stride
    tl.debug_barrier()  # what one thread has stored another may load
    at -= steps * stride
    grad_a = tl.zeros([BLOCK], REAL)""",
    "RECALL": "a = tl.load(trace + at, mask=inside, other=0.0)",
    "TOTAL": r"""here = slope * (asked + grad_v * (@dv_ds@) + grad_a * (@da_ds@))
        total = here + grad_v * (@dv_dh@) + grad_a * (@da_dh@)
        below = grad_v * (@dv_da@) + grad_a * (@da_da@) - (@raised@) * here + (@back_a@) * total""",
    "RETURN": "grad_a = tl.where(inside, below, 0.0)",
}
"""What a second state adds. `trace` is where the adjoint keeps it, before each step, for the way back."""

_TEMPLATE = r"""
import triton
import triton.language as tl

@triton.jit
def whole_power(x, k: tl.constexpr):
    r = x
    for _ in tl.static_range(1, k):
        r = r * x
    return r

@FUNCTIONS@
# arrays [steps][samples][width]; sums [steps][samples][blocks]; stride = samples · width, last = (steps − 1) · stride
@triton.jit
def forward(current, membrane, spikes, power, activity, constants, steps, samples, width, stride, BLOCK: tl.constexpr):
    REAL: tl.constexpr = membrane.dtype.element_ty
    STORED: tl.constexpr = spikes.dtype.element_ty
    @UNPACK@
    k = tl.program_id(0)
    blocks = tl.num_programs(0) // samples
    columns = k % blocks * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    at = (k // blocks).to(tl.int64) * width + columns
    v = tl.zeros([BLOCK], REAL)
    c = tl.zeros([BLOCK], REAL)
    @BEGIN@
    for t in range(steps):
        i = tl.load(current + at, mask=inside, other=0.0).to(REAL)
        c = @current@
        h = @charge@
        x = h - (@fires_at@)
        s = @FIRE@
        v = @after@
        @ADAPT@
        tl.store(membrane + at, h, mask=inside)
        tl.store(spikes + at, s.to(STORED), mask=inside)
        tl.store(power + t * tl.num_programs(0) + k, tl.sum(tl.where(inside, h * h, 0.0), axis=0).to(tl.float64))
        tl.store(activity + t * tl.num_programs(0) + k, tl.sum(tl.where(inside, s, 0.0), axis=0).to(tl.float64))
        at += stride

@triton.jit
def adjoint(membrane, grad_s, grad_i, power, trace, factor, constants, steps, samples, width, stride, last,
            BLOCK: tl.constexpr):
    REAL: tl.constexpr = membrane.dtype.element_ty
    STORED: tl.constexpr = grad_i.dtype.element_ty
    @UNPACK@
    scale = tl.load(factor).to(REAL)
    k = tl.program_id(0)
    blocks = tl.num_programs(0) // samples
    columns = k % blocks * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    at = (k // blocks).to(tl.int64) * width + columns
    @TRACE@
    at += last
    grad_v = tl.zeros([BLOCK], REAL)
    grad_c = tl.zeros([BLOCK], REAL)
    for back in range(steps):
        @RECALL@
        h = tl.load(membrane + at, mask=inside, other=0.0)
        x = h - (@fires_at@)
        s = @FIRE@
        slope = @SLOPE@
        asked = scale * tl.load(grad_s + at, mask=inside, other=0.0).to(REAL)
        @TOTAL@
        @RETURN@
        total = tl.where(inside, total, 0.0)
        grad_c = total * (@back_c@) + grad_c * (@back_synapse@)
        grad_v = total * (@back_v@)
        tl.store(grad_i + at, (grad_c * (@back_i@)).to(STORED), mask=inside)
        tl.store(power + (steps - 1 - back) * tl.num_programs(0) + k, tl.sum(total * total, axis=0).to(tl.float64))
        at -= stride
"""
