"""The flags that describe a network, one definition for all commands, and what they mean to the theory.

Light: `ikun --help` reads these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..catalogue.neuron_fields import NAMES, NEURON_FIELDS, Field
from ..errors import IkunError
from .console import option

if TYPE_CHECKING:
    from ..mean_field.infinite_network import TimeModel

KNOWN = "dense, conv1d, conv2d, csnn, residual, recurrent, each with parameters: conv2d:size=16,padding=circular."
"""Of the help page, which imports no catalogue; a test compares it with the registry."""

SCHEME = "critical"
"""Of a network that the user describes without saying where its weights come from."""

_BEFORE = (
    Field("arch", str, "dense", KNOWN, metavar="SPEC"),
    Field("depth", int, 20, "Layers L."),
    Field("steps", int, 1, "Time steps T."),
)
_AFTER = (
    Field("scheme", str, None, "Initialisation scheme; an unknown name lists them all."),
    Field("gain", float, None, "fan_in · Var(W) instead of a scheme."),
    Field("alpha", float, 1.0, "α of IKUN's Theorem 1, for IKUN's schemes."),
    Field("second_moment", float, None, "σ_X² for IKUN's schemes, if it is not the stationary one."),
    Field("input_rate", float, 0.5, "Firing rate of the inputs, or the value of a constant input."),
    Field("input", str, "poisson", "poisson: spikes; constant: the same value at every step."),
    Field(
        "loss",
        str,
        "white",
        "white: a random gradient at each step; rate: the same at every step; summed: the sum of all spikes.",
    ),
    Field("bias", float, 0.0, "Standard deviation of the biases."),
)
_WIDTH = Field("width", int, 512, "Neurons of every layer.")

MODEL_FLAGS = tuple(option(field) for field in (*_BEFORE, *NEURON_FIELDS, *_AFTER))

WIDTH = option(_WIDTH)

MODEL_DEFAULTS = {field.name: field.default for field in (*_BEFORE, *NEURON_FIELDS, *_AFTER, _WIDTH)}

PLAIN = ("arch", "depth", "steps", "input", "input_rate", "loss")
"""Words of a network that are called as the theory calls them, those of its neuron aside."""


def described(flags: dict[str, Any]) -> dict[str, Any]:
    """The fields of a network, `gain` aside. Error: an architecture that is not known."""
    from ..catalogue.architectures import parse_architecture
    from ..reading.neuron import LARGEST, Neuron, check_scale

    parse_architecture(flags["arch"])
    if flags["gain"] is not None and flags["scheme"] is not None:
        raise IkunError("give --gain or --scheme, not both")
    if not flags["bias"] >= 0:
        raise IkunError(f"bias = {flags['bias']} is not allowed; it is a standard deviation: zero or a positive number")
    check_scale("bias", flags["bias"], LARGEST)
    neuron = Neuron.of(**{name: flags[name] for name in NAMES})
    return {"neuron": neuron, "bias_var": flags["bias"] ** 2} | {name: flags[name] for name in PLAIN}


class Described(NamedTuple):
    """The network of infinite width, and what to tell the user of it."""

    model: TimeModel
    notes: list[str]


def model_of(flags: dict[str, Any], fan_out: float | None) -> Described:
    """What the theory sees of the flags."""
    from ..catalogue.architectures import parse_architecture
    from ..mean_field.infinite_network import TimeModel
    from ..schemes.fan import Fan, fan_of

    fields, notes = described(flags), []
    topology = parse_architecture(flags["arch"])
    dense = Fan.of(flags["width"], fan_out)  # of neurons, or of channels
    fan = fan_of(topology, flags["width"], dense.fan_out)
    if flags["gain"] is None:
        from ..schemes.for_network import weights_of

        network = {name: fields[name] for name in ("neuron", "steps", "arch", "depth", "bias_var")}
        found = weights_of(
            flags["scheme"] or SCHEME, fan, **network, alpha=flags["alpha"], second_moment=flags["second_moment"]
        )
        fields, notes = fields | found.fields, list(found.notes)
    else:
        fields["gain"] = flags["gain"]
        if fields["neuron"].surrogate.unit:
            fields["surrogate"], told = _unit_amplitude(fields, fan.fan_out / fan.fan_in)
            notes = [told]
    return Described(TimeModel.of(**fields, gain_out=fields["gain"] * fan.fan_out / fan.fan_in), notes)


def _unit_amplitude(fields: dict[str, Any], ratio: float) -> tuple[Any, str]:
    """The surrogate with the amplitude at which gradients keep their size in this network, and what to tell of it."""
    from ..mean_field.infinite_network import TimeModel
    from ..schemes.gradient_factor import with_unit_amplitude

    bound = with_unit_amplitude(TimeModel.of(**fields), ratio)
    return bound, f"amplitude unit gives the surrogate: {bound.spec}"
