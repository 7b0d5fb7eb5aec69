"""Validation on deep random spiking networks: measured forward and backward, compared with theory, judged.

Importing this package is light; torch is loaded when a network is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ikun_sym.lazy import lazily

if TYPE_CHECKING:
    from .judge import validate

_HOME = {"validate": "judge"}

__all__ = ["validate"]


__getattr__ = lazily(__name__, _HOME)
