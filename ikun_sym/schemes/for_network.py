"""What a network of independent weights takes from an initialisation scheme, at the neurons it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..catalogue import schemes as words
from ..catalogue.architectures import Dense, Topology, parse_architecture
from ..catalogue.schemes.scheme import COPYING, INDEPENDENT, Scheme
from ..catalogue.surrogate import Bound
from ..errors import IkunError
from ..mean_field.infinite_network import TimeModel
from ..reading.neuron import Neuron
from .fan import Fan
from .initialise import Initialisation, initialisation
from .rules import RULES
from .scheme_input import Setting, find_scheme
from .stationary import State

ROTATIONS = ("orthogonal", "delta-orthogonal")
"""Weights, not independent, that infinite width sees as such: their currents are Gaussian, and what they hand back too."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """`gain` K = fan_in · Var(W); `copied` c, of weights that copy; the surrogate to train with; σ_b². `drawn`: how, a key of
    the catalogue's WEIGHTS. `notes`: what a user is told of it. `arch`: the architecture's text, where the scheme changes it.
    `state`: as in `Initialisation`."""

    gain: float
    copied: float = 0.0
    surrogate: Bound
    bias_var: float
    drawn: str
    notes: tuple[str, ...]
    arch: str | None = None
    state: State | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """As a network calls them."""
        own: dict[str, Any] = {"gain": self.gain, "surrogate": self.surrogate, "bias_var": self.bias_var}
        own |= {"copied": self.copied} if self.copied else {}
        return own | ({} if self.arch is None else {"arch": self.arch})


def weights_of(
    scheme: str,
    fan: Fan,
    neuron: Neuron,
    *,
    steps: int = 1,
    arch: str | Topology = "dense",
    depth: int = 1,
    bias_var: float = 0.0,
    alpha: float = 1.0,
    second_moment: float | None = None,
    predicted: bool = True,
) -> Weights:
    """For layers of this neuron. `bias_var`: what a scheme without biases leaves as it is. `arch`, `depth`: how the layers are
    connected, and how many there are. `predicted`: refuse weights that can be drawn layer by layer but are predicted by no
    recursion over layers.

    Error: the scheme needs data, or its weights are not of mean zero, or its biases are not: these are drawn by what measures
    whole models.
    """
    entry, own = find_scheme(scheme)
    known = {"steps": steps, "alpha": alpha, "second_moment": second_moment, "own": own}
    topology, told = parse_architecture(arch), neuron.surrogate
    stationary = bool(entry.rule) and RULES[entry.rule].stationary
    # the amplitude of layers that are not dense follows from their own state, unless the scheme looks for that itself
    later = told.unit and not (isinstance(topology, Dense) or stationary or entry.slope)
    asked = neuron.but(surrogate=told.bare) if later else neuron
    found = initialisation(Setting(scheme=entry, fan=fan, neuron=asked, **known))
    if reason := _beyond(found, predicted):
        raise IkunError(f"scheme {found.scheme!r} {reason}; layers here have independent weights of zero mean: give --gain")
    gain = found.variance * fan.fan_in
    notes = [f"scheme {found.scheme}: fan_in · Var(W) = {gain:.6g}"]
    model = TimeModel(neuron=neuron, steps=steps, arch=topology, depth=depth, gain=gain, bias_var=bias_var)
    bound = _with_unit_amplitude(model, fan) if later else found.bound
    if found.slope is not None or told.unit:
        notes.append(f"{'the scheme sets' if found.slope is not None else 'amplitude unit gives'} the surrogate: {bound.spec}")
    if found.bias_bound and not bias_var:
        bias_var = found.bias_bound**2 / 3
        notes.append(f"biases: normal, with the variance of the scheme's U(±{found.bias_bound:.4g})")
    if found.weights != INDEPENDENT:
        notes.append(f"weights: {found.weights}")
    made = Weights(
        gain=gain,
        copied=found.copied,
        surrogate=bound,
        bias_var=bias_var,
        drawn=found.weights,
        notes=tuple(notes),
        state=found.state,
    )
    if isinstance(topology, Dense) or not stationary or found.copied:
        return made
    if not told.unit:
        model = replace(model, neuron=neuron.but(surrogate=bound))
    return _connected(made, entry, replace(model, bias_var=0.0))


def _with_unit_amplitude(model: TimeModel, fan: Fan) -> Bound:
    from .gradient_factor import with_unit_amplitude

    return with_unit_amplitude(model, fan.fan_out / fan.fan_in)


def _connected(found: Weights, scheme: Scheme, model: TimeModel) -> Weights:
    """The same where layers are not dense: a scheme that aims at a stationary rate reaches it at other weights there."""
    from .rate_targeted_architectures import adapted

    change = adapted(model.topology, model, float(scheme.defaults[words.rate]))
    return replace(found, **change.fields, notes=(*found.notes, *change.notes))


def _beyond(found: Initialisation, predicted: bool) -> str:
    """Why the scheme cannot be drawn layer by layer, or `predicted` so; "" if it can."""
    if found.needs_data:
        return f"needs data ({found.needs_data})"
    if predicted and found.weights not in (INDEPENDENT, COPYING, *ROTATIONS):
        return f"has {found.weights} weights"
    if found.mean:
        return f"has weights of mean {found.mean:.4g}"
    return f"sets every bias to {found.bias:.4g}" if found.bias else ""
