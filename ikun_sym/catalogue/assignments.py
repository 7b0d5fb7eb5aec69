"""What follows the name in a text such as `atan:alpha=2`: `param=value,…`."""

from __future__ import annotations

from ..errors import IkunError
from ..exact import Number, exact


def pairs(spec: str, text: str, kind: str = "surrogate", example: str = "atan:alpha=2") -> dict[str, str]:
    """Split `param=value,…` into words. The other arguments serve the error messages."""
    if not text.strip() and spec.rstrip().endswith(":"):
        raise IkunError(
            f"{kind} {spec!r}: nothing follows the colon; leave it out for the defaults, or write for example {example}"
        )
    values: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not name or not value:
            raise IkunError(f"{kind} {spec!r}: {part!r} is not param=value; write for example {example}")
        if name in values:
            raise IkunError(f"{kind} {spec!r} sets {name} twice")
        values[name] = value
    return values


def assignments(spec: str, text: str, kind: str = "surrogate", example: str = "atan:alpha=2") -> dict[str, Number]:
    """The same, with values as exact numbers."""
    return {name: exact(value, f"parameter {name}") for name, value in pairs(spec, text, kind, example).items()}
