"""Weights that copy: c times a permutation, plus independent weights. Spikes go from layer to layer almost as they are, so that
two inputs are still told apart at depth, and with a wide surrogate times an amplitude their gradients agree."""

from __future__ import annotations

from fractions import Fraction

from ..parameter import Param
from .scheme import COPYING, SCHEMES, Scheme, rate

SCHEMES.register(
    Scheme(
        name="copy",
        rule="copy",
        weights=COPYING,
        params=(Param("c", 0, "nonnegative"), Param("noise", Fraction(1, 5), "positive")),
        defaults={rate: 0.2},
        summary="c θ times a permutation, plus independent weights whose currents have standard deviation noise · θ; "
        "c = 0: the c at which the firing rate p holds itself",
        source="ikun: two inputs at infinite width",
    )
)
