"""Claims whose truth is known: real networks with an exact mean-field factor, and values drawn from a known law.

A claim is true if the claimed value lies within the tolerance of the network's mean-field factor, else false. Each keeps at
least MARGIN from that edge: more than the finite-width bias of the factor, which the calibration measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from ikun_sym.catalogue.registry import Registry
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.critical_scale import gain_of_rate
from ikun_sym.schemes.rate_targeted import design
from ikun_sym.schemes.slope import slope_of

from ..cases.case import Case, build, layer_of
from ..cases.observables import OBSERVABLES
from ..networks.network import Architecture
from ..verdicts.judge import RunSettings

TOLERANCE = RunSettings.tolerance
MARGIN = 0.02
OFF = 1.05 * (1 + TOLERANCE)
"""A network built five per cent beyond the tolerance."""

FAMILIES = ("sigmoid", "erf", "atan", "triangular")
"""One surrogate for each shape of f' that matters for E[f'⁴]: exponential, Gaussian, algebraic tails, and a kink."""

SHAPE = Architecture(depth=13, width=192)
"""Twelve factors are averaged, as in a small run. The width keeps the bias of a factor well below MARGIN."""


class Known(NamedTuple):
    """A network and the value claimed for one of its observables."""

    case: Case
    claimed: float
    observable: str = "backward_factor"


OVER_TIME = replace(SHAPE, depth=10, width=256, samples=16)
"""Networks over several steps. They are wider, since the gradients of all steps share the bias."""

TRIES = 100


@dataclass(frozen=True, kw_only=True)
class Construction:
    """`make` draws a network and a claimed value at random. Whether the claim is true is known by construction."""

    name: str
    true: bool
    make: Callable[[np.random.Generator], Known]


CONSTRUCTIONS: Registry[Construction] = Registry("construction")


def construction(name: str, *, true: bool) -> Callable[[Callable[[np.random.Generator], Known]], Construction]:
    return lambda make: CONSTRUCTIONS.register(Construction(name=name, true=true, make=make))


def network_of(rng: np.random.Generator, factor: float) -> Architecture:
    """Random family, threshold and rate. The slope is solved so that the backward factor is `factor` in every layer."""
    rate, threshold = rng.uniform(0.2, 0.4), rng.uniform(0.5, 1.5)
    at = design(rate, str(rng.choice(FAMILIES)), threshold, fan_ratio=1 / factor)
    return SHAPE.but(surrogate=at.bound, threshold=threshold, gain=at.n_var_w, input_rate=rate)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    return brentq(function, low, high)  # type: ignore[return-value]  # a tuple only if asked for details


def _case(architecture: Architecture) -> Case:
    return Case("calibration", architecture)


def _side(rng: np.random.Generator) -> int:
    return int(rng.choice((-1, 1)))


def _off(rng: np.random.Generator) -> float:
    return OFF ** _side(rng)


def _any_factor(rng: np.random.Generator) -> float:
    return rng.uniform(0.8, 1.25)


@construction("critical network, claimed 1", true=True)
def _critical(rng: np.random.Generator) -> Known:
    return Known(_case(network_of(rng, 1.0)), 1.0)


@construction("claimed: the exact factor", true=True)
def _exact(rng: np.random.Generator) -> Known:
    factor = _any_factor(rng)
    return Known(_case(network_of(rng, factor)), factor)


@construction("inside the tolerance by 0.02", true=True)
def _inside(rng: np.random.Generator) -> Known:
    return Known(_case(network_of(rng, 1 + _side(rng) * (TOLERANCE - MARGIN))), 1.0)


@construction("claimed: 10 % off", true=False)
def _ten_per_cent(rng: np.random.Generator) -> Known:
    factor = _any_factor(rng)
    return Known(_case(network_of(rng, factor)), factor * (1 + 0.1 * _side(rng)))


@construction("outside the tolerance by 0.02", true=False)
def _outside(rng: np.random.Generator) -> Known:
    factor = _any_factor(rng)
    return Known(_case(network_of(rng, factor)), factor + _side(rng) * (TOLERANCE + MARGIN))


@construction("wrong slope", true=False)
def _wrong_slope(rng: np.random.Generator) -> Known:
    """The weights of a critical network with another slope."""
    return Known(_case(network_of(rng, _off(rng))), 1.0)


@construction("wrong gain", true=False)
def _wrong_gain(rng: np.random.Generator) -> Known:
    """A critical network at another gain. It changes the rate p, and both change the factor K E[f'²]."""
    while True:
        right, off = network_of(rng, 1.0), _off(rng)

        def at(rate: float, right: Architecture = right) -> Architecture:
            return replace(right, gain=gain_of_rate(rate, right.neuron.threshold)[0], input_rate=rate)

        def excess(rate: float, off: float = off, at: Callable[[float], Architecture] = at) -> float:
            network = at(rate)
            variance = network.gain * rate
            return network.gain * float(layer_of(network).gradient_moment(variance)) - off

        # The factor may not be monotone in the gain, or may not reach the value at a stable rate: then try another network.
        for low, high in ((right.input_rate, 0.45), (0.18, right.input_rate)):
            if excess(low) * excess(high) < 0:
                return Known(_case(at(root(excess, low, high))), 1.0)


@construction("wrong alpha", true=False)
def _wrong_alpha(rng: np.random.Generator) -> Known:
    """Threshold 0, rate ½: the scheme of Theorem 1 has factor α/σ_X², σ_X² = ¼."""
    bound = resolve(str(rng.choice(FAMILIES)))
    slope = slope_of(bound)
    surrogate = slope.at(slope.default * rng.uniform(0.5, 2)).spec
    return Known(build(SHAPE.but(surrogate=surrogate, threshold=0.0), "ikun", alpha=_off(rng) / 4), 1.0)


def _leaky(rng: np.random.Generator) -> Architecture:
    """A leaky network over a few steps: hard reset, detached or not, rate far above the lowest stable one."""
    return OVER_TIME.but(
        surrogate=str(rng.choice(FAMILIES)),
        steps=int(rng.integers(3, 6)),
        leak=float(rng.uniform(0.4, 0.9)),
        gain=float(rng.uniform(8.0, 14.0)),
        detach=bool(rng.integers(2)),
        loss=str(rng.choice(("white", "rate"))),
    )


def expected(case: Case, observable: str = "backward_factor") -> float:
    return OBSERVABLES[observable].expected(case).value


def _apart(
    rng: np.random.Generator, draw: Callable[[np.random.Generator], Architecture], observable: str, **wrong: Any
) -> Known:
    """A network, and the value that a wrong theory gives for it; wrong by at least tolerance + MARGIN."""
    for _ in range(TRIES):
        case = _case(draw(rng))
        claimed = expected(case.under(**wrong), observable)
        if abs(claimed - expected(case, observable)) >= TOLERANCE + MARGIN:
            return Known(case, claimed, observable)
    raise AssertionError(f"no network on which {wrong} errs")


@construction("over time: the theory's factor", true=True)
def _over_time(rng: np.random.Generator) -> Known:
    case = _case(_leaky(rng).but(reset=str(rng.choice(("hard", "soft")))))
    return Known(case, expected(case))


@construction("over time: the theory's rate", true=True)
def _rate_over_time(rng: np.random.Generator) -> Known:
    case = _case(_leaky(rng).but(reset=str(rng.choice(("hard", "soft")))))
    return Known(case, expected(case, "rate"), "rate")


@construction("over time: wrong reset", true=False)
def _wrong_reset(rng: np.random.Generator) -> Known:
    """Claims the rate that a soft reset would give."""
    return _apart(rng, _leaky, "rate", reset="soft")


@construction("over time: wrong leak", true=False)
def _wrong_leak(rng: np.random.Generator) -> Known:
    return _apart(rng, _leaky, "backward_factor", leak=0.0)


@construction("over time: white noise at depth", true=False)
def _white_noise(rng: np.random.Generator) -> Known:
    """Claims the rate of currents that are white in time, near the gain at which they would just sustain activity."""

    def draw(rng: np.random.Generator) -> Architecture:
        made = _leaky(rng)
        leak, gain = float(rng.uniform(0.75, 0.9)), float(rng.uniform(7.0, 7.8))
        return made.but(steps=8, loss="white", leak=leak, gain=gain)

    return _apart(rng, draw, "rate", white_currents=True)


@dataclass(frozen=True, kw_only=True)
class Law:
    """Values of mean 1 from a skewed law. The claim lies exactly one tolerance below the mean (false) or above it (true): the
    side on which the tail makes intervals miss more often."""

    name: str
    skewness: float
    sample: Callable[[np.random.Generator, float, tuple[int, ...]], np.ndarray]

    @property
    def label(self) -> str:
        return f"{self.name}, skewness {self.skewness:.2g}"

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> np.ndarray:
        return 1 + spread * self.sample(rng, self.skewness, shape)


def gamma(rng: np.random.Generator, skewness: float, shape: tuple[int, ...]) -> np.ndarray:
    """Standardised gamma values: shape 4/skewness²."""
    order = 4 / skewness**2
    return (rng.gamma(order, 1.0, shape) - order) / order**0.5


def log_normal(rng: np.random.Generator, skewness: float, shape: tuple[int, ...]) -> np.ndarray:
    """Standardised log-normal values: w = e^{s²} solves (w + 2)² (w − 1) = skewness²."""
    w = root(lambda x: (x + 2) ** 2 * (x - 1) - skewness**2, 1, 2 + skewness)
    s = np.log(w) ** 0.5
    return (np.exp(s * rng.standard_normal(shape)) - w**0.5) / (w * (w - 1)) ** 0.5


LAWS = (("gamma", gamma), ("log-normal", log_normal))
