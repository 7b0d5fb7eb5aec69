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
    close_if_blind: float | None = None,
    widen: float = WIDEN,
) -> float | None:
    """A place at which |excess| is at most `enough`, else the upper end of an interval around the zero that is at most `close`
    wide; None if the function is below 0 up to `most`. Where it is above 0 down to `least`, `least`.

    First outwards from `guess` in steps that grow, then by false position (Illinois). Values at or below `blind` say only on
    which side they are: there the interval is halved, to `close_if_blind`. Each place is asked for once.
    """
    low = high = min(max(guess, least), most)
    below = above = excess(low)
    width = step
    while above < -enough:
        if high >= most:
            return None
        low, below, high = high, above, min(high + width, most)
        above, width = excess(high), widen * width
    width = step
    while below > enough and low > least:
        high, above, low = low, below, max(low - width, least)
        below, width = excess(low), widen * width
    side = 0
    while below < -enough and above > enough:
        seen = below > blind
        if high - low <= (close if seen or close_if_blind is None else close_if_blind):
            return high
        share = min(max(-below / (above - below), 0.02), 0.98) if seen else 0.5
        middle = low + share * (high - low)
        value = excess(middle)
        if abs(value) <= enough:
            return middle
        if value > 0:
            high, above = middle, value
            below = below / 2 if side > 0 and seen else below
        else:
            low, below = middle, value
            above = above / 2 if side < 0 else above
        side = 1 if value > 0 else -1
    return high if abs(above) <= enough else low
