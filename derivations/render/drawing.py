"""Pictures drawn by matplotlib: SVG in a page's colours, light and dark, named and described; or PDF.

The one place that imports matplotlib, and only when something is drawn.
"""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    Draw = Callable[[Axes], None]

STYLE = files("ikun_derivations").joinpath("render", "palette.css").read_text(encoding="utf-8")
PALETTE = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", STYLE[: STYLE.index("@media")]))
"""The light colours of the pages by name. Pictures are drawn in them; an SVG gets the page's variables in their place."""

INK, LINE, QUIET, GOOD, BAD, OPEN = (PALETTE[name] for name in ("ink", "line", "quiet", "good", "bad", "open"))
SERIES = [PALETTE[f"series-{number}"] for number in (1, 2, 3, 4)]
DASHES = ("-", (0, (5, 2)), (0, (1.3, 1.7)), (0, (6, 2, 1.3, 2)))
"""Curves that follow each other; the colours repeat with them, so that nothing is told by colour alone."""

SIZE = (4.9, 3.0)
"""Inches of 72 units: drawn at about this size, and scaled to the column."""

SHARP = "sharp"
"""Begins the gid of an artist whose tiles are to touch without a seam."""

_OF_THE_PAGE = {colour: f"var(--{name}, {colour})" for name, colour in PALETTE.items()} | {INK: "currentColor"}
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def svg(draw: Draw, *, anchor: str, title: str, description: str, size: tuple[float, float] = SIZE, alone: bool = False) -> str:
    """What `draw` puts on the axes, the same bytes each time. `anchor` begins all ids; `description` says in words what there
    is to see. A URL of an artist is no link here: it is the text that is shown on hover. `alone`: a file of its own, which
    brings the colours along."""
    root = ElementTree.fromstring(_saved(draw, size, "svg", {"Date": None, "Creator": None}))
    _into_the_page(root, anchor)
    ids = {"title": f"{anchor}-title", "desc": f"{anchor}-desc"}
    root.attrib |= {"class": "plot", "role": "img", "aria-labelledby": " ".join(ids.values())}
    told = {"title": title, "desc": description}
    head = [_element(name, told[name], {"id": ids[name]}) for name in told]
    root[:0] = [*head, _element("style", STYLE + ".plot { background: var(--paper); }")] if alone else head
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode")


def pdf(draw: Draw, size: tuple[float, float] = SIZE) -> bytes:
    """The same on white paper."""
    return _saved(draw, size, "pdf", {"CreationDate": None, "Creator": None, "Producer": None})


def _saved(draw: Draw, size: tuple[float, float], format: str, metadata: dict[str, None]) -> bytes:
    matplotlib = _imported()
    style: dict[Any, Any] = {
        "svg.fonttype": "path",
        "svg.hashsalt": "ikun",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": LINE,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.labelcolor": INK,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
    }
    buffer = io.BytesIO()
    with matplotlib.rc_context(), np.errstate(over="ignore"):  # decades beyond those in view may be beyond float64
        matplotlib.rcdefaults()  # not the reader's own settings
        matplotlib.rcParams.update(style)
        figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(buffer, format=format, metadata=metadata)
    return buffer.getvalue()


def _imported() -> Any:
    """matplotlib, without its talk of font caches and home folders."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import matplotlib.figure
    except ModuleNotFoundError as absent:
        missing = str(absent.name).partition(".")[0]
        raise IkunError(f"plots need {missing}, which is not installed: pip install {missing}") from absent
    finally:
        logger.setLevel(level)
    return matplotlib


def _into_the_page(root: ElementTree.Element, anchor: str) -> None:
    """Colours, ids and fonts of the page in place of matplotlib's own; nothing that is not used."""
    for unused in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(unused)
    root.attrib.pop("version", None)
    used = {target for element in root.iter() for target in _targets(element)}
    for element in root.iter():
        if element.get("id", "").startswith(SHARP):
            element.set("shape-rendering", "crispEdges")
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if "id" in element.attrib:
            element.set("id", f"{anchor}-{element.get('id')}")
        if element.tag == f"{{{_SVG}}}a":
            element.tag = f"{{{_SVG}}}g"
            element.insert(0, _element("title", element.attrib[f"{{{_LINK}}}href"]))
            element.attrib = {"pointer-events": "all"}  # where nothing is painted, too
        element.text, element.tail = ((text or "").strip() or None for text in (element.text, element.tail))
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.set(name.replace(f"{{{_LINK}}}", ""), _value(value, anchor) if name != "d" else _shorter(value))


def _targets(element: ElementTree.Element) -> Iterator[str]:
    for value in element.attrib.values():
        yield from re.findall(r"(?:^|url\()#([^)\s]+)", value)


def _value(value: str, anchor: str) -> str:
    """Of an attribute."""
    value = re.sub(r"(^|url\()#", rf"\1#{anchor}-", value)
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _OF_THE_PAGE.get(found[0], found[0]), value)


def _shorter(path: str) -> str:
    """A hundredth of a point is enough."""
    return " ".join(re.sub(r"(\.\d\d)\d+", r"\1", path).split())


def _element(name: str, text: str, attributes: dict[str, str] | None = None) -> ElementTree.Element:
    made = ElementTree.Element(f"{{{_SVG}}}{name}", attributes or {})
    made.text = text
    return made


def log_ticks(axis: Axis) -> None:
    """1, 2, 5, 10 … where they fit, else powers of ten; written out where that is short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    subs = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=8) if high / low > 5 else MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: written(value)))
    axis.set_minor_locator(NullLocator())


def decades(axes: Axes) -> None:
    """Logarithmic upwards, over a decade at least: a flat line must look flat, noise of a per cent is not to fill the plot."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    room = max(1.0, (10 * low / high) ** 0.5)
    axes.set_ylim(low / room, high * room)
    log_ticks(axes.yaxis)


def whole_ticks(axis: Axis) -> None:
    """For what is counted."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def written(value: float) -> str:
    """A short number, without TeX, whose parsing would take most of the time."""
    if value == 0 or 1e-3 <= abs(value) <= 1e4 or not math.isfinite(value):
        return f"{value:g}"
    digits, power = f"{value:.3e}".split("e")
    raised = "10" + str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return raised if float(digits) == 1 else f"{float(digits):g}·{raised}"


def legend(axes: Axes) -> None:
    """Above the axes, for inside it would cover what it explains; each name once."""
    entries = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    longest = max(map(len, entries))
    columns = 1 if longest > 28 else 2 if longest >= 18 else 3
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    axes.legend(entries.values(), entries.keys(), frameon=False, fontsize=8, ncols=columns, **place)
