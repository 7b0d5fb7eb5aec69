"""The infinite-width theory of every architecture that has one beside dense layers: a recursion of covariances each."""

from __future__ import annotations

from ...discovery import import_modules
from .predict_architecture import run_through
from .recursion import Recursion, Theory, theory_of

__all__ = ["Recursion", "Theory", "run_through", "theory_of"]

import_modules(__name__, __path__)
