"""What is said of two inputs where layers have settled, in one step or over several: `information`.

Two inputs of one law that are not the same settle at one overlap, whatever they were: the stable fixed point of `overlap_map`,
over steps of the recursion of `two_inputs`. Close to it a difference of overlaps is multiplied by `slope` at each layer, and
the correlation of two gradients by `coherence`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from ...catalogue.architectures import Convolution, Dense, Recurrent, Residual, Topology
from ...errors import IkunError, NoTheoryError
from ...gaussian.pairs.expected_product import expected_product
from ..copying import copying
from ..covariance import Floats, normal_points
from ..infinite_network import TimeModel
from ..layer_law import OneStepLaw
from ..predict import RANDOMISATIONS, ascend
from ..transport import Transport
from .overlap_map import OverlapMap, depth
from .pair_law import SampledPairLaw
from .predict_pair import correlation
from .settled import Derivative, gradient_factors, overlap_factors
from .two_inputs import Pair, two_inputs

SAMPLES = 2**15
"""Per randomisation, for the factors; the fixed point is found with a quarter of them."""

DEEPEST = 400
"""Layers within which two inputs must settle, and a difference fall to 1/e."""

FURTHER = 12
"""Layers beyond the one at which the recursion is taken for settled, which leaves a share of its standard error."""

LONGEST = 32
"""Steps up to which the recursion is followed until it settles, which takes about as many layers as there are steps."""

SLOWEST = 100_000
"""The same for the rate at one step, where a layer costs nothing."""

NOT_CALIBRATED = "trainable_depth: not calibrated, for the border moves with the read-out and the budget (validate/DEPTH.md)"

WORDS = ("overlap", "slope", "depth", "coherence", "coherence_depth", "reach", "coherence_reach", "rate_slope")


@dataclass(frozen=True, kw_only=True)
class Information:
    """`overlap` ρ* (`predict_pair`); `slope` and `depth` −1/ln slope; `coherence`, `coherence_depth` likewise for gradients.
    `reach`, `coherence_reach`: the layers over which a small difference that is the same at every step, and the correlation of
    two gradients from one loss, fall to 1/e where layers have settled: at one step the depths, over several steps more.
    `rate_slope`: the factor of a small difference of rates, at one step. `se`: standard errors by name, where sampled. None
    where there is none, and `reason` says why."""

    overlap: float | None = None
    slope: float | None = None
    depth: float | None = None
    coherence: float | None = None
    coherence_depth: float | None = None
    reach: float | None = None
    coherence_reach: float | None = None
    rate_slope: float | None = None
    se: dict[str, float] = field(default_factory=dict)
    reason: str = NOT_CALIBRATED

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in WORDS}
        endless = [name for name, value in values.items() if value is not None and not math.isfinite(value)]
        reason = "; ".join([*([f"{', '.join(endless)}: infinite, for the factor is 1"] if endless else []), self.reason])
        return (
            values
            | dict.fromkeys(endless)
            | {
                "se": {name: error for name, error in self.se.items() if name not in endless},
                "trainable_depth": None,
                "reason": reason,
            }
        )


def information(
    model: TimeModel, *, samples: int = SAMPLES, randomisations: int = RANDOMISATIONS, seed: int = 0
) -> Information:
    """Of the network of `model` where its layers have settled; its own input tells the rate from which they start."""
    try:
        if model.forward != "spiking":
            raise NoTheoryError(f"forward pass {model.forward!r}: the theory of two inputs is one of spikes")
        settles_like_dense(model.topology)
        if model.steps > LONGEST:
            raise NoTheoryError(f"over more than {LONGEST} steps two inputs are followed on demand only: predict_pair")
        if model.copied:
            return of_copying(model)
        if model.steps == 1:
            return at_one_step(model)
        return over_steps(model, samples, randomisations, seed)
    except IkunError as error:
        return Information(reason=str(error))


@singledispatch
def settles_like_dense(topology: Topology) -> None:
    """NoTheoryError where no layer far down is like the one below it, or its factors are not those of a dense one."""
    raise NoTheoryError(f"architecture {topology.spec}: no recursion for two inputs is known here; measure them")


@settles_like_dense.register
def _(topology: Dense) -> None:
    return


@settles_like_dense.register
def _(topology: Residual) -> None:
    raise NoTheoryError(
        f"architecture {topology.spec}: a shortcut adds to what is below, so that layers settle at no state of their own and a "
        "difference does not shrink by a factor; predict_pair follows it"
    )


@settles_like_dense.register
def _(topology: Recurrent) -> None:
    raise NoTheoryError(
        f"architecture {topology.spec}: where recurrent layers settle is not computed here; predict_pair follows two inputs"
    )


@settles_like_dense.register
def _(topology: Convolution) -> None:
    """Many channels, all positions alike: what is the same at every position shrinks as in a dense layer, all else faster."""
    if (
        topology.measured_only
        or topology.padding != "circular"
        or any(one.output != one.size for one in topology.layers(DEEPEST))
    ):
        raise NoTheoryError(f"architecture {topology.spec}: only layers whose positions are all alike settle at single factors")


def settled_variance(model: TimeModel) -> tuple[float, float]:
    """At one step where layers have settled: Var(H), and the share of it that comes from spikes, not biases: as itself, for
    where spikes are rare it is far below the rounding of 1. IkunError: silence, or it takes too long."""
    law, second = OneStepLaw(model, np.zeros((1, 1))), model.input_second_moment
    before = 0.0
    for _ in range(SLOWEST):
        steps = law.steps(model.drive(second))
        now, second = float(steps.var_h[0]), steps.second
        if abs(now - before) <= 1e-15 * now:
            break
        before = now
    else:
        raise NoTheoryError(f"the firing rate does not settle within {SLOWEST} layers")
    if not steps.second[0, 0] > 0:
        raise NoTheoryError("no neuron fires where layers have settled: no input is told from another")
    heard = model.at_membrane(model.gain * model.weighed(steps.second))
    return now, model.dynamics.input_gain**2 * float(heard[0, 0]) / now


def at_one_step(model: TimeModel) -> Information:
    """In closed form, but for E[f'(H) f'(H')], which is a quadrature."""
    (q, share), theta, surrogate = settled_variance(model), model.neuron.threshold, model.neuron.surrogate
    found = OverlapMap(a=theta / math.sqrt(q), spike_share=share, centred=model.centred)
    own = float(model.layer.gradient_moment(q))
    coherence = float(expected_product(surrogate, -theta, q, found.correlation)) / own if own > 0 else None
    gradients = None if coherence is None else depth(coherence)
    centring = (1 - 2 * found.rate) / (1 - found.rate) if model.centred else 1.0
    return Information(
        overlap=found.overlap,
        slope=found.slope,
        depth=depth(found.slope),
        coherence=coherence,
        coherence_depth=gradients,
        reach=depth(found.slope),
        coherence_reach=gradients,
        rate_slope=model.layer.forward_slope(q) * share * centring,
    )


def of_copying(model: TimeModel) -> Information:
    layers = copying(model)
    rate = layers.settle(float(model.input_second_moment[0, 0]))
    between = layers.settled_between(rate)
    slope, coherence = layers.slope(rate, between), layers.coherence(rate, between)
    return Information(
        overlap=between / rate,
        slope=slope,
        depth=depth(slope),
        coherence=coherence,
        coherence_depth=depth(coherence),
        reach=depth(slope),
        coherence_reach=depth(coherence),
        rate_slope=layers.rate_slope(rate),
    )


def over_steps(model: TimeModel, samples: int, randomisations: int, seed: int) -> Information:
    """Sampled, with standard errors."""
    random = "white" if model.loss == "summed" else model.loss
    both = two_inputs(model.but(arch="dense", depth=DEEPEST, gain_out=None, loss=random), of_one_law(model))
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(randomisations)]
    points = [normal_points(samples, both.steps, stream).astype(np.float32) for stream in streams]
    coarse = [SampledPairLaw(both, one[:, : max(2, samples // 4)]) for one in points]
    ascent = ascend(both, coarse, lambda function, *lists: list(map(function, *lists)))
    if not ascent.settled:
        raise NoTheoryError(f"layers do not settle within {DEEPEST}")
    seconds = [one.second for one in ascent.steps[-1]]
    for _ in range(FURTHER):
        seconds = [one.steps(both.drive(second)).second for one, second in zip(coarse, seconds, strict=True)]
    if not all(np.trace(one) > 0 for one in seconds):
        raise NoTheoryError("no neuron fires where layers have settled: no input is told from another")
    # each run at its own fixed point, whose error is then one of the runs' differences
    laws = [(SampledPairLaw(both, one), drive) for one, drive in zip(points, map(both.drive, seconds), strict=True)]
    factors = model.gain * np.array([overlap_factors(one, drive) for one, drive in laws])
    between, own = (np.array(parts) for parts in zip(*(gradient_factors(one, drive) for one, drive in laws), strict=True))
    said = {
        "overlap": mean_and_error([correlation(one) for one in seconds]),
        "slope": mean_and_error(at_largest(factors)),
        "reach": reach_of_overlap(laws),
    }
    said["depth"] = depth_and_error(*said["slope"])
    if own.any():
        said["coherence"] = mean_and_error(at_largest(between) / at_largest(own))
        said["coherence_depth"] = depth_and_error(*said["coherence"])
        said["coherence_reach"] = reach_of_gradients(laws)
    values: dict[str, Any] = {name: value for name, (value, _) in said.items()}
    return Information(**values, se={name: error for name, (_, error) in said.items()})


def of_one_law(model: TimeModel) -> Pair:
    """Two inputs of the law of the network's own, with half in common of what two steps of it are sure to have."""
    own = model.input_second_moment
    cross = np.full_like(own, max(0.0, float(own.min())) / 2)
    return Pair(second=np.block([[own, cross], [cross, own]]), mean=np.zeros(2 * model.steps))


def at_largest(runs: Floats) -> Floats:
    """[runs] of [runs, T]: the entry whose mean is the largest in size."""
    return runs[:, int(np.abs(runs.mean(axis=0)).argmax())]


def mean_and_error(runs: Any) -> tuple[float, float]:
    values = np.asarray(runs)
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def depth_and_error(factor: float, error: float) -> tuple[float, float]:
    found = depth(factor)
    return found, found**2 * error / factor if 0 < factor < 1 else 0.0


def layers_to_fall(shares: Iterator[float]) -> float:
    """Where what starts at 1 passes 1/e, layer by layer; between two layers it is taken for an exponential."""
    before = 1.0
    for layer, share in enumerate(shares):
        if share <= 0 or layer == DEEPEST:
            return float(layer + (share <= 0))
        if share <= math.exp(-1):
            return layer + (1 + math.log(before)) / math.log(before / share)
        before = share
    raise AssertionError


def with_own_error(laws: list[Any], shares: Callable[[list[Any]], Iterator[float]]) -> tuple[float, float]:
    """From the runs' mean map, which is less biased than the mean over maps that each err; its error from each run's own."""
    return layers_to_fall(shares(laws)), mean_and_error([layers_to_fall(shares([one])) for one in laws])[1]


At = tuple[SampledPairLaw, Floats]
"""A run, and the currents' covariance at its fixed point."""


def reach_of_overlap(laws: list[At]) -> tuple[float, float]:
    model = laws[0][0].model
    gain, steps = model.gain, model.steps // model.inputs

    def shares(some: list[Derivative]) -> Iterator[float]:
        change = np.ones((steps, steps))
        while True:
            change = gain * np.mean([one(change) for one in some], axis=0)
            yield float(np.trace(change)) / len(change)

    return with_own_error([Derivative.of(*one) for one in laws], shares)


def reach_of_gradients(laws: list[At]) -> tuple[float, float]:
    model = laws[0][0].model

    def shares(some: list[Transport]) -> Iterator[float]:
        g = model.loss_covariance
        while True:
            carried = np.mean([one.apply(g) for one in some], axis=0)
            yield correlation(carried)
            g = model.returned(carried) / np.trace(carried)

    return with_own_error([one.transport(drive) for one, drive in laws], shares)
