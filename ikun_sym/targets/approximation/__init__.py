"""Polynomials with a certified error, for functions that a target language does not have."""

from __future__ import annotations

from .certified import Certified, Panel
from .local import NotCoveredError
from .scaling import Scaling, scaling_of
from .store import certified, reason_or_certified

__all__ = ["Certified", "NotCoveredError", "Panel", "Scaling", "certified", "reason_or_certified", "scaling_of"]
