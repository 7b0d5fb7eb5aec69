"""A document's figure on matplotlib's axes."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from ..figure import Figure
from .drawing import DASHES, SERIES, legend, log_ticks, svg
from .prose import plain

if TYPE_CHECKING:
    from .drawing import Axes, Draw

DECADES = 12
"""A logarithmic axis shows at most so many below its largest value; curves that fall further leave the plot."""


def curves(figure: Figure) -> Draw:
    """Each series a line in colour and dashes of its own, named above the axes where there are several."""

    def draw(axes: Axes) -> None:
        axes.margins(x=0, y=0.06)
        axes.set(xlabel=figure.x_axis.label, ylabel=figure.y_axis.label)
        axes.set(xscale="log" if figure.x_axis.log else "linear", yscale="log" if figure.y_axis.log else "linear")
        for series, colour, dashes in zip(figure.series, cycle(SERIES), cycle(DASHES), strict=False):
            axes.plot(series.x, series.y, color=colour, linestyle=dashes, linewidth=1.5, label=series.label)
        if figure.y_axis.log:
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, 10.0**-DECADES * high), high)
        for axis, logarithmic in ((axes.xaxis, figure.x_axis.log), (axes.yaxis, figure.y_axis.log)):
            if logarithmic:
                log_ticks(axis)
        if len(figure.series) > 1:
            legend(axes)

    return draw


def picture(figure: Figure, anchor: str, *, alone: bool = False) -> str:
    """As SVG."""
    return svg(curves(figure), anchor=anchor, title=plain(figure.title), description=plain(figure.alt), alone=alone)
