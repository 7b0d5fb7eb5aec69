"""Every claim, one statement each. A file holds a family of claims; the paper's theorem comes first in every list."""

from __future__ import annotations

from ikun_sym.discovery import import_modules

from .claim import ACTIVE, CLAIMS, OUTCOMES, Claim, Criterion, Setting, at_rate, on, select

__all__ = ["ACTIVE", "CLAIMS", "OUTCOMES", "Claim", "Criterion", "Setting", "at_rate", "on", "select"]

import_modules(__name__, __path__, first=("theorem1", "critical", "joint", "time", "finite_width"))
