"""Source code for users' projects: one file a target language. `TARGETS` is filled by the target modules below."""

from __future__ import annotations

from . import (  # noqa: F401  (importing a target registers it)
    c_target,
    cpp_target,
    javascript_target,
    jax_target,
    json_target,
    julia_target,
    latex_target,
    numpy_target,
    python_target,
    rust_target,
    torch_target,
)
from .target import TARGETS, Export, export

__all__ = ["TARGETS", "Export", "export"]
