"""The flags that describe a network, one definition for all commands, and what they mean to the theory.

Light: `ikun --help` reads these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import IkunError
from .console import REAL

if TYPE_CHECKING:
    from ..mean_field.infinite_network import TimeModel

KNOWN = "dense, conv1d, conv2d, csnn, residual, recurrent, each with parameters: conv2d:size=16,padding=circular."
"""Of the help page, which imports no catalogue; a test compares it with the registry."""

SCHEME = "critical"
"""Of a network that the user describes without saying where its weights come from."""

MODEL_FLAGS = (
    click.Option(["--arch"], default="dense", show_default=True, metavar="SPEC", help=KNOWN),
    click.Option(["--depth"], type=int, default=20, show_default=True),
    click.Option(["--steps"], type=int, default=1, show_default=True, help="Time steps T."),
    click.Option(["--leak"], type=REAL, default="0", show_default=True, help="κ; 1 is IF."),
    click.Option(["--reset"], default="hard", show_default=True, help="hard, soft or delayed (snnTorch's default)."),
    click.Option(["--v-reset"], type=REAL, default="0", show_default=True, help="Where the hard reset leaves the membrane."),
    click.Option(["--synaptic-leak"], type=REAL, default="0", show_default=True, help="Of the synaptic current (norse)."),
    click.Option(["--detach/--no-detach"], default=True, show_default=True, help="No gradient through the reset."),
    click.Option(["--threshold"], type=REAL, default="1", show_default=True),
    click.Option(["--surrogate"], default="atan", show_default=True, metavar="SPEC"),
    click.Option(["--scheme"], help="Initialisation scheme; an unknown one lists them all."),
    click.Option(["--gain"], type=REAL, help="fan_in · Var(W) instead of a scheme."),
    click.Option(["--alpha"], type=REAL, default="1", show_default=True, help="IKUN's constant, for IKUN's schemes."),
    click.Option(["--second-moment"], type=REAL, help="σ_X² for IKUN's schemes, if it is not the stationary one."),
    click.Option(["--input-rate"], type=REAL, default="0.5", show_default=True),
    click.Option(["--input"], default="poisson", show_default=True, help="poisson or constant."),
    click.Option(["--loss"], default="white", show_default=True, help="white, rate or summed."),
    click.Option(["--bias"], type=REAL, default="0", show_default=True, help="Standard deviation of the biases."),
    click.Option(["--decay-input/--no-decay-input"], default=False, show_default=True, help="Currents times 1 - leak."),
)

WIDTH = click.Option(["--width"], type=int, default=512, show_default=True, help="Neurons of every layer.")

NEURON = ("arch", "depth", "steps", "leak", "reset", "v_reset", "synaptic_leak", "detach", "threshold", "decay_input")
"""Flags that describe connections, neurons and time and are called as the theory calls them."""

SURROUNDINGS = ("surrogate", "input", "input_rate", "loss")


def described(flags: dict[str, Any]) -> dict[str, Any]:
    """The fields of a network, `gain` aside. Error: an architecture that is not known."""
    from ..catalogue.architectures import parse_architecture

    parse_architecture(flags["arch"])
    if flags["gain"] is not None and flags["scheme"] is not None:
        raise IkunError("give --gain or --scheme, not both")
    return {name: flags[name] for name in NEURON + SURROUNDINGS} | {"bias_var": flags["bias"] ** 2}


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

        found = weights_of(flags["scheme"] or SCHEME, fan, fields, alpha=flags["alpha"], second_moment=flags["second_moment"])
        fields, notes = fields | found.fields, list(found.notes)
    else:
        fields["gain"] = flags["gain"]
    return Described(TimeModel(**fields, gain_out=fields["gain"] * fan.fan_out / fan.fan_in), notes)
