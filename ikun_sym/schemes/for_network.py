"""What a network of independent weights takes from an initialisation scheme, at the neurons it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue import schemes as words
from ..catalogue.architectures import Dense, parse_architecture
from ..catalogue.schemes.scheme import INDEPENDENT
from ..errors import IkunError
from ..mean_field.infinite_network import TimeModel
from .fan import Fan
from .initialise import Initialisation, init_variance
from .rules import RULES
from .scheme_input import find_scheme

NEURON = ("surrogate", "threshold", "leak", "synaptic_leak", "steps", "reset", "detach", "decay_input")


ROTATIONS = ("orthogonal", "delta-orthogonal")
"""Weights, not independent, that infinite width sees as such: their currents are Gaussian, and what they hand back too."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """`gain` K = fan_in · Var(W); the SPEC to train with; σ_b². `drawn`: how, a key of the catalogue's WEIGHTS. `notes`: what
    a user is told of it. `arch`: the architecture's text, where the scheme changes it."""

    gain: float
    surrogate: str
    bias_var: float
    drawn: str
    notes: tuple[str, ...]
    arch: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """As a network calls them."""
        own = {"gain": self.gain, "surrogate": self.surrogate, "bias_var": self.bias_var}
        return own | ({} if self.arch is None else {"arch": self.arch})


def weights_of(
    scheme: str,
    fan: Fan,
    neuron: Mapping[str, Any],
    *,
    alpha: float = 1.0,
    second_moment: float | None = None,
    predicted: bool = True,
) -> Weights:
    """`neuron`: the fields NEURON of a network, and `bias_var`, which a scheme without biases leaves as it is. `predicted`:
    refuse weights that can be drawn layer by layer but are predicted by no recursion over layers.

    Error: the scheme needs data, or its weights are not of mean zero, or its biases are not: these are drawn by what measures
    whole models.
    """
    given = {name: neuron[name] for name in NEURON}
    found = init_variance(scheme, fan, **given, alpha=alpha, second_moment=second_moment)
    if reason := _beyond(found, predicted):
        raise IkunError(f"scheme {found.scheme!r} {reason}; layers here have independent weights of zero mean: give --gain")
    gain = found.variance * fan.fan_in
    notes = [f"scheme {found.scheme}: fan_in · Var(W) = {gain:.6g}"]
    if found.slope is not None:
        notes.append(f"the scheme sets the surrogate: {found.surrogate}")
    bias_var = neuron["bias_var"]
    if found.bias_bound and not bias_var:
        bias_var = found.bias_bound**2 / 3
        notes.append(f"biases: normal, with the variance of the scheme's U(±{found.bias_bound:.4g})")
    if found.weights != INDEPENDENT:
        notes.append(f"weights: {found.weights}")
    made = Weights(gain=gain, surrogate=found.surrogate, bias_var=bias_var, drawn=found.weights, notes=tuple(notes))
    return _connected(made, scheme, neuron)


def _connected(found: Weights, scheme: str, neuron: Mapping[str, Any]) -> Weights:
    """The same where layers are not dense (`neuron` then has `arch`, and `depth`, 1 if it is not there): a scheme that aims at
    a stationary rate reaches it at other weights there."""
    topology = parse_architecture(neuron.get("arch", "dense"))
    entry, _ = find_scheme(scheme)
    if isinstance(topology, Dense) or not (entry.rule and RULES[entry.rule].stationary):
        return found
    from .rate_targeted_architectures import adapted

    own = {name: neuron[name] for name in NEURON if name != "surrogate"}
    reset = {"v_reset": neuron["v_reset"]} if "v_reset" in neuron else {}
    model = TimeModel(**own, **reset, arch=topology, surrogate=found.surrogate, gain=found.gain, depth=neuron.get("depth", 1))
    change = adapted(topology, model, float(entry.defaults[words.rate]))
    return replace(found, **change.fields, notes=(*found.notes, *change.notes))


def _beyond(found: Initialisation, predicted: bool) -> str:
    """Why the scheme cannot be drawn layer by layer, or `predicted` so; "" if it can."""
    if found.needs_data:
        return f"needs data ({found.needs_data})"
    if predicted and found.weights not in (INDEPENDENT, *ROTATIONS):
        return f"has {found.weights} weights"
    if found.mean:
        return f"has weights of mean {found.mean:.4g}"
    return f"sets every bias to {found.bias:.4g}" if found.bias else ""
