"""Source code for users' projects: one file a target language. `TARGETS` is filled by the target modules below."""

from __future__ import annotations

from . import json_target, python_target  # noqa: F401  (importing a target registers it)
from .target import TARGETS, Export, export

__all__ = ["TARGETS", "Export", "export"]
