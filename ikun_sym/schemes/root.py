"""Where a rising function is 0: the one search behind "which weights for this rate"."""

from __future__ import annotations

import math
from collections.abc import Callable

WIDEN = 3.0
"""Factor by which the steps outwards grow."""


def rising_root(
    excess: Callable[[float], float],
    guess: float,
    *,
    step: float,
    least: float,
    most: float,
    close: float,
    enough: float = 0.0,
    blind: float = -math.inf,
    widen: float = WIDEN,
) -> float | None:
    """The place with the smallest |excess| that was tried, once it is at most `enough` or enclosed to `close`; None if the
    function is below 0 up to `most`. Where it is above 0 down to `least`, `least`.

    First outwards from `guess` in steps that grow, then by false position (Illinois). Values at or below `blind` say only on
    which side they are: there the interval is halved. Each place is asked for once.
    """
    tried: dict[float, float] = {}

    def at(x: float) -> float:
        tried[x] = excess(x)
        return tried[x]

    low = high = min(max(guess, least), most)
    below = above = at(low)
    width = step
    while above < 0:
        if high >= most:
            return None
        low, below, high = high, above, min(high + width, most)
        above, width = at(high), widen * width
    width = step
    while below > 0 and low > least:
        high, above, low = low, below, max(low - width, least)
        below, width = at(low), widen * width
    side = 0
    while below < 0 < above and high - low > close and min(map(abs, tried.values())) > enough:
        share = 0.5 if below <= blind else min(max(-below / (above - below), 0.02), 0.98)
        middle = low + share * (high - low)
        value = at(middle)
        if value > 0:
            high, above = middle, value
            below = below / 2 if side > 0 and below > blind else below
        else:
            low, below = middle, value
            above = above / 2 if side < 0 else above
        side = 1 if value > 0 else -1
    return min(tried, key=lambda x: abs(tried[x]))
