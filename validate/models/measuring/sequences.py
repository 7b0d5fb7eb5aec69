"""Which calls of spike functions are the steps of one layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from .graph import Map, Way
from .recorder import Call, Recorded, Recorder
from .spike_function import MOST


def nodes_of(call: Call) -> list[Any]:
    return [*call.nodes, *([] if call.sent is None or call.sent.grad_fn is None else [call.sent.grad_fn])]


@dataclass(eq=False)
class _Sequence:
    """`weights`: ids of those that feed it, as far as they have been met."""

    record: Recorded
    calls: list[Call] = field(default_factory=list)
    depth: int = 0
    weights: set[int] = field(default_factory=set)

    def may_go_on(self, record: Recorded, weights: set[int]) -> bool:
        """Whether a call that remembers this one's membrane can be its next step: not behind other weights, where a shortcut
        hands the membrane on from layer to layer. Recurrent weights join after the first step."""
        return self.record is record and not (weights and self.weights and weights.isdisjoint(self.weights))


def sequences_of(recorder: Recorder, found: Map, spikes: dict[Any, int]) -> list[tuple[Recorded, list[Call]]]:
    """The calls, grouped into layers, in the order of their first call.

    A call is the next step of the one whose membrane its own membrane remembers, unless other weights feed it. Where nothing
    is remembered, it belongs to the last one of that module with the same weights, the same shape and the same layers below.
    Calls on membranes that nothing has reached yet are left out: those of code that asks the old membrane first."""
    records = {id(call): record for record in recorder.records.values() for call in record.calls}
    sequences: list[_Sequence] = []
    by_key: dict[Any, int] = {}
    membranes: dict[Any, tuple[int, int]] = {}
    for call in recorder.order:
        record = records.get(id(call))
        if record is None or not call.trunk:
            continue
        weights: set[int] = set()
        if record.library is not None:
            place = by_key.get(id(record), len(sequences))
            if place == len(sequences) and not _reached(found.way(call.trunk[0][0])):
                continue
            by_key[id(record)] = place
        else:
            way = found.way(call.trunk[0][0], membranes)
            if not way.past and not _reached(way):
                continue
            weights = {id(w) for w in way.weights}
            before = [membranes[node] for node in way.past if sequences[membranes[node][0]].may_go_on(record, weights)]
            key = (id(record), tuple(sorted(weights)), tuple(call.x.shape), frozenset(way.layers))
            if before:
                place, depth = max(before)
                sequences[place].depth = max(sequences[place].depth, depth)
            else:
                place = by_key.setdefault(key, len(sequences))
        if place == len(sequences):
            sequences.append(_Sequence(record))
        sequences[place].calls.append(call)
        sequences[place].weights |= weights
        membranes |= {node: (place, depth) for depth, (node, _) in enumerate(call.trunk)}
        spikes |= dict.fromkeys(nodes_of(call), place)
    for sequence in sequences:
        for call in sequence.calls:
            _unscale(call, sequence.depth, found)
    return [(sequence.record, sequence.calls) for sequence in sequences]


def _reached(way: Way) -> bool:
    return bool(way.products or way.layers or way.from_input or way.weights)


def _unscale(call: Call, depth: int, found: Map) -> None:
    """Take H from where the neuron's memory is: an argument that was scaled, x = a H − θ, becomes H − θ/a."""
    value = found.tape.values.get(call.trunk[depth]) if 0 < depth < len(call.trunk) else None
    if value is None or value.shape != call.x.shape:
        return
    h, x = (tensor.detach().double().flatten() for tensor in (value, call.x))
    spread = h - h.mean()
    scale = float(spread @ x / (spread @ spread)) if bool(spread.any()) else 0.0
    if not scale > 0:
        return
    function = call.spike
    call.trunk = call.trunk[depth:]
    call.x = call.x / scale
    if function is not None:
        call.spike = lambda u: function(u * scale)


def are_spikes(calls: list[Call], record: Recorded) -> bool:
    """Whether all outputs are multiples of one number: of a function that gives anything, some may be by chance."""
    if record.library is not None:
        return True
    sizes = torch.cat([one.spikes.detach().abs().flatten() for call in calls for one in (call, *call.others)]).double()
    sizes = sizes[sizes > 0].unique()
    if not len(sizes):
        return True
    counts = sizes / sizes.min()
    return bool((counts - counts.round()).abs().max() < 1e-4) and float(counts.max()) <= MOST
