"""Every claim, one statement each, by family. Importing this package registers them all."""

from . import architectures, critical, finite_width, joint, norms, theorem1, time
from .claim import ACTIVE, CLAIMS, OUTCOMES, Claim, Criterion, Setting, at_rate, on, select

__all__ = ["ACTIVE", "CLAIMS", "OUTCOMES", "Claim", "Criterion", "Setting", "at_rate", "on", "select"]

FAMILIES = (theorem1, critical, joint, time, finite_width, architectures, norms)
