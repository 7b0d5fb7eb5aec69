"""Two inputs through a network of infinite width, layer by layer: what of their difference is left, and how far their gradients
agree.

The overlap of the spikes of a layer is Σ_t E[S_a[t] S_b[t]] over the geometric mean of Σ_t E[S_a[t]] and Σ_t E[S_b[t]]: 1
where both inputs make the same spikes. The correlation of the gradients is the same of δH: Σ_t E[δH_a[t] δH_b[t]] over the
geometric mean of Σ_t E[δH_a[t]²] and Σ_t E[δH_b[t]²], from a random loss that hands both inputs the same gradient at the last
layer's spikes. A random draw of the weights gives both as means over neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..covariance import Floats
from ..infinite_network import TimeModel
from ..predict import RANDOMISATIONS, run
from ..prediction import Recursions
from .two_inputs import Pair, two_inputs

SAMPLES = 2**13
"""Per randomisation: two inputs cost twice and more what one does, and need no more digits than networks show."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPair:
    """One layer, counted from 1. `between` [T, T]: E[S_a[t] S_b[s]]; `rates` [2, T]. `gradient_correlation`: NaN where no
    gradient arrives. `se`: the standard error of each, by name."""

    layer: int
    overlap: float
    gradient_correlation: float
    between: Floats
    rates: Floats
    se: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        names = ("overlap", "gradient_correlation")
        own: dict[str, Any] = {name: _number(getattr(self, name)) for name in names}
        errors = {name: _number(self.se[name]) for name in names}
        return {"layer": self.layer} | own | {"rates": self.rates.tolist(), "se": errors}


@dataclass(frozen=True, kw_only=True, eq=False)
class PairPrediction:
    """`fixed_from`: the first layer whose law all further ones share."""

    layers: tuple[LayerPair, ...]
    fixed_from: int | None

    @property
    def overlap(self) -> Floats:
        """[L]."""
        return np.array([layer.overlap for layer in self.layers])

    @property
    def gradient_correlation(self) -> Floats:
        """[L]."""
        return np.array([layer.gradient_correlation for layer in self.layers])

    def errors(self, name: str) -> Floats:
        """The standard errors of one of them."""
        return np.array([layer.se[name] for layer in self.layers])

    def to_dict(self) -> dict[str, Any]:
        return {"layers": [layer.to_dict() for layer in self.layers], "fixed_from": self.fixed_from}


def predict_pair(
    model: TimeModel,
    pair: Pair,
    *,
    samples: int = SAMPLES,
    randomisations: int = RANDOMISATIONS,
    seed: int = 0,
    workers: int | None = None,
) -> PairPrediction:
    """Both inputs of `pair` (`two_inputs`: Poisson, constant, or of a given overlap) in the network of `model`, whose own input
    does not count. Exact at one step. Errors: NoTheoryError for what is measured only."""
    both = two_inputs(model, pair)
    found = run(both, samples=samples, randomisations=randomisations, seed=seed, workers=workers)
    return PairPrediction(
        layers=tuple(_layer(found, index) for index in range(both.depth)),
        fixed_from=len(found.steps) if found.settled else None,
    )


def _layer(found: Recursions, index: int) -> LayerPair:
    steps = found.steps[min(index, len(found.steps) - 1)]
    half = len(steps[0].rate) // 2

    def over_runs(what: Callable[[int], Any]) -> tuple[Any, Any]:
        values = np.array([what(run) for run in range(len(steps))])
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.zeros(values.shape[1:])
        return values.mean(axis=0), error

    named = {
        "overlap": over_runs(lambda run: correlation(steps[run].second)),
        "gradient_correlation": over_runs(lambda run: correlation(found.gradients[run].shares[index])),
        "between": over_runs(lambda run: steps[run].second[:half, half:]),
        "rates": over_runs(lambda run: steps[run].rate.reshape(2, half)),
    }
    return LayerPair(
        layer=index + 1,
        **{name: mean for name, (mean, _) in named.items()},
        se={name: error for name, (_, error) in named.items()},
    )


def correlation(both: Floats) -> float:
    """Of a [2T, 2T] second moment: Σ_t of what is between over the geometric mean of Σ_t of either's own; NaN where there is
    nothing."""
    half = len(both) // 2
    own = np.trace(both[:half, :half]) * np.trace(both[half:, half:])
    return float(np.trace(both[:half, half:]) / np.sqrt(own)) if own > 0 else float("nan")


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
