"""The options of an architecture: which texts are allowed for each, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...errors import DomainError, IkunError
from ...exact import exact


@dataclass(frozen=True, kw_only=True)
class Option:
    """`read`: from text to value. `accepts`: whether a value is allowed. `allowed`: completes the message "must be …"."""

    read: Callable[[str, str], Any]
    accepts: Callable[[Any], bool]
    allowed: str

    def check(self, name: str, value: Any) -> None:
        if not self.accepts(value):
            raise DomainError(name, value, self.allowed)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(text: str, name: str) -> Any:
    value = exact(text, name)
    return int(value) if value.denominator == 1 else float(value)  # `accepts` refuses it


def _real(text: str, name: str) -> Any:
    return float(exact(text, name))


def _word(text: str, name: str) -> Any:
    return text.strip().lower()


def _truth(text: str, name: str) -> Any:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def _option(default: Any, option: Option) -> Any:
    return field(default=default, metadata={"option": option})


def whole(default: int, *, odd: bool = False) -> Any:
    """A whole number from 1."""
    allowed = "an odd number from 1" if odd else "a whole number from 1"
    return _option(
        default,
        Option(read=_whole, accepts=lambda v: _is_whole(v) and v >= 1 and (v % 2 == 1 or not odd), allowed=allowed),
    )


def choice(default: str, *others: str) -> Any:
    """One of several words."""
    words = (default, *others)
    return _option(default, Option(read=_word, accepts=lambda v: v in words, allowed=" or ".join(words)))


def truth(default: bool) -> Any:
    return _option(default, Option(read=_truth, accepts=lambda v: isinstance(v, bool), allowed="true or false"))


def real(default: float, accepts: Callable[[float], bool], allowed: str) -> Any:
    def fits(value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value) and accepts(value)

    return _option(default, Option(read=_real, accepts=fits, allowed=allowed))


def option_of(metadata: Any, name: str) -> Option:
    """The option declared by a dataclass field."""
    try:
        return metadata["option"]
    except KeyError:
        raise IkunError(f"field {name!r} of an architecture must be declared by whole, real, choice or truth") from None
