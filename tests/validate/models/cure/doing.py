"""Does what a diagnosis advises, from its sentence alone: the parameter that it names, the number that it prints, the call.

An advice may be two: a change by hand, and the call of `initialise_` that makes it. Each is a `Deed` on a fresh network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ikun_validate import initialise_
from ikun_validate.models.diagnosis import Diagnosis, LayerReport

from ..reading import twins

Act = Callable[[nn.Module, Any], Any]
"""(network, example input): in place; what a call returns."""


@dataclass(frozen=True, kw_only=True)
class Deed:
    """`call`: it is a call of `initialise_`, which claims to do it all: the network must be healthy then."""

    act: Act
    call: bool = False


NUMBER = r"([-+.\de]*\d)"
NAME = r"([\w.]+\w)"
CALL = re.compile(r'or call initialise_\(model, x(?:, "(?P<scheme>\w+)")?(?:, rate=(?P<rate>[\d.]+))?\), ')

POINTERS = re.compile(r"cure layer (\d+) first")
"""Advice that names another layer; the cure is that layer's."""

BEYOND = (
    "give it a positive threshold", "give the norm a weight of its own", "give an input that is not zero",
    "look at what lies between", "choose another surrogate", "raise its input", "choose a surrogate",
)  # fmt: skip
"""Advice that neither a call nor one line with a number can follow: the user has to decide."""


def deeds(found: Diagnosis, layer: LayerReport) -> list[Deed]:
    """What the advice for this layer asks for. Error: a sentence that is not understood."""
    call = CALL.search(layer.advice)
    result = [] if call is None else [Deed(act=_calling(call["scheme"] or "default", call["rate"]), call=True)]
    for pattern, make in HANDS if not POINTERS.search(layer.advice) else []:
        if match := re.search(pattern, layer.advice):
            return [*result, Deed(act=make(match, found, layer))]
    assert result or POINTERS.search(layer.advice) or layer.advice.startswith(BEYOND), f"not understood: {layer.advice}"
    return result


def _calling(scheme: str, rate: str | None) -> Act:
    return lambda model, x: initialise_(model, x, scheme, None if rate is None else float(rate))


def _rows(match: re.Match[str], found: Diagnosis) -> list[LayerReport]:
    """Layers whose weights a sentence names, one name or `first … last`."""
    names = list(dict.fromkeys(one.weight for one in found.layers))
    if match["count"]:
        names = names[names.index(match["first"]) : names.index(match["last"]) + 1]
        assert len(names) == int(match["count"]), f"which weights? {match[0]}"
    else:
        names = [match["only"]]
    return [next(one for one in found.layers if one.weight == name) for name in names]


WHICH = r"(?:the weights of (?P<count>\d+) layers \((?P<first>[\w.]+) … (?P<last>[\w.]+)\)|(?P<only>[\w.]+))"


def _multiply(match: re.Match[str], found: Diagnosis, _: LayerReport) -> Act:
    rows, factor = _rows(match, found), float(match["factor"])

    def act(model: nn.Module, x: Any) -> None:
        for row in rows:
            model.get_parameter(row.weight).mul_(factor)
            if "with biases 0" in match.string:
                _unbiased(model, row.weight)

    return act


def _bring(match: re.Match[str], found: Diagnosis, _: LayerReport) -> Act:
    rows, wanted = _rows(match, found), float(match["wanted"])

    def act(model: nn.Module, x: Any) -> None:
        for row in rows:
            assert row.gain is not None
            model.get_parameter(row.weight).mul_(math.sqrt(wanted / row.gain))
            if "with biases 0" in match.string:
                _unbiased(model, row.weight)

    return act


def _unbiased(model: nn.Module, weight: str) -> None:
    """Its layer's: of the same module, or under the same number in another list."""
    last = weight.rpartition(".")[2]
    owner = weight.partition(".parametrizations")[0] if ".parametrizations" in weight else weight.rpartition(".")[0]
    for name, p in model.named_parameters():
        numbered = last.isdigit() and name.rpartition(".")[2] == last
        if p.ndim == 1 and (numbered or name == f"{owner}.bias"):
            p.zero_()


def _set(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    pairs = re.findall(rf"{NAME} to {NUMBER}", match[0])

    def act(model: nn.Module, x: Any) -> None:
        for name, value in pairs:
            model.get_parameter(name).fill_(float(value))

    return act


def _subtract(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    return lambda model, x: model.get_parameter(match[2]).sub_(float(match[1]))


def _centre(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    def act(model: nn.Module, x: Any) -> None:
        weight = model.get_parameter(match[1])
        kept_in_out = isinstance(model, twins.Kept) and not isinstance(model, twins.CellOwned)
        weight -= weight.mean(dim=0 if kept_in_out else tuple(range(1, weight.ndim)), keepdim=True)

    return act


def _feeding(factor: Callable[[re.Match[str]], float]) -> Callable[[re.Match[str], Diagnosis, LayerReport], Act]:
    """All parameters of the layer, which a `Net` keeps under its place in lists."""

    def make(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
        def act(model: nn.Module, x: Any) -> None:
            for name, p in model.named_parameters():
                if str(layer.layer - 1) in name.split("."):
                    p.mul_(factor(match))

        return act

    return make


def _feeding_all(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    places = {str(place - 1) for place in range(int(match["a"]), int(match["b"]) + 1)}

    def act(model: nn.Module, x: Any) -> None:
        for name, p in model.named_parameters():
            if places & set(name.split(".")):
                p.mul_(float(match["f"]))

    return act


def _behind(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    def act(model: Any, x: Any) -> None:
        model.behind = model.behind * float(match[1])

    return act


def _gradients(match: re.Match[str], found: Diagnosis, layer: LayerReport) -> Act:
    factor, first, last = float(match[1]), int(match[2]), int(match[3])

    def act(model: nn.Module, x: Any) -> None:
        for name, module in model.named_modules():
            places = [one.layer for one in found.layers if one.name == name]
            function = next((n for n in ("surrogate_function", "spike_grad") if callable(getattr(module, n, None))), None)
            if function and places and first <= places[0] <= last:
                changed = _steeper(getattr(module, function), factor)
                if function in dict(module.named_children()):
                    delattr(module, function)
                setattr(module, function, changed)

    return act


def _steeper(function: Any, factor: float) -> Any:
    def changed(u: torch.Tensor) -> torch.Tensor:
        s = function(u)
        return s + (factor - 1) * (s - s.detach())

    return changed


HANDS: list[tuple[str, Callable[[re.Match[str], Diagnosis, LayerReport], Act]]] = [
    (rf"multiply {WHICH} by (?:more than )?(?P<factor>{NUMBER})", _multiply),
    (rf"bring {WHICH} to K = (?P<wanted>{NUMBER}) each", _bring),
    (rf"set {NAME} to {NUMBER}(?: and {NAME} to {NUMBER})?", _set),
    (rf"subtract {NUMBER} from {NAME}", _subtract),
    (rf"centre each neuron's weights in {NAME}", _centre),
    (rf"multiply the weights and biases that feed it by about {NUMBER}", _feeding(lambda match: float(match[1]))),
    (r"raise the weights that feed it", _feeding(lambda match: 10.0)),
    (rf"multiply the weights and biases that feed layers (?P<a>\d+) to (?P<b>\d+) by about (?P<f>{NUMBER})", _feeding_all),
    (rf"multiply its weights and biases by about {NUMBER}", _feeding(lambda match: float(match[1]))),
    (r"lower its weights and biases", _feeding(lambda match: 0.1)),
    (rf"multiply what the norm gives by about {NUMBER}", _behind),
    (rf"multiply what the surrogates return as gradients by about {NUMBER} in layers (\d+) to (\d+)", _gradients),
]
