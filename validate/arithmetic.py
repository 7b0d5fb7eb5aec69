"""Expressions over torch tensors: the same statements that are proved and exported run in the networks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U
from ikun_sym.catalogue.surrogate import Bound
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.moment import integrand
from ikun_sym.gaussian.special import Function, lower


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


class Elementwise:
    """A piecewise function on tensors. At a breakpoint the outer piece is used; x = 0 belongs to the positive side."""

    def __init__(self, function: PiecewiseFunction, bound: Bound) -> None:
        if function.tails:
            raise IkunError(f"surrogate {bound.surrogate.name}: breakpoints that recur for ever do not run in networks yet")
        self.env = {symbol: float(value) for symbol, value in bound.environment.items()}
        arithmetic = TorchArithmetic()

        def side(which: int) -> list[tuple[float, Any]]:
            """(start, value) from 0 outwards; each piece ends where the next one starts."""
            return [
                (float(lower(piece.lo, arithmetic)(self.env)), lower(piece.value, arithmetic)) for piece in function.side(which)
            ]

        self.positive, self.negative = side(1), side(-1)
        self.even = function.is_even

    def __call__(self, x: Tensor) -> Tensor:
        u = x.abs()
        right = self._side(self.positive, u)
        return right if self.even else torch.where(x >= 0, right, self._side(self.negative, u))

    def _side(self, pieces: list[tuple[float, Any]], u: Tensor) -> Tensor:
        env = {**self.env, U: u}
        result: Tensor | None = None
        for lo, value in pieces:
            here = value(env)
            here = here if isinstance(here, Tensor) else torch.full_like(u, here)
            result = here if result is None else torch.where(u >= lo, here, result)
        assert result is not None
        return result


def derivative(bound: Bound) -> Elementwise:
    """f' on tensors."""
    return Elementwise(integrand(bound, "fprime", 1), bound)


def primitive(bound: Bound) -> Elementwise:
    """f on tensors."""
    return Elementwise(integrand(bound, "f", 1), bound)
