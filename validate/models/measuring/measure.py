"""What one recorded run says of each layer, as numbers: rates, Var(H), gradients, and the second moments that a prediction
may start from. Per step, with the samples of the batch kept apart for the intervals.
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
"""Neurons (times samples) from which T×T moments of long sequences and the replay are taken; moments of few steps use more."""

TINY = 1e-300
"""Stands for the variance of weights that are all zero, which a gain must not be."""

ENTRIES = 2**21
"""Numbers that a T×T moment is computed from at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """One layer. `rate`, `var_h`, `grad` [T, B]: per step and sample (`grad`: mean of (∂L/∂H)², absolute). `slope2` [T]:
    E[f'²]. [T, T] over neurons and samples, None where unknown: `spikes` E[S S], `current` E[I I] with `current_mean` [T],
    `input` E[x x] of what the weights multiply, `grad_spikes` E[δS δS].
    `direct`: the weights' output is the neuron's current, to the last bit; where its input is known `current` is left out.
    `gain` fan_in · Var(W), `gain_out` fan_out · Var(W) and `bias_var`, second moments about zero; 1, 1, 0 where no single
    weight feeds the layer."""

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
        for layer in layers:  # let go of the graph
            layer.calls = [type(call)(call.x.detach(), call.spikes.detach()) for call in layer.calls]
            layer.way.operations.clear()
            layer.record.calls = layer.calls
    return found


class Seen(NamedTuple):
    """One layer on one forward pass: arguments of its spike function and spikes, [T, B, …], and E[x x] of what its weights
    multiply, [T, T], None where unknown."""

    h: Tensor
    s: Tensor
    input: Floats | None


def seen(model: nn.Module, example: Any, index: int, run: Run) -> Seen:
    """What layer `index` does now: no backward pass, and no other layer is looked at. The model is left as it was."""
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
    if reading is not None and through is not None and through != reading.detach:
        note = _joined(note, f"its reset is {'' if through else 'not '}detached, against what it declares")
        reading = replace(reading, detach=through)
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
        **_weights(layer),
    )


def _as_run(found: Found, x: Tensor, take: Any, slope: Tensor) -> Found:
    """The surrogate with what only this run shows: a library may compute it badly in the model's own precision."""
    bad = slope.isnan()
    if not bool(bad.any()):
        return found
    where = _flat(x)[:, take][bad]
    span = f"{float(where.min()):.3g} to {float(where.max()):.3g}"
    note = f"its gradient is NaN in {str(x.dtype).removeprefix('torch.')} for x from {span}"
    return replace(found, notes=(*found.notes, note))


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
    """The reading if the neuron was seen to do that."""
    if layer.record.library is None:
        found = identified(sample)
        return found, "" if found else "its charge and reset are none that the registry holds"
    if reading is None or reading.statement is None:
        return reading, note
    held = agrees(reading, sample)
    if held is None:
        return replace(reading, statement=None), _joined(note, "its current cannot be seen")
    if not held:
        return replace(reading, statement=None), _joined(note, f"{layer.neuron} does not do what its attributes say")
    return reading, note


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _currents(layer: Layer, recorder: Recorder) -> Tensor | None:
    """What came in at each step: the neuron's input, or the output of the weights where there is no neuron module."""
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
    """[T, …]: what the weights multiply; positions beyond a zero padding counted as zeros."""
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
    """The mean share of a kernel's taps that lie on the input and not on its zero padding."""
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
    """Columns evenly over neurons and samples: a stride that shares no factor with powers of two."""
    count = tensor[0].numel()
    if count <= most:
        return slice(None)
    stride = count // most
    return torch.arange(0, count, stride | 1)[:most]


def _second(tensor: Tensor, *, exact: bool = False) -> Floats:
    """`exact`: entries are 0 and 1, whose sums float32 holds."""
    flat = _flat(tensor)
    flat = flat[:, _columns(tensor, max(COLUMNS, ENTRIES // len(flat)))]
    flat = flat if exact and flat.dtype == torch.float32 else flat.double()
    return (flat @ flat.T).double().numpy() / flat.shape[1]


def _numpy(tensor: Tensor) -> Floats:
    return tensor.detach().double().cpu().numpy()
