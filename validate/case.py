"""One setting in which a claim is tested: the network, and what theory says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.catalogue.spec import resolve
from ikun_sym.errors import DomainError
from ikun_sym.theory import finite_width, meanfield
from ikun_sym.theory.fan import Fan
from ikun_sym.theory.layer import FORWARD_PASSES, Layer
from ikun_sym.theory.meanfield import Prediction
from ikun_sym.theory.stationary import SchemeAt, State

from .network import Architecture

STATIONARY = 0.01
"""Layers whose predicted Var(H) is within 1 % of the fixed point count as stationary: a fifth of the usual tolerance."""


WIDEST_CHAIN = 2048
"""The exact survival chain has (width + 1)² entries; beyond this width it takes longer than the networks."""


@dataclass(frozen=True)
class Case:
    """`label` names it in tables; `state` is the stationary state that its weights were computed from, if any."""

    label: str
    architecture: Architecture
    state: State | None = None

    def __post_init__(self) -> None:
        if self.architecture.depth < 2:
            raise DomainError("depth", self.architecture.depth, "at least 2", "a factor per layer needs two layers")

    @property
    def layer(self) -> Layer:
        return layer_of(self.architecture)

    @cached_property
    def prediction(self) -> Prediction | None:
        """Infinite width, one step. None for more steps and for a loss whose gradient has a mean over neurons."""
        a = self.architecture
        if a.steps > 1 or a.loss == "summed":
            return None
        return meanfield.propagate(self.layer, a.gain, 1.0, a.depth, a.input_second_moment)

    @cached_property
    def survival(self) -> float | None:
        """The exact probability that a sample's activity reaches the last layer; None where no theory covers it."""
        a = self.architecture
        if a.forward != "spiking" or a.steps > 1 or a.input != "poisson" or a.width > WIDEST_CHAIN:
            return None
        return finite_width.survival(a.width, a.depth, a.gain, a.threshold, a.input_rate)

    @cached_property
    def stationary(self) -> np.ndarray:
        """Which pairs of layers (l, l + 1) are averaged over: both near the predicted fixed point; where there is no
        prediction, or the network has not settled at its end, the middle half of the network."""
        depth = self.architecture.depth
        pairs = np.arange(depth - 1)
        middle = (pairs >= depth // 4) & (pairs < depth - 1 - depth // 4)
        if self.prediction is None or self.prediction.var_h[-1] <= 0:
            return middle
        near = np.abs(self.prediction.var_h / self.prediction.var_h[-1] - 1) <= STATIONARY
        both = near[1:] & near[:-1]
        return both if both.sum() >= 3 else middle


def layer_of(architecture: Architecture) -> Layer:
    """The infinite-width layer of this architecture, at one time step."""
    make = FORWARD_PASSES[architecture.forward].layer
    return make(resolve(architecture.surrogate), architecture.threshold)


def build(architecture: Architecture, scheme: str, alpha: float = 1.0, second_moment: float | None = None) -> Case:
    """The case whose gain K = fan_in · Var(W) is the scheme's, at its own stationary state.

    Error: the scheme has no stationary state here.
    """
    entry = SCHEMES[scheme]
    at = SchemeAt(entry, layer_of(architecture), Fan.of(architecture.width), alpha, second_moment)
    state = at.solve() if entry.needs_moments else None
    gain = state.gain if state else float(at.weight_variance(1.0)) * architecture.width
    return Case(label(architecture), replace(architecture, gain=gain), state)


def label(architecture: Architecture) -> str:
    """Surrogate and threshold, and what differs from one spiking time step."""
    text = f"{resolve(architecture.surrogate).spec}, θ = {architecture.threshold:g}"
    if architecture.steps > 1:
        text += f", T = {architecture.steps}, leak {architecture.leak:g}, {architecture.reset} reset"
    return text
