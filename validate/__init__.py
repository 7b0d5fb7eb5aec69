"""Validation on deep random spiking networks: measured forward and backward, compared with theory, judged.

Importing this package is light; torch is loaded when a network is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .judge import validate

_HOME = {"validate": "judge"}

__all__ = ["validate"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
