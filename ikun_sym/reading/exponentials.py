"""Exponentials in a form that does not overflow."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from ..catalogue.piecewise import R, U
from ..expressions.arguments import arguments
from .bounds_on_input import MAX_BITS, MAX_CONSTANT_EXPONENT, MAX_EXPONENT
from .numeric import Undecided, numeric_value, varies
from .tree import bits_of


def exponential_of(f: Any) -> sp.Expr | None:
    """w where f = exp(w); sympy writes exp(u*log(2)) as 2**u and exp(u*log(u)) as u**u."""
    if isinstance(f, sp.exp):
        return arguments(f)[0]
    return f.exp * sp.log(f.base) if f.is_Pow and not f.exp.is_Rational else None


def stable_exp(w: Any) -> Any:
    """exp(w), Undecided where sympy would compute with a huge power: it turns exp(c*log(b)) into b**c, tries the like on
    every logarithm inside w, and takes exp(c + u) for the power c of a generator of polynomials."""
    for product in w.atoms(sp.Mul):
        scale = abs(product.as_coeff_Mul()[0])
        numbers = [log.args[0] for log in product.args if isinstance(log, sp.log) and log.args[0].is_Rational]
        if any(scale * bits_of(number) > MAX_BITS for number in numbers):
            raise Undecided
    for term in sp.Add.make_args(w):
        constant, rest = term.as_independent(U, R)
        if rest == 1 and abs(numeric_value(constant)) > MAX_CONSTANT_EXPONENT:
            raise Undecided
        for log in (f for f in sp.Mul.make_args(term) if isinstance(f, sp.log) and rest != 1):
            _check_exponent(term / log)
    return sp.exp(w)


def _check_exponent(exponent: Any) -> None:
    """Undecided if b**exponent, b not a number or exponent not constant, could contain a power above the limit."""
    if not varies(exponent):
        if abs(numeric_value(exponent)) > MAX_EXPONENT:
            raise Undecided
    elif exponent.has(sp.Add) and math.prod(max(abs(int(a.p)), 1) for a in exponent.atoms(sp.Rational)) > MAX_EXPONENT:
        raise Undecided
