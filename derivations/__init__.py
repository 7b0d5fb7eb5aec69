"""Executable derivations: documents whose every step is checked by machine as the document is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ikun_sym.lazy import lazily

if TYPE_CHECKING:
    from .library import report

_HOME = {"report": "library"}

__all__ = ["report"]


__getattr__ = lazily(__name__, _HOME)
