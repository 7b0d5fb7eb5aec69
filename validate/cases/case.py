"""One setting in which a claim is tested: the network, and what theory says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from ikun_sym.catalogue import schemes as words
from ikun_sym.catalogue.architectures import Dense
from ikun_sym.catalogue.schemes import DISTRIBUTIONS
from ikun_sym.catalogue.schemes.scheme import COPYING, INDEPENDENT
from ikun_sym.errors import DomainError, IkunError, NoTheoryError
from ikun_sym.mean_field import finite_width
from ikun_sym.mean_field import predict as temporal
from ikun_sym.mean_field.information import PairPrediction, overlapping_pair, predict_pair
from ikun_sym.mean_field.layer import FORWARD_PASSES, Layer, SpikingLayer
from ikun_sym.mean_field.prediction import Run, TimePrediction
from ikun_sym.schemes.fan import Fan
from ikun_sym.schemes.for_network import weights_of
from ikun_sym.schemes.scheme_input import Setting, find_scheme
from ikun_sym.schemes.stationary import SchemeAt, State
from ikun_sym.told import Told

from ..networks import network_of
from ..networks.network import Architecture

STATIONARY = 0.01
"""Layers whose predicted Var(H) is within 1 % of the fixed point count as stationary: a fifth of the usual tolerance."""

WIDEST_CHAIN = 2048
"""The exact survival chain has (width + 1)² entries; beyond this width it takes longer than the networks."""

LIVELY = 20.0
"""Where there is no exact chain, a layer that is predicted to have this many spikes at each step is taken to stay active, and
one that is predicted to have less than 1/LIVELY over all steps to be silent."""

SAMPLES, RANDOMISATIONS = 2**13, 16
"""Of a prediction over up to LONG steps: its error is then well below that of the draws, and known to a fifth of itself
(15 degrees of freedom). Over T > LONG steps the effort grows as T², so the samples are as many fewer."""

LONG, FEWEST = 16, 2**10


class Expected(NamedTuple):
    """What theory says, with its standard error; NaN where it says nothing."""

    value: float
    se: float = 0.0


NOTHING = Expected(float("nan"))


@dataclass(frozen=True)
class Case(Told):
    """`label` names it in tables; `state` is the stationary state that its weights were computed from, if any. `theory`:
    overrides applied to the prediction only, to test a rival theory of the same network: (field of TimeModel, value) each.
    `rate`: the firing rate that its weights aim at; None if they aim at none."""

    shown = ("label", "architecture")

    label: str
    architecture: Architecture
    state: State | None = None
    theory: tuple[tuple[str, Any], ...] = ()
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.architecture.depth < 2:
            raise DomainError("depth", self.architecture.depth, "at least 2", "a factor per layer needs two layers")

    @property
    def layer(self) -> Layer:
        """The infinite-width layer at one time step."""
        return layer_of(self.architecture)

    def under(self, **theory: Any) -> Case:
        """The same network as another theory sees it."""
        return replace(self, theory=tuple(theory.items()))

    @cached_property
    def prediction(self) -> TimePrediction | None:
        """Infinite width, whatever the number of steps; None where there is no theory."""
        return _predict(self.architecture, self.theory)

    @cached_property
    def pair(self) -> PairPrediction | None:
        """Two inputs of the network's own overlap at infinite width; None where there is no theory, or samples are no pairs."""
        a = self.architecture
        if a.input_overlap is None or self.prediction is None:
            return None
        try:
            model = a.model if not self.theory else a.model.but(**dict(self.theory))
            inputs = overlapping_pair(a.input_rate, a.input_overlap, a.steps)
            return predict_pair(model, inputs, samples=SAMPLES // 2, randomisations=RANDOMISATIONS)
        except NoTheoryError:
            return None

    def expect(self, what: Callable[[Run], float]) -> Expected:
        """What `what` is in a network of infinite width."""
        if self.prediction is None:
            return NOTHING
        with np.errstate(invalid="ignore", over="ignore"):
            value, error = self.prediction.expect(what)
        return Expected(float(value), float(error))

    @cached_property
    def survival(self) -> Expected:
        """The probability that a sample's activity reaches the last layer: exact at one step and equal widths; else 1 or 0
        where infinite width leaves no doubt."""
        a = self.architecture
        if a.forward != "spiking":
            return NOTHING
        plain = isinstance(a.topology, Dense) and a.distribution == "normal" and a.input == "poisson"
        chain = plain and not (a.widths or a.bias_var or a.neuron.decay_input)
        if chain and a.steps == 1 and a.width <= WIDEST_CHAIN:
            return Expected(finite_width.survival(a.width, a.depth, a.gain, a.neuron.threshold, a.input_rate))
        if self.prediction is None:
            return NOTHING
        spikes = self.prediction.layers[-1].rate * network_of(a).neurons(a.depth)
        return Expected(1.0) if spikes.min() >= LIVELY else Expected(0.0) if spikes.sum() <= 1 / LIVELY else NOTHING

    @cached_property
    def stationary(self) -> np.ndarray:
        """Which pairs of layers (l, l + 1) are averaged over: both near the predicted fixed point; where there is no
        prediction, or the network has not settled at its end, the middle half of the network."""
        depth = self.architecture.depth
        pairs = np.arange(depth - 1)
        middle = (pairs >= depth // 4) & (pairs < depth - 1 - depth // 4)
        if self.prediction is None:
            return middle
        var_h = self.prediction.array("var_h").sum(axis=1)
        if var_h[-1] <= 0:
            return middle
        near = np.abs(var_h / var_h[-1] - 1) <= STATIONARY
        both = near[1:] & near[:-1]
        return both if both.sum() >= 3 else middle

    @cached_property
    def log_gradient_variance(self) -> float:
        """β, of one sample at one time step; NaN where it is not known."""
        a = self.architecture
        if self.prediction is None or a.steps > 1 or not self._independent:
            return float("nan")
        widths = [a.neurons(k + 1) for k in range(a.depth)]
        return finite_width.log_gradient_variance(a.model.layer, self.prediction.array("var_h")[:, 0], widths)

    @cached_property
    def moving_share(self) -> float:
        """β with the fluctuations of the forward pass over β, in spiking networks that are stationary from their input on;
        elsewhere 1: they are not known. NaN where β is not."""
        a = self.architecture
        if self.prediction is None or not np.isfinite(self.log_gradient_variance):
            return float("nan")
        layer, var_h = a.model.layer, self.prediction.array("var_h")[:, 0]
        still = float(np.abs(var_h / var_h[-1] - 1).max()) <= STATIONARY if var_h[-1] > 0 else False
        if not isinstance(layer, SpikingLayer) or not still or a.bias_var or a.input != "poisson":
            return 1.0
        widths = [a.neurons(k) for k in range(a.depth + 1)]
        moving = finite_width.moving_log_gradient_variance(layer, float(var_h[-1]), widths)
        return moving / self.log_gradient_variance

    @property
    def _independent(self) -> bool:
        """Dense layers of independent weights, for which it is known how draws of finite width differ."""
        return isinstance(self.architecture.topology, Dense) and self.architecture.distribution in DISTRIBUTIONS

    @cached_property
    def rate_spread(self) -> Expected:
        """Standard deviation over mean of the last layer's rate between weight draws, at one step and for one input."""
        a = self.architecture
        if self.prediction is None or a.steps > 1 or a.forward != "spiking" or not self._independent:
            return NOTHING
        if not self.prediction.layers[-1].rate[0]:
            return NOTHING
        last = self.prediction.layers[-1]
        slope = a.model.layer.forward_slope(float(last.var_h[0]))
        if not slope < 1:
            return NOTHING
        return Expected(finite_width.rate_spread(float(last.rate[0]), slope, a.neurons(a.depth)))


@lru_cache(maxsize=256)
def _predict(architecture: Architecture, theory: tuple[tuple[str, Any], ...]) -> TimePrediction | None:
    try:
        model = architecture.model.but(**dict(theory))
        fewer = 2 ** (2 * max(0, math.ceil(math.log2(model.steps / LONG))))
        return temporal.predict(model, samples=max(FEWEST, SAMPLES // fewer), randomisations=RANDOMISATIONS)
    except NoTheoryError:
        return None


def layer_of(architecture: Architecture) -> Layer:
    """The infinite-width layer of this architecture, at one time step."""
    make = FORWARD_PASSES[architecture.forward].layer
    return make(architecture.neuron.surrogate, architecture.neuron.threshold)


def build(architecture: Architecture, scheme: str, alpha: float = 1.0, second_moment: float | None = None) -> Case:
    """The case whose gain K = fan_in · Var(W) is the scheme's, at its own stationary state at one time step.

    Errors: the scheme has no stationary state here; layers of several widths for which it has several gains.
    """
    entry, own = find_scheme(scheme)
    found, fans, state = {}, _fans(architecture), None
    for fan in fans:
        if architecture.forward == "spiking":
            network = {name: getattr(architecture, name) for name in ("steps", "arch", "depth", "bias_var")}
            known: dict[str, Any] = {"alpha": alpha, "second_moment": second_moment, "predicted": False}
            drawn = weights_of(scheme, fan, architecture.neuron, **network, **known)
            fields = drawn.fields | ({} if drawn.drawn in (INDEPENDENT, COPYING) else {"distribution": drawn.drawn})
            here = drawn.state
        else:
            settings: dict[str, Any] = {"alpha": alpha, "second_moment": second_moment, "own": own}
            setting = Setting(scheme=entry, fan=fan, neuron=architecture.neuron, **settings)
            here = SchemeAt(setting, layer_of(architecture)).solve()
            fields = {"gain": here.gain}
        state = here if state is None else state
        found[tuple(f"{v:.9g}" if isinstance(v, float) else v for v in fields.values())] = fields
    if len(found) > 1:
        layers = ", ".join(f"{fan.fan_in} in, {fan.fan_out:g} out" for fan in fans)
        raise IkunError(
            f"scheme {entry.name!r} has several gains or slopes in layers of these fans: {layers}; "
            "one for all layers is what can be drawn here: give --gain, or another scheme"
        )
    made = architecture.but(**next(iter(found.values())))
    aim = Setting(scheme=entry, fan=fans[0], neuron=architecture.neuron, own=own).number(words.rate)
    return Case(label(made), made, state if entry.needs_moments else None, rate=aim or None)


def _fans(architecture: Architecture) -> list[Fan]:
    """Those of the layers, each once, the largest first."""
    network = network_of(architecture)
    fans = {(fan.fan_in, fan.fan_out): fan for fan in map(network.fan, range(architecture.depth))}
    return [fans[size] for size in sorted(fans, reverse=True)]


SHOWN = {
    "distribution": "weights",
    "gain": "K",
    "width": "width",
    "widths": "widths",
    "depth": "depth",
    "input_rate": "input rate",
    "input": "input",
    "input_overlap": "input overlap",
    "loss": "loss",
    "bias_var": "bias variance",
    "forward": "forward",
    "detach": "detached",
    "decay_input": "decay input",
    "synaptic_leak": "synaptic leak",
}
"""What a label names, beside surrogate, threshold and time, where cases would else be called alike."""


def label(architecture: Architecture) -> str:
    """Surrogate and threshold, and what differs from one spiking time step of a dense network."""
    one = architecture.neuron
    text = f"{one.surrogate.spec}, θ = {one.threshold:g}"
    if not isinstance(architecture.topology, Dense):
        text += f", {architecture.topology.spec}"
    if architecture.steps > 1:
        text += f", T = {architecture.steps}, leak {one.leak:g}, {one.reset.spec} reset"
    return text


def labels(architectures: Sequence[Architecture]) -> list[str]:
    """The same for each, made different by what they differ in."""
    texts, fields = [label(architecture) for architecture in architectures], [one.to_dict() for one in architectures]
    for name, shown in SHOWN.items():
        for text in {text for text in texts if texts.count(text) > 1}:
            alike = [i for i, other in enumerate(texts) if other == text]
            values = [fields[i][name] for i in alike]
            if len(set(values)) > 1:
                for i, value in zip(alike, values, strict=True):
                    texts[i] += f", {shown} = {value:.5g}" if isinstance(value, float) else f", {shown} {value}"
    return texts
