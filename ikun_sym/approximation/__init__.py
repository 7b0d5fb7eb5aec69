"""Polynomials with a certified error, for what a target language has no function for."""

from __future__ import annotations

from .certified import Certified, Panel, certified, reason_or_certified
from .local import NotCoveredError
from .scaling import Scaling, scaling_of

__all__ = ["Certified", "NotCoveredError", "Panel", "Scaling", "certified", "reason_or_certified", "scaling_of"]
