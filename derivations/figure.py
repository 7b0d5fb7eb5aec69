"""The data of a plot, for a renderer. The values are float64 and not a proof."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ikun_sym.errors import IkunError


@dataclass(frozen=True)
class Axis:
    """`label`: may hold LaTeX between dollar signs. `log`: logarithmic axis; then values are positive."""

    label: str
    log: bool = False


@dataclass(frozen=True)
class Series:
    """One curve through (x[i], y[i]), in the order given; NaN leaves a gap."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """`id`: permanent anchor. `alt`: what the plot shows, in words, for readers who cannot see it."""

    id: str
    title: str
    alt: str
    series: tuple[Series, ...]
    x_axis: Axis
    y_axis: Axis

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.x) != len(series.y):
                raise IkunError(f"figure {self.id!r}: series {series.label!r} has {len(series.x)} x and {len(series.y)} y")
            if not any(map(math.isfinite, series.y)):
                raise IkunError(f"figure {self.id!r}: series {series.label!r} has no finite value to draw")
            for axis, values in ((self.x_axis, series.x), (self.y_axis, series.y)):
                if axis.log and any(value <= 0 for value in values):
                    raise IkunError(f"figure {self.id!r}: a logarithmic axis {axis.label!r} cannot show values at or below 0")
        if not (self.series and self.alt and self.title):
            raise IkunError(f"figure {self.id!r} needs a title, a text for those who cannot see it, and a series")
