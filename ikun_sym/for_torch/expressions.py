"""Expressions over torch tensors: the networks run the same statements that are proved and exported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
import torch
from torch import Tensor

from ..catalogue.piecewise import PiecewiseFunction, R, U
from ..catalogue.surrogate import Bound
from ..expressions.lowering import Evaluator, lower
from ..expressions.vocabulary import Function
from ..gaussian.moment import integrand


class TorchArithmetic:
    """Tensors of any dtype and device."""

    def rational(self, value: Fraction) -> float:
        return float(value)

    def pi(self) -> float:
        return math.pi

    def imaginary(self) -> complex:
        return 1j

    def power(self, base: Any, exponent: Fraction) -> Any:
        if exponent == -1:
            return 1.0 / base
        if exponent.denominator == 1 and isinstance(base, Tensor):
            return torch.pow(base, int(exponent))
        return base ** float(exponent)

    def raised(self, base: Any, exponent: Any) -> Any:
        return base**exponent

    def call(self, function: Function, args: list[Any]) -> Any:
        if not any(isinstance(arg, Tensor) for arg in args):
            args = [torch.as_tensor(arg, dtype=torch.float64) for arg in args]
            return float(getattr(torch, function.torch)(*args))
        return getattr(torch, function.torch)(*args)


_TORCH = TorchArithmetic()


class Elementwise:
    """A piecewise function on tensors. At a breakpoint the outer piece is used; x = 0 belongs to the positive side."""

    def __init__(self, function: PiecewiseFunction, bound: Bound) -> None:
        self.env = {symbol: float(value) for symbol, value in bound.environment.items()}
        self.positive, self.negative = (self._lowered(function, side) for side in (1, -1))
        self.even = function.is_even

    def _lowered(self, function: PiecewiseFunction, side: int) -> _Side:
        def number(expr: sp.Expr) -> float:
            return float(lower(expr, _TORCH)(self.env))

        steps = [(number(piece.lo), lower(piece.value, _TORCH)) for piece in function.side(side)]
        tail = function.tail(side)
        if tail is None:
            return _Side(steps, None)
        starts = [0.0, *(number(end) for end, _ in tail.cell[:-1])]
        values = [lower(value, _TORCH) for _, value in tail.cell]
        return _Side(steps, _Tail(number(tail.start), number(tail.period), list(zip(starts, values, strict=True))))

    def __call__(self, x: Tensor) -> Tensor:
        u = x.abs()
        right = self.positive.at(u, self.env)
        return right if self.even else torch.where(x >= 0, right, self.negative.at(u, self.env))


@dataclass(frozen=True)
class _Tail:
    start: float
    period: float
    cell: list[tuple[float, Evaluator]]


@dataclass(frozen=True)
class _Side:
    """One side: (start, value) of its pieces, outwards from 0, each ending where the next starts; then the periodic tail."""

    steps: list[tuple[float, Evaluator]]
    tail: _Tail | None

    def at(self, u: Tensor, env: dict[sp.Symbol, Any]) -> Tensor:
        result = _stepwise(self.steps, u, {**env, U: u}) if self.steps else None
        if self.tail is None:
            assert result is not None
            return result
        beyond = u - self.tail.start
        # far out, floats are coarser than the period: keep the remainder inside its cell
        r = (beyond - torch.floor(beyond / self.tail.period) * self.tail.period).clamp(0, self.tail.period)
        recurring = _stepwise(self.tail.cell, r, {**env, U: u, R: r})
        return recurring if result is None else torch.where(beyond >= 0, recurring, result)


def _stepwise(steps: list[tuple[float, Evaluator]], at: Tensor, env: dict[sp.Symbol, Any]) -> Tensor:
    """The value of the last step that starts at or below `at`."""

    def everywhere(value: Evaluator) -> Tensor:
        here = value(env)
        return here if isinstance(here, Tensor) else torch.full_like(at, here)

    (_, first), *further = steps
    result = everywhere(first)
    for start, value in further:
        result = torch.where(at >= start, everywhere(value), result)
    return result


def derivative(bound: Bound) -> Elementwise:
    """f' on tensors."""
    return Elementwise(integrand(bound, "fprime", 1), bound)


def primitive(bound: Bound) -> Elementwise:
    """f on tensors."""
    return Elementwise(integrand(bound, "f", 1), bound)
