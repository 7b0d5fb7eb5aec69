"""The page of a diagnosis: verdict and cause first, then the layers as table and plots. It shows the document that `to_dict`
of a diagnosis gives, whose keys are those of `ikun diagnose --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from ikun_derivations.render.drawing import INK, SERIES, decades, legend, svg, whole_ticks
from ikun_derivations.render.html_pages import render_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUANTITIES = {
    "rate": ("firing rate", "Firing rate, mean over the steps"),
    "var_h": ("Var(H)", "Variance of the membrane potential, mean over the steps"),
    "grad_var": ("E[δ²] / last layer", "Second moment of the gradient at the membrane, summed over the steps"),
    "overlap": ("overlap", "Overlap of the spikes of two samples, over all pairs"),
    "alignment": ("alignment", "How far the pairs' overlaps follow those in layer 1"),
    "gradient_correlation": ("gradient correlation", "Correlation of the gradients of two samples, over all pairs"),
}

PAIRS = ("overlap", "alignment", "gradient_correlation")
"""Measured on the user's own data only."""


def page(found: dict[str, Any], summary: str) -> str:
    """One self-contained page."""
    title = f"{found['model']}: {found['verdict']}"
    return render_page("ikun_validate.models", title=title, found=found, summary=summary, figures=figures(found))


def fragment(found: dict[str, Any], summary: str) -> str:
    """For notebooks: the verdict and the plots."""
    plots = "".join(f"<div>{figure['svg']}</div>" for figure in figures(found))
    return f"<p>{Markup.escape(summary)}</p>{plots}"


def figures(found: dict[str, Any]) -> list[dict[str, Any]]:
    made = []
    for name, (label, caption) in QUANTITIES.items():
        if name in PAIRS and not found["information"]["samples"]:
            continue
        picture = svg(
            lambda axes, n=name, label=label: (_draw_pairs if n in PAIRS else _draw)(axes, found, n, label),
            anchor=f"figure-{name}",
            title=caption,
            description=_told(found, name),
        )
        made.append({"svg": Markup(picture), "caption": caption})
    return made


def _told(found: dict[str, Any], name: str) -> str:
    """The layers' means in words."""
    means = ((layer["layer"], layer[name]["mean"]) for layer in found["layers"])
    return "By layer: " + ", ".join(f"{layer} {'unknown' if mean is None else format(mean, '.3g')}" for layer, mean in means)


def _draw_pairs(axes: Axes, found: dict[str, Any], name: str, label: str) -> None:
    """On a linear axis: 0 is where nothing is shared, and noise lies on both sides of it. Dashed: where theory says that
    overlaps settle, and how correlations fall in settled layers from the last one on."""
    layers = np.arange(1, len(found["layers"]) + 1)
    mean, low, high = (
        np.array([np.nan if (v := layer[name][key]) is None else v for layer in found["layers"]], dtype=float)
        for key in ("mean", "low", "high")
    )
    axes.fill_between(layers, low, high, color=SERIES[0], alpha=0.25, linewidth=0)
    axes.plot(layers, mean, color=SERIES[0], marker="o", markersize=3, linewidth=0.9, label="measured")
    settled = _settled(found, name)
    if np.isfinite(settled).any():
        axes.plot(layers, settled, color=INK, linewidth=1.2, linestyle="--", label="theory, settled layers")
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_ylim(min(0.0, float(np.nanmin(low, initial=0.0))), None)
    whole_ticks(axes.xaxis)
    axes.set_xlabel("layer")
    axes.set_ylabel(label)
    legend(axes)


def _settled(found: dict[str, Any], name: str) -> np.ndarray:
    """Theory of each layer, if all were like it: the fixed point of overlaps; for gradients the product of the layers'
    coherences from here to the last. NaN where there is none, and for overlaps in layer 1: it has not settled, it has the
    input below it."""
    layers = found["layers"]
    key = {"overlap": "overlap", "gradient_correlation": "coherence"}.get(name)
    if key is None:
        return np.full(len(layers), np.nan)
    said = np.array([np.nan if (v := layer["information"][key]) is None else v for layer in layers], dtype=float)
    if name == "overlap":
        said[0] = np.nan
        return said
    return np.cumprod(said[::-1])[::-1]


def _draw(axes: Axes, found: dict[str, Any], name: str, label: str) -> None:
    layers = np.arange(1, len(found["layers"]) + 1)
    column = {
        key: np.array([np.nan if (v := layer[name][key]) is None else v for layer in found["layers"]], dtype=float)
        for key in ("mean", "low", "high", "predicted")
    }
    positive = np.where(column["mean"] > 0, column["mean"], np.nan)
    axes.fill_between(
        layers, np.where(column["low"] > 0, column["low"], positive), column["high"], color=SERIES[0], alpha=0.25, linewidth=0
    )
    axes.plot(layers, positive, color=SERIES[0], marker="o", markersize=3, linewidth=0.9, label="measured")
    shown = np.where(column["predicted"] > 0, column["predicted"], np.nan)
    if np.isfinite(shown).any():
        axes.plot(layers, shown, color=INK, linewidth=1.2, linestyle="--", label="predicted")
    zero = layers[column["mean"] == 0]
    if len(zero):
        at_the_bottom = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(zero, 0 * zero, color=SERIES[1], marker="x", markersize=4, linestyle="", label="zero", **at_the_bottom)
    if np.isfinite(positive).any() or np.isfinite(shown).any():
        decades(axes)
    whole_ticks(axes.xaxis)
    axes.set_xlabel("layer")
    axes.set_ylabel(label)
    legend(axes)
