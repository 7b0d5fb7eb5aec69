"""A plain spike function as it was called: where it steps, and the same function around 0 with steps of height 1.

Users write act(h − θ), act(h) with θ inside, or act(h, θ). In each case x = h − θ is the distance to the point where the first
spike comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Spike = Callable[[Tensor], Tensor]

FAR = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 141)])
"""Where a step is searched, on both sides of 0."""

MOST = 64
"""Largest number of spikes that one step is taken to have; more is a graded output."""


def in_levels(values: Tensor) -> bool:
    """Whether these are whole multiples of one number: zeros, zeros and ones, counts, both signs."""
    flat = values.detach()
    if bool(((flat == 0) | (flat == 1)).all()):
        return True
    if not bool(torch.isfinite(flat).all()):
        return False
    unit = unit_of(flat)
    counts = flat.double() / unit
    return bool((counts - counts.round()).abs().max() < 1e-4) and float(counts.abs().max()) <= MOST


def unit_of(values: Tensor) -> float:
    """The smallest that is not zero; 1 if all are whole numbers, one of which is odd, or none is left."""
    size = values.detach().abs()
    size = size[size > 0]
    return float(size.min()) if len(size) else 1.0


@dataclass(frozen=True, eq=False)
class Stepped:
    """`at`: where the function steps, a number, or a tensor where neurons differ. `function`: the same, stepping at 0."""

    at: float | Tensor
    function: Spike

    @property
    def centred(self) -> bool:
        return not isinstance(self.at, Tensor) and self.at == 0


def stepped(
    apply: Callable[..., Tensor], x: Tensor, others: tuple[Any, ...], keywords: dict[str, Any], spikes: Tensor
) -> Stepped:
    """From one call, apply(x, *others, **keywords), that gave `spikes`."""
    plain = [other.detach() if isinstance(other, Tensor) else other for other in others]
    for place, other in enumerate(plain):
        if isinstance(other, Tensor) and other.numel() > 1 and _fires_at(x, other, spikes):
            plain[place] = other.double().mean().to(other.dtype)
            at: float | Tensor = other if float(other.min()) != float(other.max()) else float(other.flatten()[0])
            middle = float(plain[place])
            return Stepped(at, lambda u, middle=middle: apply(u + middle, *plain, **keywords))
    plain = [
        o.flatten()[0] if isinstance(o, Tensor) and o.numel() > 1 and bool((o == o.flatten()[0]).all()) else o for o in plain
    ]
    function: Spike = lambda u: apply(u, *plain, **keywords)  # noqa: E731 - one line of a closure
    at = _step(function, x.detach(), spikes.detach())
    return Stepped(at, function if at == 0 else lambda u: apply(u + at, *plain, **keywords))


def _fires_at(x: Tensor, level: Tensor, spikes: Tensor) -> bool:
    """Whether exactly those fire that lie above `level`."""
    try:
        above, fired = x.detach() > level, spikes.detach() > 0
        return above.shape == fired.shape and bool((above == fired).all() or ((x.detach() >= level) == fired).all())
    except RuntimeError:
        return False


def _step(function: Spike, x: Tensor, spikes: Tensor) -> float:
    """The smallest argument that spikes, by bisection in float64 and in the network's precision; 0 where none can be found."""
    bracket = _bracket(function, x, spikes)
    if bracket is None:
        return 0.0
    low, high = bracket
    if low <= 0 <= high and not _fires(function, -1e-30, x) and _fires(function, 1e-30, x):
        return 0.0
    for _ in range(80):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _fires(function, middle, x):
            high = middle
        else:
            low = middle
    short = float(f"{high:.6g}")
    return short if abs(short - high) <= 1e-6 * max(abs(high), 1e-3) else high


def _bracket(function: Spike, x: Tensor, spikes: Tensor) -> tuple[float, float] | None:
    points = np.concatenate([-FAR[:0:-1], FAR])
    try:
        fired = [_fires(function, float(p), x) for p in (points[0], points[-1])]
        if fired[0] or not fired[1]:
            return None
        at = int(np.argmax(_all(function, points, x)))
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None
    return float(points[at - 1]), float(points[at])


def _fires(function: Spike, point: float, like: Tensor) -> bool:
    return bool(_all(function, np.array([point]), like)[0])


def _all(function: Spike, points: Any, like: Tensor) -> Any:
    u = torch.as_tensor(points, dtype=torch.float64, device=like.device)
    with torch.no_grad():
        try:
            return (function(u) > 0).cpu().numpy()
        except (RuntimeError, TypeError):
            return (function(u.to(like.dtype)) > 0).cpu().numpy()
