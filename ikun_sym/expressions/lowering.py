"""From expressions to numbers: `lower` turns a sympy expression into a Python callable over any arithmetic that implements the
vocabulary. No source code is ever generated and evaluated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

import sympy as sp
from flint import acb, arb, ctx, fmpq

from ..catalogue.piecewise import R, U
from ..errors import IkunError
from .arguments import arguments
from .vocabulary import VOCABULARY, Function, word


class Arithmetic(Protocol):
    """What `lower` needs from a number system."""

    def rational(self, value: Fraction) -> Any: ...
    def pi(self) -> Any: ...
    def imaginary(self) -> Any: ...
    def power(self, base: Any, exponent: Fraction) -> Any: ...
    def raised(self, base: Any, exponent: Any) -> Any: ...
    def call(self, function: Function, args: list[Any]) -> Any: ...


Evaluator = Callable[[Mapping[sp.Symbol, Any]], Any]


def lower(expr: sp.Expr, arithmetic: Arithmetic) -> Evaluator:
    """`expr` as a callable of {symbol: value} over `arithmetic`."""
    if isinstance(expr, sp.Symbol):
        return lambda env: env[expr]
    if isinstance(expr, sp.Rational):
        constant = arithmetic.rational(Fraction(int(expr.p), int(expr.q)))
        return lambda env: constant
    if expr is sp.pi:
        return lambda env: arithmetic.pi()
    if expr is sp.I:
        return lambda env: arithmetic.imaginary()
    if expr is sp.E:
        return lower(sp.exp(1, evaluate=False), arithmetic)
    complement = _complement(expr)
    if complement is not None:
        (factor, inner), erfc = (lower(part, arithmetic) for part in complement), VOCABULARY[sp.erfc]
        return lambda env: factor(env) * arithmetic.call(erfc, [inner(env)])
    if isinstance(expr, (sp.Add, sp.Mul)):
        terms = [lower(term, arithmetic) for term in expr.args]
        if isinstance(expr, sp.Add):
            return lambda env: _sum(term(env) for term in terms)
        return lambda env: _product(term(env) for term in terms)
    if isinstance(expr, sp.Pow):
        base, exponent = expr.args
        lowered = lower(base, arithmetic)
        if not isinstance(exponent, sp.Rational):
            return _general_power(expr, lowered, arithmetic)
        fraction = Fraction(int(exponent.p), int(exponent.q))
        return lambda env: arithmetic.power(lowered(env), fraction)
    if isinstance(expr, sp.Function):
        function, args = word(expr), [lower(arg, arithmetic) for arg in arguments(expr)]
        return lambda env: arithmetic.call(function, [arg(env) for arg in args])
    raise IkunError(f"{expr} ({type(expr).__name__}) cannot be evaluated; it is not built from the vocabulary")


def _complement(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """(c, z) with expr = c erfc(z), if expr is c (1 ± erf) or c (2 − erfc): these forms lose all digits where they are
    small."""
    if not (isinstance(expr, sp.Add) and len(expr.args) == 2 and expr.args[0].is_Rational):
        return None
    constant, other = arguments(expr)
    factor, function = other.as_coeff_Mul()
    if isinstance(function, sp.erfc) and constant == -2 * factor:
        return -factor, -arguments(function)[0]
    if isinstance(function, sp.erf) and abs(constant) == abs(factor):
        z = arguments(function)[0]
        return constant, -z if factor == constant else z
    return None


def _general_power(expr: sp.Pow, base: Evaluator, arithmetic: Arithmetic) -> Evaluator:
    exponent: sp.Expr = expr.exp
    if {U, R} & exponent.free_symbols:
        raise IkunError(f"power {expr}: the exponent must be a number or an expression in parameters")
    lowered = lower(exponent, arithmetic)
    return lambda env: arithmetic.raised(base(env), lowered(env))


def _sum(values: Any) -> Any:
    total = next(values)
    for value in values:
        total = total + value
    return total


def _product(values: Any) -> Any:
    total = next(values)
    for value in values:
        total = total * value
    return total


class Balls:
    """Complex ball arithmetic at the current precision of flint's context. With `analytic`, a value is non-finite
    unless the function is analytic on the whole ball; the rigorous integrator requires this."""

    def __init__(self, analytic: bool = False) -> None:
        self.analytic = analytic

    def rational(self, value: Fraction) -> fmpq:
        return fmpq(value.numerator, value.denominator)  # exact at every precision

    def pi(self) -> acb:
        return acb.pi()

    def imaginary(self) -> acb:
        return acb(0, 1)

    def power(self, base: Any, exponent: Fraction) -> acb:
        base = acb(base)
        if exponent.denominator == 1:
            return base ** int(exponent)
        if exponent.denominator == 2:
            return base.sqrt(analytic=self.analytic) ** int(exponent.numerator)
        if exponent > 0 and not self.analytic and base.contains(0):
            # the logarithm is undefined there, but |z^q| = |z|^q
            largest = arb(0, (base.abs_upper() ** arb(fmpq(exponent.numerator, exponent.denominator))).upper())
            return acb(largest, largest)
        return base.pow(acb(fmpq(exponent.numerator, exponent.denominator)), analytic=self.analytic)

    def raised(self, base: Any, exponent: Any) -> acb:
        return acb(base).pow(acb(exponent), analytic=self.analytic)

    def call(self, function: Function, args: list[Any]) -> acb:
        return function.ball(*(acb(arg) for arg in args), analytic=self.analytic)


class Numpy:
    """float64 arrays."""

    def rational(self, value: Fraction) -> float:
        return float(value)

    def pi(self) -> float:
        import math

        return math.pi

    def imaginary(self) -> complex:
        return 1j

    def power(self, base: Any, exponent: Fraction) -> Any:
        import numpy as np

        if exponent == Fraction(1, 2):
            return np.sqrt(base)
        if exponent.denominator == 1 and 0 < abs(exponent) <= 64:
            result = _repeated(base, abs(int(exponent)))
            return result if exponent > 0 else 1.0 / result
        return np.power(np.asarray(base, dtype=float), float(exponent))

    def raised(self, base: Any, exponent: Any) -> Any:
        import numpy as np

        return np.power(base, exponent)

    def call(self, function: Function, args: list[Any]) -> Any:
        import numpy as np

        spelled = function.numpy
        if spelled is None:
            raise IkunError(f"{function.head.__name__} ({function.meaning}) is evaluated in ball arithmetic only")
        return spelled(*args) if callable(spelled) else getattr(np, spelled)(*args)


def _repeated(base: Any, exponent: int) -> Any:
    """base^exponent by repeated squaring: at most `exponent` rounding errors, and much faster than a general power."""
    result = None
    while True:
        if exponent & 1:
            result = base if result is None else result * base
        exponent >>= 1
        if not exponent:
            return result
        base = base * base


def ball(value: Fraction) -> arb:
    """An exact rational as a real ball at the current precision."""
    return arb(fmpq(value.numerator, value.denominator))


@contextlib.contextmanager
def precision(bits: int) -> Iterator[None]:
    """Flint's working precision, restored whatever happens."""
    saved = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = saved
