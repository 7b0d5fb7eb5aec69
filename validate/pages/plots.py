"""What was measured beside what was predicted: over the layers, over the draws, over all claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from ikun_derivations.render.drawing import (
    BAD,
    DASHES,
    GOOD,
    INK,
    OPEN,
    QUIET,
    SERIES,
    decades,
    legend,
    log_ticks,
    svg,
    whole_ticks,
)

from ..verdicts.judge import CaseResult
from ..verdicts.verdict import Check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = np.ndarray

BAND = 0.95
"""Confidence of the band around a distribution function."""


def layers_plot(
    results: Sequence[CaseResult],
    quantity: str,
    ylabel: str,
    claimed: float | None = None,
    *,
    anchor: str = "plot",
    title: str = "",
    log: bool = True,
    names: Sequence[str] | None = None,
) -> str:
    """`quantity` (var_h, rate or grad_var) against the layer: for each case the measured mean with its interval (line and
    band) and the prediction (dashed); `claimed` draws the level that a claim asserts; `names`: of the cases."""
    lows = [] if log else [_column(result, quantity, "low") for result in results]
    called = names or [_name(result) for result in results]

    def draw(axes: Axes) -> None:
        for colour, marker, result, name in zip(cycle((*SERIES, QUIET)), cycle("osD^v"), results, called, strict=False):
            _series(axes, result, quantity, colour, marker, name, log)
        if claimed is not None:
            axes.axhline(claimed, color=INK, linewidth=0.8, linestyle=":", label="claimed: flat")
        if log:
            decades(axes)
        else:
            axes.set_ylim(min(0.0, *(float(np.nanmin(low, initial=0.0)) for low in lows)), None)
        whole_ticks(axes.xaxis)
        axes.set_xlabel("layer")
        axes.set_ylabel(ylabel)
        legend(axes)

    told = "; ".join(_told(result, quantity, name) for result, name in zip(results, called, strict=True))
    return svg(draw, anchor=anchor, title=title or ylabel, description=f"{ylabel} against the layer. {told}.")


def _column(result: CaseResult, quantity: str, key: str) -> Floats:
    return np.array([np.nan if (value := row[quantity][key]) is None else value for row in result.layers], dtype=float)


def _name(result: CaseResult) -> str:
    """The case, without the surrogate, which the caption names."""
    return result.case.label.removeprefix(result.case.architecture.neuron.surrogate.spec + ", ")


def _told(result: CaseResult, quantity: str, name: str) -> str:
    """First and last layer in words."""
    mean, predicted = (_column(result, quantity, key) for key in ("mean", "predicted"))
    ends = f"measured {mean[0]:.3g} in the first layer, {mean[-1]:.3g} in the last"
    return f"{name}: {ends}" + ("" if np.isnan(predicted[0]) else f", predicted {predicted[0]:.3g} and {predicted[-1]:.3g}")


def _series(axes: Axes, result: CaseResult, quantity: str, colour: str, marker: str, name: str, log: bool) -> None:
    layer = np.array([row["layer"] for row in result.layers])
    mean, low, high, predicted = (_column(result, quantity, key) for key in ("mean", "low", "high", "predicted"))
    floor = np.where(low > 0, low, mean) if log else low
    axes.fill_between(layer, floor, high, color=colour, alpha=0.25, linewidth=0)
    every = max(1, len(layer) // 25)
    style = {"marker": marker, "markersize": 3, "markevery": every, "linewidth": 0.9}
    axes.plot(layer, mean, color=colour, label=name, **style)
    shown = predicted > 0
    if shown.any():
        axes.plot(layer[shown], predicted[shown], color=INK, linewidth=1.2, linestyle="--", label="predicted")


def spectrum(result: CaseResult) -> tuple[Floats, float, float] | None:
    """The draws' logarithms of the first layer's gradient relative to the last, sorted, minus that of the predicted mean;
    and mean and variance of their predicted normal, −β/2 and β. None where it is not predicted or nothing was measured.

    β is that of one sample: a draw that averages over several has a narrower law, which is not predicted here."""
    beta = result.case.log_gradient_variance
    predicted = _column(result, "grad_var", "predicted")[0]
    values = np.sort([draw.log_gradient[0] for draw in result.draws if draw.alive > 0])
    values = values[np.isfinite(values)]
    if len(values) < 2 or not (math.isfinite(beta) and beta > 0 and predicted > 0 and math.isfinite(predicted)):
        return None
    return values - math.log(predicted), -beta / 2, beta


def spectrum_plot(results: Sequence[CaseResult], *, anchor: str = "spectrum", title: str = "") -> str | None:
    """Distribution of the draws' log-gradients, of one sample each, against N(−β/2, β), with the band in which an empirical
    distribution of so many draws lies as a whole with probability BAND (Dvoretzky, Kiefer, Wolfowitz; Massart). None:
    nothing predicted."""
    from scipy.stats import norm

    found = [(result, spectrum_) for result in results if (spectrum_ := spectrum(result)) is not None]
    if not found:
        return None

    def draw(axes: Axes) -> None:
        for colour, dash, (result, (values, mean, beta)) in zip(cycle(SERIES), cycle(DASHES), found, strict=False):
            spread = math.sqrt(beta)
            at = np.linspace(min(values[0], mean - 3.5 * spread), max(values[-1], mean + 3.5 * spread), 120)
            law, half = norm.cdf(at, mean, spread), math.sqrt(math.log(2 / (1 - BAND)) / (2 * len(values)))
            axes.fill_between(at, np.clip(law - half, 0, 1), np.clip(law + half, 0, 1), color=colour, alpha=0.15, linewidth=0)
            name = f"{_name(result)}, N(−{-mean:.2g}, {beta:.2g})"
            axes.plot(at, law, color=colour, linewidth=1, linestyle=dash, label=name)
            steps = np.arange(len(values) + 1) / len(values)
            axes.step([at[0], *values], steps, where="post", color=colour, linewidth=1.4)
        axes.set_xlabel("log of ‖δ¹‖²/‖δᴸ‖² over its predicted mean")
        axes.set_ylabel("share of the draws below")
        legend(axes)

    told = "; ".join(
        f"{_name(r)}: {len(v)} draws, mean {v.mean():.3g} and variance {v.var(ddof=1):.3g}, predicted {m:.3g} and {b:.3g}"
        for r, (v, m, b) in found
    )
    return svg(draw, anchor=anchor, title=title or "Log-gradients over draws", description=told + ".")


OUTCOMES = {True: ("holds", GOOD, "o"), False: ("fails", BAD, "^"), None: ("open", OPEN, "s")}


def compared(results: Sequence[CaseResult]) -> list[Check]:
    """The checks that theory predicts and that were measured. Where both are the same number, a survival of 1, nothing is
    compared."""
    checks = [c for result in results for c in result.checks if c.interval.known and c.predicted > 0]
    return [c for c in checks if c.interval.value > 0 and c.interval.value != c.predicted]


def scatter_plot(results: Sequence[CaseResult], *, anchor: str = "scatter") -> str:
    """Every check of every claim, measured with its interval against predicted; colour and shape: whether the claim's value
    holds. On the diagonal theory is right, whatever was claimed."""
    checks = compared(results)

    def draw(axes: Axes) -> None:
        both = [c.predicted for c in checks] + [c.interval.value for c in checks]
        ends = [min(both) / 1.3, max(both) * 1.3]
        axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", label="equal")
        for holds, (name, colour, marker) in OUTCOMES.items():
            _points(axes, [(c.predicted, c) for c in checks if c.holds is holds], 1.0, name, colour, marker)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            log_ticks(axis)
        axes.set_xlabel("predicted")
        axes.set_ylabel("measured")
        legend(axes)

    return svg(draw, anchor=anchor, title="Measured against predicted", description=_deviations(checks))


def deviation_plot(results: Sequence[CaseResult], *, anchor: str = "deviation") -> str:
    """The same as ratios: measured over predicted, in the order of the table."""
    checks = compared(results)

    def draw(axes: Axes) -> None:
        axes.axhline(1, color=INK, linewidth=0.8, linestyle="--", label="equal")
        for holds, (name, colour, marker) in OUTCOMES.items():
            points = [(float(i), c) for i, c in enumerate(checks, 1) if c.holds is holds]
            _points(axes, points, None, name, colour, marker)
        whole_ticks(axes.xaxis)
        axes.set_xlabel("check, in the order of the claims")
        axes.set_ylabel("measured / predicted")
        legend(axes)

    return svg(draw, anchor=anchor, title="Measured over predicted", description=_deviations(checks))


def _points(axes: Axes, points: list[tuple[float, Check]], scale: float | None, name: str, colour: str, marker: str) -> None:
    """Intervals; `scale` None: over their prediction."""
    if not points:
        return
    values = np.array([[c.interval.low, c.interval.value, c.interval.high] for _, c in points])
    values /= np.array([[scale or c.predicted] for _, c in points])
    at, error = [x for x, _ in points], np.abs(np.diff(values, axis=1).T)
    style = {"linestyle": "none", "elinewidth": 0.8, "markersize": 4, "markerfacecolor": "none", "markeredgewidth": 1}
    axes.errorbar(at, values[:, 1], yerr=error, color=colour, marker=marker, label=f"claimed value {name}", **style)


def _deviations(checks: Sequence[Check]) -> str:
    inside = sum(c.interval.low <= c.predicted <= c.interval.high for c in checks)
    worst = max((abs(c.interval.value / c.predicted - 1) for c in checks), default=0.0)
    return f"{len(checks)} checks; the prediction lies within the interval in {inside}; the largest deviation is {worst:.1%}."
