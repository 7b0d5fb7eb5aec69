"""The grid: every scheme of the catalogue × surrogates × depths × one step and several; and the weights of each cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.catalogue.schemes import rate as rate_symbol
from ikun_sym.catalogue.schemes.scheme import COPYING
from ikun_sym.errors import NoSolutionError
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.initialise import Initialisation, init_variance

SURROGATES = {
    "ATan 2": "atan:alpha=2",
    "sigmoid 4": "sigmoid:alpha=4",
    "fast sigmoid 25": "fast_sigmoid:slope=25",
    "rectangular": "rectangular",
    "triangular": "triangular",
    "Erf 2": "erf:alpha=2",
}
"""Common name to SPEC: surrogates of libraries, at their usual slopes."""

ROSTER = tuple(scheme.name for scheme in SCHEMES if scheme.weights != COPYING)
"""The table's schemes: all but weights that copy, whose gradients are fitted by an amplitude, and the table has none."""

DEPTHS = (10, 50, 100, 300)

THRESHOLD = 1.0
INPUT_RATE = float(SCHEMES["critical"].defaults[rate_symbol])
"""Rate of the Bernoulli input spikes: the target rate of `critical`, so that under this scheme the signal is stationary from
the input on."""


@dataclass(frozen=True)
class Time:
    """Steps, and the leak κ of the neurons (hard reset to 0, detached)."""

    steps: int
    leak: float

    @property
    def label(self) -> str:
        return f"T = {self.steps}" if self.steps == 1 else f"LIF κ = {self.leak:g}, T = {self.steps}"


TIMES = (Time(1, 0.0), Time(8, 0.5))


@dataclass(frozen=True, kw_only=True)
class Forward:
    """Everything that the spikes of a network depend on: how its weights are drawn (`weights`: key of the catalogue's WEIGHTS),
    K = fan_in · Var(W), their mean, the biases, the rescaling on data (`aim`, to the value `wanted`), and the neurons."""

    weights: str
    distribution: str
    gain: float
    mean: float
    bias: float
    bias_bound: float
    aim: str
    wanted: float
    time: Time


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A scheme, a surrogate and a time. `forward` None: there are no such weights, and `reason` says why. `trained`: SPEC of
    the surrogate in the backward pass; `slope`: its slope, if the scheme sets it."""

    scheme: str
    surrogate: str
    time: Time
    forward: Forward | None = None
    trained: str = ""
    slope: float | None = None
    reason: str = ""


@lru_cache(maxsize=1024)
def setup(scheme: str, surrogate: str, time: Time, width: int) -> Setup:
    """The scheme, applied to a layer with `width` inputs and outputs."""
    spec = resolve(SURROGATES[surrogate]).spec
    known: dict[str, Any] = {"scheme": scheme, "surrogate": surrogate, "time": time, "trained": spec}
    try:
        # one step has no leak: a scheme that needs a time constant uses its default
        leak = time.leak if time.steps > 1 else None
        found = init_variance(scheme, width, surrogate=spec, threshold=THRESHOLD, leak=leak, steps=time.steps)
    except NoSolutionError as error:
        return Setup(**known, reason=error.reason)
    known |= {"trained": found.surrogate, "slope": found.slope}
    return Setup(**known, forward=_forward(found, time, width))


def _forward(found: Initialisation, time: Time, width: int) -> Forward:
    entry = SCHEMES[found.scheme]
    wanted = float(entry.defaults.get(rate_symbol, 1.0)) if entry.aim else 0.0
    return Forward(
        weights=found.weights,
        distribution=found.distribution,
        gain=found.variance * width,
        mean=found.mean,
        bias=found.bias,
        bias_bound=found.bias_bound,
        aim=entry.aim,
        wanted=wanted,
        time=time,
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """A forward pass, and the surrogates of its backward passes."""

    forward: Forward
    trained: tuple[str, ...]


def jobs(found: Iterable[Setup]) -> list[Job]:
    """The networks to run. Equivalent schemes are run once; schemes with the same kind of weights are neighbours."""
    wanted: dict[Forward, list[str]] = {}
    for one in found:
        if one.forward is not None:
            specs = wanted.setdefault(one.forward, [])
            if one.trained not in specs:
                specs.append(one.trained)
    ordered = sorted(wanted, key=lambda f: (f.weights, f.distribution, f.time.steps, f.gain))
    return [Job(forward=forward, trained=tuple(wanted[forward])) for forward in ordered]
