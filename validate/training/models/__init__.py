"""The models that are trained, a file each, which registers them. `build_model` builds any of them, or a user's own."""

from __future__ import annotations

from .build import build_model
from .register import MODELS, Classifier

__all__ = ["MODELS", "Classifier", "build_model"]
