"""The fates of samples: networks with drawn weights, and networks simulated by the law of their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ..layer_fate import FATES, FORWARD, HEALTHY_SIZES, decisive, layer_fates, network_fate
from ..networks.drawing import INPUT, READOUT, generator
from .forward_backward import Between, Floats, Signal, backward, forward, population, seed_of
from .grid import INPUT_RATE, Forward, Job, Time
from .layer_law_or_weights import Drawn, Law, Matrices, Normalised, Rescaled
from .two_inputs import INPUTS, Told, agree, apart, inputs

LAW, TWO = 7, 8
"""Numbers of random streams, distinct from those of drawn networks: the law's, and of several inputs of a network."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Networks of one depth. One entry per network: fate, deciding layer (from 1), log Σ_t E[δ²] of layer 1 over the last,
    firing rate of the last layer. One entry per layer, means over networks: Var(H), and the log-gradient (`profile`) over
    networks that carry a signal.

    `apart`, `agree`: one list over the layers for each network with several inputs (`two_inputs`); none where no network has
    the right sizes."""

    fates: list[str]
    at: list[int | None]
    log_gradient: list[float]
    rate: list[float]
    var_h: list[float]
    profile: list[float]
    apart: list[list[float]] = field(default_factory=list)
    agree: list[list[float]] = field(default_factory=list)

    @property
    def told(self) -> Told:
        return Told(self.apart, self.agree)

    def to_dict(self) -> dict[str, Any]:
        return {
            name: [None if isinstance(v, float) and not np.isfinite(v) else v for v in values]
            for name, values in asdict(self).items()
        }

    @classmethod
    def of(cls, record: dict[str, Any]) -> Outcome:
        """The inverse of `to_dict`. None in `at` stays None."""
        values: dict[str, Any] = {n: v if n == "at" else [np.nan if x is None else x for x in v] for n, v in record.items()}
        return cls(**values)


def joined(parts: Sequence[Outcome]) -> Outcome:
    """The same networks as one sample."""
    lists: dict[str, list[Any]] = {
        name: [value for part in parts for value in getattr(part, name)]
        for name in ("fates", "at", "log_gradient", "rate", "apart", "agree")
    }
    lists |= {name: mean_over([getattr(part, name) for part in parts]) for name in ("var_h", "profile")}
    return Outcome(**lists)


def mean_over(rows: Sequence[Sequence[float]]) -> list[float]:
    """Mean of each column over the rows that have a number there; NaN if none has."""
    found = np.array(rows, dtype=float)
    known = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        return list(np.where(known, found, 0.0).sum(axis=0) / known.sum(axis=0))


Found = dict[tuple[str, int], Outcome]
"""(surrogate SPEC, depth) to outcome."""


def outcomes(job: Job, between: Between, x: torch.Tensor, depths: Sequence[int], readouts: dict[int, torch.Tensor]) -> Found:
    """One forward pass through the deepest network, which contains the shallower ones; one backward pass per depth."""
    time, deepest = job.forward.time, max(depths)
    signal = forward(population(job.trained[0], time), between, x, deepest)
    found: Found = {}
    for spec in job.trained:
        neurons = population(spec, time)
        for depth in depths:
            carried = layer_fates(signal.rate[:depth], np.ones_like(signal.rate[:depth]))
            if np.isin(network_fate(carried), FORWARD).all():
                logs = np.full(signal.rate[:depth].shape, np.nan)
            else:
                logs = backward(neurons, between, signal.membranes[:depth], readouts[depth])
            found[spec, depth] = _outcome(signal, logs, depth)
    return found


def _outcome(signal: Signal, logs: Floats, depth: int) -> Outcome:
    rate = signal.rate[:depth]
    with np.errstate(over="ignore"):
        layers = layer_fates(rate, np.exp(logs))
    fates = network_fate(layers)
    lost = np.isin(fates, FORWARD)
    places = [decisive(layers[:, sample]) for sample in range(len(fates))]
    return Outcome(
        fates=[FATES[fate] for fate in fates],
        at=[None if place is None else place + 1 for place in places],
        log_gradient=[float("nan") if gone else float(value) for gone, value in zip(lost, logs[0], strict=True)],
        rate=[float(value) for value in rate[-1]],
        var_h=[float(value) for value in signal.var_h[:depth].mean(axis=1)],
        profile=mean_over(list(np.where(lost, np.nan, logs).T)),
    )


def _input(source: torch.Generator, time: Time, samples: int, width: int, device: torch.device) -> torch.Tensor:
    return torch.bernoulli(torch.full((time.steps, samples, width), INPUT_RATE, device=device), generator=source)


def with_inputs(found: Found, job: Job, between: Between, x: torch.Tensor, readouts: dict[int, torch.Tensor]) -> Found:
    """What two inputs say is added to the outcomes with a network of the right sizes. `x`: several inputs of each network."""
    wanted = {key for key, one in found.items() if HEALTHY_SIZES in one.fates}
    if not wanted:
        return found
    signal = forward(population(job.trained[0], job.forward.time), between, x, max(depth for _, depth in wanted))
    kept, made = apart(signal), dict(found)
    for spec, depth in wanted:
        if len(signal.membranes) < depth:  # silence
            continue
        agreed = agree(population(spec, job.forward.time), between, signal.membranes[:depth], readouts[depth])
        made[spec, depth] = replace(found[spec, depth], apart=kept[:depth].T.tolist(), agree=agreed.T.tolist())
    return made


NORM = "batch-norm"
"""The catalogue's word for a scheme that normalises over a batch."""

BATCH = 8
"""Samples per network under such a scheme."""


def group_of(given: Forward) -> int:
    return BATCH if given.aim == NORM else 1


def _aimed(between: Between, given: Forward) -> Between:
    if given.aim == NORM:
        return Normalised(between)
    return Rescaled(between, population("atan", given.time), given.aim, given.wanted) if given.aim else between


def measured(
    found: Sequence[Job], depths: Sequence[int], width: int, seed: int, index: int, device: str = "cpu"
) -> list[Found]:
    """Weight draw `index` of every job, with one input and one readout, or a batch of them if the scheme normalises over it."""
    place = torch.device(device)
    matrices = Matrices(width, seed, index, place)
    results = []
    for job in found:
        time, group = job.forward.time, group_of(job.forward)
        x = _input(generator(place, seed, index, INPUT), time, group, width, place)
        readouts = {d: _readout(generator(place, seed, index, READOUT, d), time, group, width, place) for d in depths}
        sizes = outcomes(job, _aimed(Drawn(job.forward, matrices, group), job.forward), x, depths, readouts)
        several = inputs(generator(place, seed, index, TWO), time, 1, width, place)
        one = {d: readout[:, :1] for d, readout in readouts.items()}
        results.append(with_inputs(sizes, job, _aimed(Drawn(job.forward, matrices, INPUTS), job.forward), several, one))
    return results


def predicted(
    job: Job, depths: Sequence[int], width: int, samples: int, seed: int, device: str = "cpu", networks: int = 0
) -> Found:
    """`samples` inputs of networks of this width, by the law of their sums. Each is a network, unless networks have a batch.
    `networks`: so many further ones have several inputs."""
    place, time, group = torch.device(device), job.forward.time, group_of(job.forward)
    samples = max(2, samples // group) * group
    source = torch.Generator(place).manual_seed(seed_of(seed, LAW))
    x = _input(source, time, samples, width, place)
    readouts = {depth: _readout(source, time, samples, width, place) for depth in depths}
    sizes = outcomes(job, _aimed(Law(job.forward, source, group), job.forward), x, depths, readouts)
    if not networks:
        return sizes
    source = torch.Generator(place).manual_seed(seed_of(seed, TWO))
    several = inputs(source, time, networks, width, place)
    each = {depth: _readout(source, time, networks, width, place) for depth in depths}
    return with_inputs(sizes, job, _aimed(Law(job.forward, source, INPUTS), job.forward), several, each)


def _readout(source: torch.Generator, time: Time, samples: int, width: int, device: torch.device) -> torch.Tensor:
    """A random gradient at the last layer's spikes, independent at each step."""
    return torch.empty(time.steps, samples, width, device=device).normal_(generator=source)
