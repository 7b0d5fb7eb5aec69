"""Numbers as the user wrote them.

`0.1` on the command line means one tenth, not the nearest binary fraction; otherwise a 50-digit answer would answer
another question. A Python float, on the other hand, is taken as the binary fraction that it is.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from .errors import IkunError

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")
_RATIO = re.compile(r"[+-]?\d{1,40}/\d{1,40}")
_MAX_LENGTH = 200
_LARGEST, _SMALLEST = Fraction(10) ** 300, Fraction(1, 10**300)

Number = int | float | str | Fraction | Decimal


def exact(value: Number, name: str = "number") -> Fraction:
    """`value` as an exact rational. Strings are decimals (`0.1`, `2.5e-3`) or ratios (`1/3`).

    Errors: not a finite real number; not zero and of magnitude outside [1e-300, 1e300].
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _MAX_LENGTH or not (_DECIMAL.fullmatch(text) or _RATIO.fullmatch(text)):
            raise IkunError(f"{name} = {value[:40]!r} is not a finite number; write it like 2, 0.5, 1e-3 or 1/3")
        if _RATIO.fullmatch(text) and int(text.split("/")[1]) == 0:
            raise IkunError(f"{name} = {value!r} divides by zero; write a finite number")
        result = Fraction(text)
    else:
        try:
            # numpy's scalars become the Python numbers that they hold
            result = Fraction(value.item() if hasattr(value, "item") else value)  # type: ignore[union-attr]  # for them alone
        except (TypeError, ValueError, OverflowError):
            raise IkunError(f"{name} = {value} is not a finite number; give a finite real number") from None
    if result and not _SMALLEST <= abs(result) <= _LARGEST:
        shown = f"about {'-' if result < 0 else ''}1e{_decade(result):+d}" if len(str(value)) > 40 else value
        raise IkunError(f"{name} = {shown} is out of range; its magnitude must be 0 or within 1e-300 … 1e300")
    return result


def _decade(value: Fraction) -> int:
    """The decimal exponent of a number that may be beyond float64."""
    return len(str(abs(value.numerator))) - len(str(value.denominator))
