"""What a layer's neuron is: as its library declares it, or as its run shows it; replayed before it is believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..libraries import Reading
from .currents import currents_of
from .graph import Map
from .layers import Layer
from .neuron_check import Sample, agrees
from .neuron_search import Search, identified
from .surrogate_probe import Floats

MOST_TRIED = 6
"""Candidates for the current that are tried."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """`currents`: at the neuron, one a step, in the graph; None if they were not found. `factor`: what the reading means by
    current is this times those."""

    reading: Reading | None
    note: str = ""
    currents: list[Tensor] | None = None
    factor: float = 1.0


def known_of(layer: Layer, found: Map, take: Any) -> Known:
    """`take`: the columns on which a reading is replayed."""
    return (_by_run if layer.record.library is None else _by_library)(layer, found, take)


def _by_run(layer: Layer, found: Map, take: Any) -> Known:
    known, search = _searched(layer, list(islice(currents_of(layer, found), MOST_TRIED)), take)
    if layer.unlike:
        known = replace(known, reading=None)
        return replace(known, note=f"{_where(layer)}the registry holds no neuron like this: {layer.unlike}")
    if known.reading is None:
        note = f"{_where(layer)}its charge and reset match no neuron of the registry; understood: {search.understood}"
        return replace(known, note=note)
    return known


def _where(layer: Layer) -> str:
    return f"{layer.line}: " if layer.line else ""


def _searched(layer: Layer, candidates: list[list[Tensor]], take: Any) -> tuple[Known, Search]:
    """The first candidate for the current with which a neuron of the registry does what was recorded; else the first."""
    first = Search(understood="its current was not found")
    for place, currents in enumerate(candidates):
        search = identified(_sample(layer, currents, take))
        if search.reading is not None:
            return Known(reading=search.reading, currents=currents, factor=search.factor), search
        if not place:
            first = search
    return Known(reading=None, currents=candidates[0] if candidates else None), first


def _by_library(layer: Layer, found: Map, take: Any) -> Known:
    reading, note = _declared(layer)
    given = _given(layer)
    if layer.unlike:
        without = None if reading is None else replace(reading, neuron=None)
        return Known(reading=without, note=joined(note, layer.unlike), currents=given)
    if reading is None or reading.neuron is None:
        candidates = [*([] if given is None else [given]), *islice(currents_of(layer, found), MOST_TRIED)]
        known, search = _searched(layer, candidates, take)
        if known.reading is None:
            return replace(known, reading=reading, note=joined(note, f"understood: {search.understood}"))
        declared = () if reading is None else reading.declared
        shown = replace(known.reading, declared=declared)
        return replace(known, reading=shown, note=f"{layer.neuron} is not known; read from what it did")
    for currents in _either(given, layer, found):
        for trial in (reading, reading.but(synaptic_leak=0.0)):
            if agrees(trial, _sample(layer, currents, take)):
                return Known(reading=trial, note=note, currents=currents)
    why = "its current could not be recorded" if given is None else f"{layer.neuron} does not behave as its attributes say"
    return Known(reading=replace(reading, neuron=None), note=joined(note, why), currents=given)


def _either(given: list[Tensor] | None, layer: Layer, found: Map) -> Iterator[list[Tensor]]:
    if given is not None:
        yield given
    yield from islice(currents_of(layer, found), MOST_TRIED)


def _declared(layer: Layer) -> tuple[Reading | None, str]:
    assert layer.record.library is not None
    try:
        reading = layer.record.library.read(layer.record.module)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        return None, f"{layer.neuron} could not be read: {error}"
    return reading, joined(reading.note, reading.why)


def _given(layer: Layer) -> list[Tensor] | None:
    """What the module was called with, unless its weights are inside."""
    inside = any(id(layer.record.module) in product.inside for product in layer.products)
    found = [call.current for call in layer.calls]
    return None if inside or any(current is None for current in found) else [c for c in found if c is not None]


def _sample(layer: Layer, currents: list[Tensor], take: Any) -> Sample:
    """Enough of it for the replay of membranes."""
    x = torch.stack([call.x.detach() for call in layer.calls])
    nothing: Floats = np.zeros((0, 0))
    return Sample(
        x=numbers(x.flatten(1)[:, take]),
        spikes=numbers(layer.counts.flatten(1)[:, take]),
        current=numbers(torch.stack([current.detach() for current in currents]).flatten(1)[:, take]),
        slope=nothing,
        grad_spikes=None,
        grad_membrane=nothing,
        rounding=torch.finfo(x.dtype).eps,
    )


def joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def numbers(tensor: Tensor) -> Floats:
    return tensor.detach().double().cpu().numpy()
