"""The numbers of each layer in one recorded run: rates, Var(H), gradients, and the second moments that a prediction may start
from. All are per step and per sample of the batch, so that intervals can be formed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..libraries import Reading
from .between import Between, between, padding_share
from .graph import Map
from .layers import Layer, layers_of
from .moments import COLUMNS, REPLAYED, columns, flat, mean_square, second, together
from .neuron_check import Sample, detached
from .neuron_reading import Known, joined, known_of
from .neuron_reading import numbers as _numpy
from .pairs import Pairs, pairs_of
from .recorded_run import ONE_CALL, Run, backward, forward
from .restored import untouched
from .silent_resets import resets_of_the_silent
from .surrogate_match import Found, recognise
from .surrogate_probe import Floats, Probe

MANY = 16
"""Inputs from which on one weight can hold more than its share."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One layer.

    [T, B], per step and sample: `rate`, `var_h`, `grad` = mean of (∂L/∂H)² (absolute). [T]: `slope2` = E[f'²].
    [T, T], over neurons and samples, None if unknown: `spikes` = E[S S], `current` = E[I I] (mean: `current_mean` [T]),
    `input` = E[x x] of the weights' input x, `grad_spikes` = E[δS δS].
    `direct`: the output of the weights, with its bias, is the neuron's current; then `current` is omitted if `input` is known.
    `gain` = fan_in · Var(W), `gain_out` = fan_out · Var(W), `bias_var`: with second moments about zero; 1, 1, 0 if no single
    weight feeds the layer. `factor`: current = factor · (output of the weights) + constant, None if it is no such number (a
    norm, a pool). `height`: √(E[x²]/E[s²]) of the weights' input x and the spikes s below, where they are 0 and one number:
    s·θ, graded spikes, dropout; else 1. `copies`: one weight of each neuron is most of them all, as where layers copy; the
    theory is one of many independent weights. `scale_free`: a norm cancels the size of the weights. `sends`: whether anything
    but the neuron itself uses its spikes. `data`: the input is the user's own; only then `pairs` of samples.
    """

    layer: Layer
    reading: Reading | None
    reading_note: str
    surrogate: Found
    rate: Floats
    var_h: Floats
    grad: Floats
    slope2: Floats
    spikes: Floats
    current: Floats | None
    current_mean: Floats | None
    input: Floats | None
    input_mean: float
    grad_spikes: Floats | None
    detach_known: bool
    direct: bool
    gain: float
    gain_out: float
    bias_var: float
    factor: float | None = 1.0
    height: float = 1.0
    copies: bool = False
    scale_free: bool = False
    sends: bool = True
    data: bool = False
    pairs: Pairs | None = None

    @property
    def passed(self) -> float:
        """(factor · height)²: what multiplies `gain` between spikes of height 1 and the neuron; 1 where it is no number."""
        return ((1.0 if self.factor is None else self.factor) * self.height) ** 2

    @property
    def effective_gain(self) -> float:
        """K of the same network with nothing but weights between spikes of height 1 and the neuron."""
        return self.gain * self.passed

    @property
    def steps(self) -> int:
        return len(self.rate)


def measure(model: nn.Module, example: Any, run: Run = ONE_CALL) -> list[Measured]:
    """The model's layers in order, measured on one run. The model is left as it was, whatever happens."""
    with untouched(model, run.seed):
        recorder, output, source = forward(model, example, run)
        layers, graph = layers_of(model, recorder, source)
        read = [_read(layer, layers, graph) for layer in layers]
        known = resets_of_the_silent(layers, [one for one, _ in read])
        gradients, alike = backward(layers, output, run)
        found = [
            _measured(layer, one, lies, gradients[layer.index], run.data, alike)
            for layer, one, (_, lies) in zip(layers, known, read, strict=True)
        ]
        for layer in layers:
            layer.free()
    return found


class Seen(NamedTuple):
    """One layer in one forward pass: `h`, arguments of the spike function, and `s`, spikes, [T, B, …]; `input`, E[x x] of the
    weights' input, [T, T], None if unknown."""

    h: Tensor
    s: Tensor
    input: Floats | None


def seen(model: nn.Module, example: Any, index: int, run: Run) -> Seen:
    """Record layer `index` only, in one forward pass. The model is left as it was."""
    with untouched(model, run.seed):
        recorder, _, source = forward(model, example, run)
        layers, graph = layers_of(model, recorder, source)
        layer = layers[index]
        x = torch.stack([call.x.detach() for call in layer.calls])
        _, lies = _read(layer, layers, graph)
        received, share = _received(layer, lies)
        return Seen(x, layer.counts, None if received is None else second(received) * share)


def _read(layer: Layer, layers: list[Layer], graph: Map) -> tuple[Known, Between]:
    """The neuron, and what lies between it and the weights; while the graph is there."""
    known = known_of(layer, graph, columns(layer.counts, REPLAYED))
    lies = between(layer, layers, known.currents, graph)
    if lies.scale_free and not (layer.way.norm or layer.norm):
        layer.between = ["a norm", *(word for word in layer.between if word != "pooling" or layer.pooled)]
    neuron = None if known.reading is None else known.reading.neuron
    factor = None if lies.factor is None else lies.factor * known.factor
    decays = neuron is not None and not neuron.decay_input and neuron.leak < 1 and layer.record.library is None
    if decays and known.reading is not None and neuron is not None and factor is not None and _same(factor, 1 - neuron.leak):
        # two ways of writing one neuron: v + (i − v)/τ, and (1 − 1/τ) v + i/τ
        known = replace(known, reading=known.reading.but(decay_input=True), factor=known.factor / factor)
        factor = 1.0
    lies.factor = factor
    return known, lies


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-5 * abs(other)


def _measured(
    layer: Layer, known: Known, lies: Between, gradients: list[tuple[Tensor | None, Tensor | None]], data: bool, alike: bool
) -> Measured:
    x = torch.stack([call.x.detach() for call in layer.calls])
    spikes = layer.counts.to(x.dtype)
    currents = None if known.currents is None else together(known.currents)
    if currents is not None and known.factor != 1:
        currents = currents * known.factor
    at_membrane = _stacked([g for _, g in gradients], x)
    at_spikes = _stacked([g for g, _ in gradients], x) if any(g is not None for g, _ in gradients) else None
    # without a node of its own, the gradient at a spike comes through the reset, too
    alone = layer.calls[0].sent is not None or len(x) == 1 or layer.through is False
    probe, reading, note = Probe(layer.spike), known.reading, known.note
    surrogate = recognise(probe, reading.declared if reading else ())
    take = columns(x, COLUMNS)
    slope = _slope(layer, probe, x, take)
    sample = Sample(
        x=_numpy(flat(x)[:, take]),
        spikes=_numpy(flat(spikes)[:, take]),
        current=None if currents is None else _numpy(flat(currents)[:, take]),
        slope=_numpy(slope),
        grad_spikes=None if at_spikes is None or not alone else _numpy(flat(at_spikes)[:, take]) * layer.height,
        grad_membrane=_numpy(flat(at_membrane)[:, take]),
        rounding=torch.finfo(x.dtype).eps,
    )
    through = None if reading is None else detached(reading, sample)
    if layer.record.library is None and layer.through is not None:
        through = not layer.through
    elif reading is not None and reading.neuron and through is not None and through != reading.neuron.detach:
        note = joined(note, f"its reset is {'' if through else 'not '}detached, although it declares the opposite")
    if reading is not None and through is not None:
        reading = reading.but(detach=through)
    known_through = through is not None or len(x) == 1
    if reading is not None and reading.neuron is not None and reading.neuron.adapts and layer.raised is False:
        note, known_through = joined(note, "what raises its threshold is detached"), False
    by_sample = (len(x), x.shape[1] if x.ndim > 2 else 1, -1)
    moved = x - x.mean(dim=tuple(range(1, x.ndim)), keepdim=True)
    received, share = _received(layer, lies)
    direct = lies.factor == 1 and _only_bias(layer, lies)
    return Measured(
        layer=layer,
        reading=reading,
        reading_note=note,
        surrogate=_as_run(surrogate, x, take, slope),
        rate=_numpy(spikes.reshape(by_sample).mean(dim=2)),
        var_h=mean_square(moved.reshape(by_sample)),
        grad=mean_square(at_membrane.reshape(by_sample)),
        slope2=_numpy(slope.double().square().mean(dim=1)),
        spikes=second(spikes),
        current=None if currents is None or (direct and received is not None) else second(currents),
        current_mean=None if currents is None else _numpy(flat(currents).mean(dim=1)),
        input=None if received is None else second(received) * share,
        input_mean=math.nan if received is None else float(received.mean()) * math.sqrt(share),
        grad_spikes=None if sample.grad_spikes is None or at_spikes is None else second(at_spikes) * layer.height**2,
        detach_known=known_through,
        direct=direct,
        factor=lies.factor,
        height=lies.height,
        scale_free=lies.scale_free,
        sends=at_spikes is not None,
        data=data,
        pairs=pairs_of(spikes, at_membrane, alike=alike) if data else None,
        **_weights(layer),
    )


def _only_bias(layer: Layer, lies: Between) -> bool:
    """Whether what is added to the weights' output is nothing, or a parameter; which is then the layer's bias."""
    if lies.constant is None:
        return True
    for parameter in layer.way.others:
        value = parameter.detach().double()
        if value.numel() == lies.constant.numel() and torch.allclose(
            value.flatten(), lies.constant.flatten(), rtol=1e-4, atol=1e-5
        ):
            layer.bias = parameter
            return True
    return False


def _slope(layer: Layer, probe: Probe, x: Tensor, take: Any) -> Tensor:
    """f' at the membranes; the sum where one membrane is asked about several times."""
    slope = probe.of(flat(x)[:, take])
    for step, call in enumerate(layer.calls):
        for other in call.others:
            spike = other.spike or layer.record.spike
            assert spike is not None
            slope[step] = slope[step] + Probe(spike).of(other.x.detach().flatten()[take]) / layer.height
    return slope


def _received(layer: Layer, lies: Between) -> tuple[Tensor | None, float]:
    """[T, …]: the input of the weights; and by what zero padding multiplies its square (padded positions count as zeros)."""
    if layer.recurrent or lies.input is None:
        return None, 1.0
    product = layer.products[0]
    kernel = product.weight.shape[2:]
    share = padding_share(product.options, product.input.shape[product.input.ndim - len(kernel) :], kernel)
    return lies.input.to(layer.calls[0].x.dtype), share


def _as_run(found: Found, x: Tensor, take: Any, slope: Tensor) -> Found:
    """The surrogate with defects that only this run shows: a library may compute it badly in the model's own precision."""
    bad = slope.isnan()
    if not bool(bad.any()):
        return found
    where = flat(x)[:, take][bad]
    span = f"{float(where.min()):.3g} to {float(where.max()):.3g}"
    note = f"its gradient is NaN in {str(x.dtype).removeprefix('torch.')} for x from {span}"
    return replace(found, notes=(*found.notes, note), in_run=(*found.in_run, note))


def _weights(layer: Layer) -> dict[str, Any]:
    weight, fan = layer.values, layer.fan
    if weight is None or fan is None:
        return {"gain": 1.0, "gain_out": 1.0, "bias_var": 0.0}
    variance = float(torch.linalg.vector_norm(weight.detach())) ** 2 / weight.numel()
    bias = layer.bias
    bias_var = 0.0 if bias is None else float(bias.detach().double().square().mean())
    return {
        "gain": fan.fan_in * variance,
        "gain_out": fan.fan_out * variance,
        "bias_var": bias_var,
        "copies": fan.fan_in >= MANY and _largest_share(weight.detach()) > 0.5,
    }


def _largest_share(weight: Tensor) -> float:
    """The share that a neuron's largest weight has of Σ w² over its inputs; the median over neurons. Of normal weights it is
    about 2 ln(fan_in)/fan_in."""
    squares = weight.flatten(1).double().square()
    return float((squares.amax(1) / squares.sum(1).clamp_min(1e-300)).median())


def _stacked(gradients: list[Tensor | None], like: Tensor) -> Tensor:
    return together([torch.zeros_like(like[0]) if g is None else g.detach().reshape(like[0].shape) for g in gradients])
