"""The resets of neurons that never fire, which no run shows."""

from __future__ import annotations

from dataclasses import replace

from ikun_sym.reading.neuron import Neuron

from .layers import Layer
from .neuron_reading import Known, joined


def resets_of_the_silent(layers: list[Layer], read: list[Known]) -> list[Known]:
    """What was read of each layer; a neuron written by hand that never fires before its last step has the reset of those layers
    that do fire, with its threshold and leak, if they have one; else the first that was tried. Either is said."""
    fired = [
        (layer, neuron) for layer, one in zip(layers, read, strict=True) if (neuron := _by_hand(layer, one)) and _fires(layer)
    ]
    found = []
    for layer, one in zip(layers, read, strict=True):
        neuron = _by_hand(layer, one)
        if neuron is None or one.reading is None or _fires(layer):
            found.append(one)
            continue
        alike = [(other, its) for other, its in fired if _constants(its) == _constants(neuron)]
        if alike and all(its.reset == alike[0][1].reset for _, its in alike):
            said = f"it never fires: its reset is taken to be that of layer {alike[0][0].index + 1}"
            one = replace(one, reading=one.reading.but(reset=alike[0][1].reset))
        else:
            said = f"it never fires, so that its reset cannot be told: taken to be {neuron.reset.name}"
        found.append(replace(one, note=joined(one.note, said)))
    return found


def _by_hand(layer: Layer, one: Known) -> Neuron | None:
    return None if layer.record.library is not None or layer.steps == 1 or one.reading is None else one.reading.neuron


def _fires(layer: Layer) -> bool:
    return bool(layer.counts[:-1].any())


def _constants(neuron: Neuron) -> tuple[float, float, bool]:
    return neuron.threshold, neuron.leak, neuron.decay_input
