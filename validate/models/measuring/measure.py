"""The numbers of each layer in one recorded run: rates, Var(H), gradients, and the second moments that a prediction may start
from. All are per step and per sample of the batch, so that intervals can be formed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..libraries import Reading
from .layers import Layer, layers_of
from .neuron_check import Sample, agrees, detached, identified
from .recorded_run import ONE_CALL, Run, backward, forward
from .recorder import Recorder
from .restored import untouched
from .surrogate_match import Found, recognise
from .surrogate_probe import Floats, Probe

COLUMNS = 4096
"""Number of columns (neurons times samples) used for the replay and for T×T moments of long sequences; short ones use more."""

TINY = 1e-300
"""Replaces the variance of weights that are all zero: a gain must be positive."""

ENTRIES = 2**21
"""Most numbers from which a T×T moment is computed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One layer.

    [T, B], per step and sample: `rate`, `var_h`, `grad` = mean of (∂L/∂H)² (absolute). [T]: `slope2` = E[f'²].
    [T, T], over neurons and samples, None if unknown: `spikes` = E[S S], `current` = E[I I] (mean: `current_mean` [T]),
    `input` = E[x x] of the weights' input x, `grad_spikes` = E[δS δS].
    `direct`: the output of the weights is bit for bit the neuron's current; then `current` is omitted if `input` is known.
    `gain` = fan_in · Var(W), `gain_out` = fan_out · Var(W), `bias_var`: with second moments about zero; 1, 1, 0 if no single
    weight feeds the layer.
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
    sends: bool = True
    factor: float | None = 1.0
    height: float = 1.0
    scale_free: bool = False

    @property
    def passed(self) -> float:
        return ((1.0 if self.factor is None else self.factor) * self.height) ** 2

    @property
    def effective_gain(self) -> float:
        return self.gain * self.passed

    @property
    def steps(self) -> int:
        return len(self.rate)


def measure(model: nn.Module, example: Any, run: Run = ONE_CALL) -> list[Measured]:
    """The model's layers in order, measured on one run. The model is left as it was, whatever happens."""
    with untouched(model, run.seed):
        recorder, output, source = forward(model, example, run)
        layers = layers_of(model, recorder, source)
        gradients = backward(layers, output)
        found = [_measured(layer, recorder, gradients[layer.index]) for layer in layers]
        for layer in layers:  # free the graph
            layer.calls = [type(call)(call.x.detach(), call.spikes.detach()) for call in layer.calls]
            layer.way.operations.clear()
            layer.record.calls = layer.calls
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
        layer = layers_of(model, recorder, source)[index]
        x, spikes = (torch.stack([getattr(call, name).detach() for call in layer.calls]) for name in ("x", "spikes"))
        received = _input(layer, recorder, len(x))
        return Seen(x, spikes, None if received is None else _second(received))


def _measured(layer: Layer, recorder: Recorder, gradients: list[tuple[Tensor | None, Tensor | None]]) -> Measured:
    x = torch.stack([call.x.detach() for call in layer.calls])
    spikes = torch.stack([call.spikes.detach() for call in layer.calls]).to(x.dtype)
    currents = _currents(layer, recorder)
    at_membrane = _stacked([g for _, g in gradients], x)
    at_spikes = _stacked([g for g, _ in gradients], x) if any(g is not None for g, _ in gradients) else None
    probe = Probe(layer.record.spike)  # type: ignore[arg-type]  # not None: the layer has spiked
    reading, note = _read(layer)
    surrogate = recognise(probe, reading.declared if reading else ())
    take = _columns(x, COLUMNS)
    slope = probe.of(_flat(x)[:, take])
    sample = Sample(
        x=_numpy(_flat(x)[:, take]),
        spikes=_numpy(_flat(spikes)[:, take]),
        current=None if currents is None else _numpy(_flat(currents)[:, take]),
        slope=_numpy(slope),
        grad_spikes=None
        if at_spikes is None or (layer.calls[0].sent is None and len(x) > 1)
        else _numpy(_flat(at_spikes)[:, take]),
        grad_membrane=_numpy(_flat(at_membrane)[:, take]),
    )
    reading, note = _checked(layer, reading, note, sample)
    through = None if reading is None else detached(reading, sample)
    if reading is not None and reading.neuron and through is not None and through != reading.neuron.detach:
        note = _joined(note, f"its reset is {'' if through else 'not '}detached, although it declares the opposite")
        reading = reading.but(detach=through)
    batch = x.shape[1] if x.ndim > 2 else 1
    by_sample = (len(x), batch, -1)
    weight_input, direct = _input(layer, recorder, len(x)), _direct(layer, recorder, currents)
    return Measured(
        layer=layer,
        reading=reading,
        reading_note=note,
        surrogate=_as_run(surrogate, x, take, slope),
        rate=_numpy(spikes.reshape(by_sample).mean(dim=2)),
        var_h=_numpy((x - x.mean(dim=tuple(range(1, x.ndim)), keepdim=True)).square().reshape(by_sample).mean(dim=2)),
        grad=_numpy(at_membrane.double().square().reshape(by_sample).mean(dim=2)),
        slope2=_numpy(slope.double().square().mean(dim=1)),
        spikes=_second(spikes, exact=True),
        current=None if currents is None or (direct and weight_input is not None) else _second(currents),
        current_mean=None if currents is None else _numpy(_flat(currents).mean(dim=1)),
        input=None if weight_input is None else _second(weight_input),
        input_mean=math.nan if weight_input is None else float(weight_input.mean()),
        grad_spikes=None if sample.grad_spikes is None or at_spikes is None else _second(at_spikes),
        detach_known=through is not None or len(x) == 1,
        direct=direct,
        sends=at_spikes is not None,
        **_weights(layer),
    )


def _as_run(found: Found, x: Tensor, take: Any, slope: Tensor) -> Found:
    """The surrogate with defects that only this run shows: a library may compute it badly in the model's own precision."""
    bad = slope.isnan()
    if not bool(bad.any()):
        return found
    where = _flat(x)[:, take][bad]
    span = f"{float(where.min()):.3g} to {float(where.max()):.3g}"
    note = f"its gradient is NaN in {str(x.dtype).removeprefix('torch.')} for x from {span}"
    return replace(found, notes=(*found.notes, note), in_run=(*found.in_run, note))


def _weights(layer: Layer) -> dict[str, float]:
    weight, fan = layer.weight, layer.fan
    if weight is None or fan is None:
        return {"gain": 1.0, "gain_out": 1.0, "bias_var": 0.0}
    variance = float(torch.linalg.vector_norm(weight.detach())) ** 2 / weight.numel() or TINY
    bias = getattr(layer.owner, "bias", None)
    bias_var = 0.0 if bias is None else float(bias.detach().double().square().mean())
    return {"gain": fan.fan_in * variance, "gain_out": fan.fan_out * variance, "bias_var": bias_var}


def _read(layer: Layer) -> tuple[Reading | None, str]:
    library = layer.record.library
    if library is None:
        return None, ""
    try:
        reading = library.read(layer.record.module)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        return None, f"{layer.neuron} could not be read: {error}"
    return reading, _joined(reading.note, reading.why)


def _checked(layer: Layer, reading: Reading | None, note: str, sample: Sample) -> tuple[Reading | None, str]:
    """The reading if the recorded run confirms it, and a note."""
    if layer.record.library is None:
        found = identified(sample)
        return found, "" if found else "its charge and reset match no neuron of the registry"
    if reading is None or reading.neuron is None:
        return reading, note
    held = agrees(reading, sample)
    if held is None:
        return replace(reading, neuron=None), _joined(note, "its current could not be recorded")
    if not held:
        return replace(reading, neuron=None), _joined(note, f"{layer.neuron} does not behave as its attributes say")
    return reading, note


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _currents(layer: Layer, recorder: Recorder) -> Tensor | None:
    """The current at each step: the neuron's input, or the output of the weights if there is no neuron module."""
    found = [call.current for call in layer.calls]
    if all(current is not None for current in found):
        return torch.stack([current.detach() for current in found if current is not None])
    outputs = [] if layer.weight is None or layer.between else recorder.outputs.get(id(layer.weight), [])
    return _by_step(outputs, layer.calls[0].x.shape, layer.steps)


def _direct(layer: Layer, recorder: Recorder, currents: Tensor | None) -> bool:
    outputs = [] if layer.weight is None else recorder.outputs.get(id(layer.weight), [])
    made = _by_step(outputs, layer.calls[0].x.shape, layer.steps)
    return currents is not None and made is not None and bool(torch.equal(made, currents))


def _by_step(tensors: list[Tensor], shape: torch.Size, steps: int) -> Tensor | None:
    if len(tensors) == steps and all(tensor.shape == shape for tensor in tensors):
        return torch.stack(tensors)
    if len(tensors) == 1 and tensors[0].numel() == steps * math.prod(shape):
        return tensors[0].reshape(steps, *shape)
    return None


def _input(layer: Layer, recorder: Recorder, steps: int) -> Tensor | None:
    """[T, …]: the input of the weights, scaled for zero padding (padded positions count as zeros)."""
    if layer.weight is None or layer.recurrent:
        return None
    tensors = recorder.inputs.get(id(layer.weight), [])
    if len(tensors) == steps:
        stacked = torch.stack(tensors) if len({t.shape for t in tensors}) == 1 else None
    elif len(tensors) == 1 and tensors[0].shape[0] % steps == 0:
        stacked = tensors[0].reshape(steps, -1, *tensors[0].shape[1:])
    else:
        return None
    return None if stacked is None else stacked.to(layer.calls[0].x.dtype) * math.sqrt(padding_share(layer.owner, tensors[0]))


def padding_share(owner: nn.Module | None, tensor: Tensor) -> float:
    """Mean share of a kernel's taps that fall on the input, not on its zero padding."""
    if (
        not isinstance(owner, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        or owner.padding_mode != "zeros"
        or isinstance(owner.padding, str)
    ):
        return 1.0
    size = tensor.shape[-len(owner.kernel_size) :]
    share = 1.0
    for n, k, s, p, d in zip(size, owner.kernel_size, owner.stride, owner.padding, owner.dilation, strict=True):
        starts = np.arange(-p, n + p - d * (k - 1), s)
        taps = starts[:, None] + d * np.arange(k)[None, :]
        share *= float(((taps >= 0) & (taps < n)).mean())
    return share


def _stacked(gradients: list[Tensor | None], like: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(like[0]) if g is None else g.detach().reshape(like[0].shape) for g in gradients])


def _flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(len(tensor), -1)


def _columns(tensor: Tensor, most: int) -> Any:
    """Columns spread evenly over neurons and samples, by an odd stride (widths are often powers of two)."""
    count = tensor[0].numel()
    if count <= most:
        return slice(None)
    stride = count // most
    return torch.arange(0, count, stride | 1)[:most]


def _second(tensor: Tensor, *, exact: bool = False) -> Floats:
    """E[x x] over columns, [T, T]. `exact`: entries are 0 and 1, whose sums are exact in float32."""
    flat = _flat(tensor)
    flat = flat[:, _columns(tensor, max(COLUMNS, ENTRIES // len(flat)))]
    flat = flat if exact and flat.dtype == torch.float32 else flat.double()
    return (flat @ flat.T).double().numpy() / flat.shape[1]


def _numpy(tensor: Tensor) -> Floats:
    return tensor.detach().double().cpu().numpy()
