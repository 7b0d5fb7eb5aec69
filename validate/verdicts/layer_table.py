"""The table of a case: every layer's membrane variance, rate and gradient, measured (with intervals) and predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ikun_sym.mean_field.prediction import Run

from ..cases.case import Case
from ..cases.intervals import Interval, log_normal_mean_interval, mean_interval
from ..networks.network import Draw
from .verdict import number

Floats = np.ndarray
Shown = Draw | Run


def _mean_of(name: str) -> Callable[[Shown], Floats]:
    return lambda shown: getattr(shown, name).mean(axis=1)


def _log_gradients(shown: Shown) -> Floats:
    """[L, T]: the logarithm of each step's share, relative to the last layer summed over steps."""
    with np.errstate(divide="ignore"):
        return shown.log_gradient[:, None] + np.log(shown.gradient)


QUANTITIES: dict[str, tuple[Callable[[Shown], Floats], Callable[[Shown], Floats], bool]] = {
    # name: (values per layer, values per layer and step, whether they are logarithms)
    "var_h": (_mean_of("var_h"), lambda shown: shown.var_h, False),
    "rate": (_mean_of("rate"), lambda shown: shown.rate, False),
    "grad_var": (lambda shown: shown.log_gradient, _log_gradients, True),
}
"""var_h and rate: means over steps. grad_var: Σ_t E[(∂L/∂H[t])²] relative to the last layer's; a draw's value is
log-normal, and the mean of the law is reported."""


PAIRS = ("overlap", "gradient_correlation")
"""Of two inputs of a network, where samples are pairs."""


def layer_rows(case: Case, draws: Sequence[Draw], error: float) -> list[dict[str, Any]]:
    """One row per layer: `mean`, `low`, `high`, `predicted`, `predicted_se` of each quantity; for several steps also per step,
    under `steps`. Each interval misses with probability `error`."""
    active = [draw for draw in draws if draw.alive > 0]
    rows: list[dict[str, Any]] = [{"layer": index + 1} for index in range(case.architecture.depth)]
    for name, (per_layer, per_step, logarithm) in QUANTITIES.items():
        for row, (entry,) in zip(rows, _entries(case, active, per_layer, logarithm, error), strict=True):
            row[name] = entry
        if case.architecture.steps > 1:
            for row, entries in zip(rows, _entries(case, active, per_step, logarithm, error), strict=True):
                row[name]["steps"] = entries
    if case.architecture.input_overlap is not None:
        for name in PAIRS:
            for row, entry in zip(rows, _pairs(case, active, name, error), strict=True):
                row[name] = entry
    return rows


def _pairs(case: Case, draws: Sequence[Draw], name: str, error: float) -> list[dict[str, float | None]]:
    depth = case.architecture.depth
    values = np.array([getattr(draw, name) for draw in draws])
    predicted, errors = np.full((2, depth), np.nan)
    if case.pair is not None:
        predicted, errors = getattr(case.pair, name), case.pair.errors(name)
    return [
        _entry(mean_interval(list(values[:, layer]) if draws else [], error), float(predicted[layer]), float(errors[layer]))
        for layer in range(depth)
    ]


def _entries(
    case: Case, draws: Sequence[Draw], what: Callable[[Shown], Floats], logarithm: bool, error: float
) -> list[list[dict[str, float | None]]]:
    """Estimates of an array over layers, or over layers and steps: one list per layer."""
    depth = case.architecture.depth
    values = np.array([what(draw).reshape(depth, -1) for draw in draws])
    if case.prediction is None:
        predicted, errors = np.full((depth, values.shape[-1] if draws else 1), np.nan), np.zeros((depth, 1))
    else:
        predicted, errors = case.prediction.expect(lambda run: what(run).reshape(depth, -1))
    interval = log_normal_mean_interval if logarithm else mean_interval
    if logarithm:
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = np.exp(predicted)
            errors = predicted * errors
    predicted, errors = np.broadcast_arrays(predicted, errors)
    return [
        [
            _entry(
                interval(list(values[:, layer, step]) if draws else [], error),
                float(predicted[layer, step]),
                float(errors[layer, step]),
            )
            for step in range(predicted.shape[1])
        ]
        for layer in range(depth)
    ]


def _entry(interval: Interval, predicted: float, error: float) -> dict[str, float | None]:
    return {
        "mean": number(interval.value),
        "low": number(interval.low),
        "high": number(interval.high),
        "predicted": number(predicted),
        "predicted_se": number(error),
    }
