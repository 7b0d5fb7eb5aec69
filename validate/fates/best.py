"""Which surrogate is best at initialisation, and how that depends on depth and rate: from the mean field, one time step.

At rate p the gain is K = θ²/(a² p), a = Q⁻¹(p), and the membrane is N(0, q), q = θ²/a². A surrogate of slope k multiplies the
gradient's second moment by χ = K E[f'²] per layer; at the critical slope χ = 1. What remains is the effect of finite width: a
layer of n neurons adds β₁ = (3 E[f'⁴]/E[f'²]² − 1)/n to the variance of log‖δ‖², and lowers its typical value by β₁/2. The
smaller n β₁, the deeper a network of that width may be. The best surrogate at a rate has the smallest n β₁.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import norm

from ikun_sym.errors import NoSolutionError
from ikun_sym.mean_field.finite_width import excess, survivals
from ikun_sym.mean_field.layer import SpikingLayer
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.critical_scale import critical, gain_of_rate
from ikun_sym.schemes.rate_targeted import design

from ..layer_fate import FADED
from .grid import INPUT_RATE, SURROGATES, THRESHOLD

RATES = (0.12, 0.15, 0.2, 0.25, 0.3, 0.4)

DEEP = tuple(sorted({round(10 ** (i / 24)) for i in range(24, 84)}))
"""Depths that are tried: 10 to 2873, each about a tenth deeper than the last."""

LIKELY = 0.9
"""A depth counts if at least this share of networks is healthy there."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A surrogate at a rate, at its own slope (`set_slope` None) or at the critical slope. `factor`: χ. `spread`: n β₁.
    `deepest`: greatest depth tried at which at least LIKELY of the networks of this width are healthy; 0: none. `activity`:
    the same if only activity is required. `reason`: why there is no critical slope."""

    surrogate: str
    rate: float
    set_slope: float | None = None
    factor: float = math.nan
    spread: float = math.nan
    deepest: int = 0
    activity: int = 0
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in vars(self).items()}


@lru_cache(maxsize=16)
def entries(width: int) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """(entries at the surrogates' own slopes, entries at the critical slopes), ordered by surrogate, then rate."""
    own, set_ = [], []
    for surrogate in SURROGATES:
        for rate in RATES:
            alive = _alive(width, rate)
            own.append(_entry(surrogate, SURROGATES[surrogate], rate, width, alive, None))
            try:
                found = design(rate, SURROGATES[surrogate], THRESHOLD)
            except NoSolutionError as error:
                set_.append(Entry(surrogate=surrogate, rate=rate, reason=error.reason))
                continue
            set_.append(_entry(surrogate, found.surrogate, rate, width, alive, found.slope))
    return tuple(own), tuple(set_)


@lru_cache(maxsize=64)
def _alive(width: int, rate: float) -> np.ndarray:
    """Exact probability that activity reaches each depth of DEEP."""
    gain, _, _ = gain_of_rate(rate, THRESHOLD)
    return np.array(survivals(width, DEEP, gain, THRESHOLD, INPUT_RATE))


def _entry(surrogate: str, spec: str, rate: float, width: int, alive: np.ndarray, slope: float | None) -> Entry:
    gain, sigma, _ = gain_of_rate(rate, THRESHOLD)
    layer = SpikingLayer(resolve(spec), THRESHOLD)
    factor = gain * float(layer.gradient_moment(sigma**2))
    spread = excess(layer, sigma**2)
    below = np.array(DEEP) - 1
    mean, deviation = below * (math.log(factor) - spread / width / 2), np.sqrt(below * spread / width)
    border = -math.log(FADED)
    kept = norm.cdf(border, mean, deviation) - norm.cdf(-border, mean, deviation)
    return Entry(
        surrogate=surrogate,
        rate=rate,
        set_slope=slope,
        factor=factor,
        spread=spread,
        deepest=_deepest(alive * kept),
        activity=_deepest(alive),
    )


def _deepest(healthy: np.ndarray) -> int:
    """The last depth before health becomes unlikely."""
    unlikely = np.flatnonzero(healthy < LIKELY)
    count = int(unlikely[0]) if len(unlikely) else len(DEEP)
    return DEEP[count - 1] if count else 0


def ranking(found: Sequence[Entry], rate: float) -> list[Entry]:
    """Entries at one rate, best first: by depth, then by smaller spread."""
    here = [entry for entry in found if entry.rate == rate and not entry.reason]
    return sorted(here, key=lambda entry: (-entry.deepest, entry.spread))


def answer(width: int) -> list[str]:
    """The result in words."""
    own, set_ = entries(width)
    lowest = critical().rate.value
    lines = [
        f"One step, width {width}, from the mean field: rates above p* = {lowest:.4f}; a depth counts if {LIKELY:.0%} of the "
        "networks are healthy there."
    ]
    lines += [_at(rate, ranking(set_, rate), ranking(own, rate)[0]) for rate in RATES]
    lines.append(_general(set_, own))
    if missing := [f"{entry.surrogate} at {entry.rate:g} ({entry.reason})" for entry in set_ if entry.reason]:
        lines.append("There is no critical slope for " + "; ".join(missing) + ".")
    return lines


def _deep(entry: Entry) -> str:
    at_least = "at least " if entry.deepest == DEEP[-1] else ""
    return f"{at_least}{entry.deepest} layers" if entry.deepest else f"fewer than {DEEP[0]} layers"


def _at(rate: float, set_: Sequence[Entry], plain: Entry) -> str:
    """The best surrogate at a rate: with critical slopes, and with slopes left as they are."""
    best, worst = set_[0], max(set_, key=lambda entry: entry.spread)
    if len({entry.deepest for entry in set_}) == 1:
        found = f"with critical slopes all surrogates alike reach {_deep(best)}: it is activity that ends it"
    else:
        found = (
            f"with critical slopes {best.surrogate} (slope {best.set_slope:.3g}) is best, {_deep(best)}, n β₁ = "
            f"{best.spread:.3g} per layer; {worst.surrogate} has the widest spread, {worst.spread:.3g}, and reaches "
            f"{_deep(worst)}"
        )
    return (
        f"rate {rate:g}: {found}. With slopes left as they are the best is {plain.surrogate}, {_deep(plain)}, whose gradient "
        f"changes by {plain.factor:.3g} per layer."
    )


def _general(set_: Sequence[Entry], own: Sequence[Entry]) -> str:
    ranked = {rate: ranking(set_, rate) for rate in RATES}
    # if activity limits all of them alike, no surrogate is the best
    best = {rate: found[0] for rate, found in ranked.items() if len({entry.deepest for entry in found}) > 1}
    deepest = max(found[0].deepest for found in ranked.values())
    where = ", ".join(f"{rate:g}" for rate, found in ranked.items() if found[0].deepest == deepest)
    gaps = [abs(math.log(entry.factor)) for entry in own if entry.factor > 0]
    spreads = [entry.spread for entry in set_ if not entry.reason]
    return (
        f"So: {_winners(best)}. Networks may be deepest at rate {where} ({deepest} layers). Critical slopes leave spreads of "
        f"{min(spreads):.3g}/n to {max(spreads):.3g}/n per layer; slopes left as they are change the gradient by factors of "
        f"{math.exp(min(gaps)):.3g} to {math.exp(max(gaps)):.3g} per layer, up or down: over depth that counts first."
    )


def _winners(best: dict[float, Entry]) -> str:
    """Which surrogate is best at which rates."""
    by_name: dict[str, list[str]] = {}
    for rate, entry in best.items():
        by_name.setdefault(entry.surrogate, []).append(f"{rate:g}")
    if not by_name:
        return "no surrogate is the best: activity ends all alike"
    if len(by_name) == 1:
        return f"with critical slopes {next(iter(by_name))} is best wherever activity lasts"
    return "with critical slopes the best is " + ", ".join(f"{n} at {', '.join(rates)}" for n, rates in by_name.items())
