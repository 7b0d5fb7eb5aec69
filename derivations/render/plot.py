"""A figure as lines and words on a canvas: axes, ticks, grid, curves, legend. What draws it (SVG, TikZ) decides nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ..figure import Axis, Figure, Series
from .ticks import Tick, ticks

WIDTH, HEIGHT = 480.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 12.0, 46.0
ROW, KEY, LETTER = 18.0, 26.0, 6.4
"""Legend: height of a row, length of a line's sample, width of a letter (an estimate: no font is measured)."""

DECADES = 12
"""A logarithmic axis shows at most so many below its largest value; curves that fall further leave the plot."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """`role`: grid, axis, or curve; curves count from 0 in `index`."""

    points: tuple[Point, ...]
    role: str
    index: int = 0


@dataclass(frozen=True)
class Label:
    """`text` may hold LaTeX between dollar signs. `anchor`: start, middle or end; `turned`: reads upwards."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    turned: bool = False


@dataclass
class Drawing:
    """Coordinates grow to the right and downwards."""

    width: float
    height: float
    lines: list[Line] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


@dataclass(frozen=True)
class Scale:
    """Values of an axis to the canvas."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    def __call__(self, value: float) -> float:
        """NaN where nothing can be drawn."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return math.nan
        value = math.log10(value) if self.log else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def layout(figure: Figure) -> Drawing:
    rows = list(_legend(figure.series)) if len(figure.series) > 1 else []
    top = TOP + ROW * (rows[-1][0] + 1 if rows else 0)
    drawing = Drawing(WIDTH, HEIGHT + top - TOP)
    bottom = drawing.height - BOTTOM
    x = _scale(figure.x_axis, [v for s in figure.series for v in s.x], LEFT, WIDTH - RIGHT, margin=0)
    y = _scale(figure.y_axis, [v for s in figure.series for v in s.y], bottom, top, margin=0.06)
    for tick in ticks(x.low, x.high, x.log):
        at = _place(x, tick)
        drawing.lines.append(Line(((at, top), (at, bottom)), "grid"))
        drawing.labels.append(Label(at, bottom + 16, tick.label))
    for tick in ticks(y.low, y.high, y.log):
        at = _place(y, tick)
        drawing.lines.append(Line(((LEFT, at), (WIDTH - RIGHT, at)), "grid"))
        drawing.labels.append(Label(LEFT - 7, at + 4, tick.label, "end"))
    drawing.lines.append(Line(((LEFT, top), (LEFT, bottom), (WIDTH - RIGHT, bottom)), "axis"))
    drawing.labels.append(Label((LEFT + WIDTH - RIGHT) / 2, drawing.height - 8, figure.x_axis.label))
    drawing.labels.append(Label(14, (top + bottom) / 2, figure.y_axis.label, turned=True))
    for index, series in enumerate(figure.series):
        points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
        drawing.lines += [Line(tuple(part), "curve", index) for part in _inside(points, top, bottom)]
    for index, (row, at) in enumerate(rows):
        height = TOP + ROW * row + 4
        drawing.lines.append(Line(((at, height - 4), (at + KEY - 6, height - 4)), "curve", index))
        drawing.labels.append(Label(at + KEY, height, figure.series[index].label, "start"))
    return drawing


def _place(scale: Scale, tick: Tick) -> float:
    return scale.start + (tick.at - scale.low) / (scale.high - scale.low) * (scale.end - scale.start)


def _scale(axis: Axis, values: Sequence[float], start: float, end: float, margin: float) -> Scale:
    """The range of the finite values, a margin around it; an axis of one value is opened up."""
    known = [v for v in values if math.isfinite(v)]
    transform: Callable[[float], float] = math.log10 if axis.log else float
    low, high = transform(min(known)), transform(max(known))
    if axis.log:
        low = max(low, high - DECADES)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    room = margin * (high - low)
    return Scale(low - room, high + room, start, end, axis.log)


def _legend(series: Sequence[Series]) -> Iterator[tuple[int, float]]:
    """Row and left end of each entry, filled like words in lines."""
    row, at = 0, LEFT
    for one in series:
        needs = KEY + LETTER * len(one.label.replace("\\", "").replace("$", "")) + 12
        if at > LEFT and at + needs > WIDTH - RIGHT:
            row, at = row + 1, LEFT
        yield row, at
        at += needs


def _inside(points: Sequence[Point], top: float, bottom: float) -> Iterator[list[Point]]:
    """The stretches of a curve between `top` and `bottom`, cut where it leaves; gaps at NaN."""
    part: list[Point] = []
    for before, after in pairwise(points):
        piece = _cut(before, after, top, bottom)
        if piece is None:
            continue
        if part and part[-1] != piece[0]:
            yield part
            part = []
        part = [*part, piece[1]] if part else [*piece]
    if part:
        yield part


def _cut(a: Point, b: Point, top: float, bottom: float) -> tuple[Point, Point] | None:
    """The part of the segment a–b with top <= y <= bottom (Liang–Barsky, one axis)."""
    if any(math.isnan(c) for c in (*a, *b)):
        return None
    rise = b[1] - a[1]
    if rise == 0:
        return (a, b) if top <= a[1] <= bottom else None
    enters, leaves = sorted(((top - a[1]) / rise, (bottom - a[1]) / rise))
    first, last = max(0.0, enters), min(1.0, leaves)
    if first >= last:
        return None

    def at(t: float) -> Point:
        return a if t == 0 else b if t == 1 else (a[0] + t * (b[0] - a[0]), a[1] + t * rise)

    return at(first), at(last)
