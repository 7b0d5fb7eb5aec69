"""Up to how many layers a plain network can be trained: a border fitted to networks that were trained.

    L* = e^AT_BEST exp(−OF_INFORMATION/ξ − OF_COHERENCE/ξ_b),

so that at one step L* = e^AT_BEST s^OF_INFORMATION s_b^OF_COHERENCE: what a layer keeps of a difference of two inputs, and of
the agreement of their gradients. It is an observation, no theorem: digits, Adam, 30 epochs, dense layers of 128 neurons, one
to eight steps, and a read-out that does not fire; where it fires, FIRING times as many. How the fit was made, and how often it
errs on networks that it has not seen: `validate/DEPTH.md`. The noise of finite width, β, is no part of it.
"""

from __future__ import annotations

import math

AT_BEST, OF_INFORMATION, OF_COHERENCE = 5.63, 2.91, 3.36

FIRING = 0.5

DEEPEST_TRAINED = 100
"""Layers of the deepest network in the data: of more nothing is known."""


def border(reach: float, coherence_reach: float) -> float:
    """L*, from ξ and ξ_b in layers, infinite ones included; 0 where either is 0."""
    if min(reach, coherence_reach) <= 0:
        return 0.0
    return math.exp(AT_BEST - OF_INFORMATION / reach - OF_COHERENCE / coherence_reach)
