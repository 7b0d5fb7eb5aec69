"""What a network of independent weights takes from an initialisation scheme, at the neurons it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue.schemes.scheme import INDEPENDENT
from ..errors import IkunError
from ..initialise import Initialisation, init_variance
from .fan import Fan

NEURON = ("surrogate", "threshold", "leak", "synaptic_leak", "steps", "reset", "detach", "decay_input")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """`gain` K = fan_in · Var(W); the SPEC to train with; σ_b². `notes`: what a user is told of it."""

    gain: float
    surrogate: str
    bias_var: float
    notes: tuple[str, ...]

    @property
    def fields(self) -> dict[str, Any]:
        """As a network calls them."""
        return {"gain": self.gain, "surrogate": self.surrogate, "bias_var": self.bias_var}


def weights_of(
    scheme: str, fan: Fan, neuron: Mapping[str, Any], *, alpha: float = 1.0, second_moment: float | None = None
) -> Weights:
    """`neuron`: the fields NEURON of a network, and `bias_var`, which a scheme without biases leaves as it is.

    Error: the scheme needs data, or its weights are not independent of mean zero, or its biases are not: these are drawn by
    what measures whole models, and no recursion over layers predicts them.
    """
    given = {name: neuron[name] for name in NEURON}
    found = init_variance(scheme, fan, **given, alpha=alpha, second_moment=second_moment)
    if reason := _beyond(found):
        raise IkunError(f"scheme {found.scheme!r} {reason}; layers here have independent weights of zero mean: give --gain")
    gain = found.variance * fan.fan_in
    notes = [f"scheme {found.scheme}: fan_in · Var(W) = {gain:.6g}"]
    if found.slope is not None:
        notes.append(f"the scheme sets the surrogate: {found.surrogate}")
    bias_var = neuron["bias_var"]
    if found.bias_bound and not bias_var:
        bias_var = found.bias_bound**2 / 3
        notes.append(f"biases: normal, with the variance of the scheme's U(±{found.bias_bound:.4g})")
    return Weights(gain=gain, surrogate=found.surrogate, bias_var=bias_var, notes=tuple(notes))


def _beyond(found: Initialisation) -> str:
    """Why the scheme cannot be drawn layer by layer; "" if it can."""
    if found.needs_data:
        return f"needs data ({found.needs_data})"
    if found.weights != INDEPENDENT:
        return f"has {found.weights} weights"
    if found.mean:
        return f"has weights of mean {found.mean:.4g}"
    return f"sets every bias to {found.bias:.4g}" if found.bias else ""
