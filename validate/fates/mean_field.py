"""The same fates at infinite width, for weights that the recursion over covariances covers.

These are independent weights of zero mean without a common bias; orthogonal weights, which agree to first order; and weights
with centred rows, which see the covariance of the spikes instead of their second moment. LSUV depends on data: not covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ikun_sym.mean_field.backward import descend
from ikun_sym.mean_field.covariance import Floats, normal_points
from ikun_sym.mean_field.infinite_network import RowCentred, TimeModel
from ikun_sym.mean_field.layer_law import law
from ikun_sym.mean_field.predict import ascend

from ..layer_fate import FATES, FORWARD, layer_fates, network_fate
from .grid import INPUT_RATE, THRESHOLD, Forward

SAMPLES, RANDOMISATIONS = 2**11, 4
"""Size of the sampled law over several steps. A fate needs log₁₀ of the gradient to a few per cent."""


@dataclass(frozen=True, kw_only=True)
class MeanField:
    """Infinite width: the fate; log Σ_t E[δ²] of layer 1 over the last, with its standard error (None: no spikes or no
    gradient arrive); and the rate of the last layer."""

    fate: str
    log_gradient: float | None
    se: float
    rate: float


def covered(forward: Forward) -> bool:
    return not (forward.aim or forward.mean or forward.bias)


def mean_field(forward: Forward, trained: Sequence[str], depths: Sequence[int]) -> dict[tuple[str, int], MeanField] | None:
    """(surrogate SPEC, depth) to prediction; None if the theory does not cover the weights."""
    if not covered(forward):
        return None
    base = _model(forward, trained[0], max(depths))
    runs = 1 if base.steps == 1 else RANDOMISATIONS
    points = [
        normal_points(SAMPLES, base.steps, np.random.default_rng(child)).astype(np.float32)
        for child in np.random.SeedSequence(0).spawn(runs)
    ]
    ascent = ascend(base, [law(base, one) for one in points], lambda function, *lists: list(map(function, *lists)))
    rates = np.array([np.mean([one.rate for one in level], axis=0).mean() for level in ascent.steps])
    found = {}
    for spec in trained:
        for depth in depths:
            level = np.minimum(np.arange(depth), len(rates) - 1)
            fate = int(network_fate(layer_fates(rates[level], np.ones(depth))))
            if fate in FORWARD:  # whatever the gradient
                found[spec, depth] = MeanField(fate=FATES[fate], log_gradient=None, se=0.0, rate=float(rates[level[-1]]))
                continue
            model = base.but(surrogate=spec, depth=depth)
            logs = [
                descend(model, law(model, one), [drive[run] for drive in ascent.drives[:depth]]).log_total
                for run, one in enumerate(points)
            ]
            found[spec, depth] = _fate(rates[level], np.array(logs))
    return found


def _model(forward: Forward, spec: str, depth: int) -> TimeModel:
    made = RowCentred if forward.weights == "row-centred" else TimeModel
    return made.of(
        surrogate=spec,
        threshold=THRESHOLD,
        leak=forward.time.leak,
        steps=forward.time.steps,
        depth=depth,
        gain=forward.gain,
        bias_var=forward.bias_bound**2 / 3,
        input_rate=INPUT_RATE,
    )


def _fate(rates: Floats, logs: Floats) -> MeanField:
    """`logs` [runs, L]."""
    last = logs[:, -1:]
    with np.errstate(invalid="ignore", over="ignore"):
        relative = np.where(np.isneginf(last), -np.inf, logs - last)
        mean = relative.mean(axis=0)
        layers = layer_fates(rates, np.exp(mean))
    first, known = relative[:, 0], bool(np.isfinite(relative[:, 0]).all())
    error = float(first.std(ddof=1) / len(first) ** 0.5) if known and len(first) > 1 else 0.0
    return MeanField(
        fate=FATES[int(network_fate(layers))],
        log_gradient=float(first.mean()) if known else None,
        se=error,
        rate=float(rates[-1]),
    )
