"""Facts on the normal law that several derivations use. Each derivation that needs one shows it again."""

from __future__ import annotations

import sympy as sp

from ..checkers.methods import Manifest, Monotone
from ..document import Document
from ..statement import Statement
from ..words import Q, phi

a = sp.Symbol("a", positive=True)
"""A threshold in standard deviations, θ/σ_H."""


def mills(document: Document) -> Statement:
    """Q(a) < φ(a)/a for a > 0 (Gordon 1941)."""
    return document.bound(
        "The tail is below Mills' bound: the difference falls, and it tends to 0",
        Q(a),
        "<",
        phi(a) / a,
        Monotone(a, "high", Manifest(phi(a) / a**2)),
        because="d/da (φ(a)/a) = −φ(a) − φ(a)/a²",
        id="mills",
    )


def below_half(document: Document) -> Statement:
    """Q(a) < ½ for a > 0: zero-mean weights make fewer than half of the neurons fire."""
    return document.bound(
        "With a positive threshold and zero-mean weights, fewer than half of the neurons fire",
        Q(a),
        "<",
        sp.Rational(1, 2),
        Monotone(a, "low", Manifest(phi(a))),
        id="below-half",
    )
