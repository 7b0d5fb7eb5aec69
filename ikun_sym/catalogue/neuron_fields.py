"""The words that describe a neuron: names, defaults and meaning, for the commands and for `Neuron` itself.

Light: `ikun --help` reads these, so neither sympy nor torch is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A word with its default and its help. `kind`: str, float, int or bool; None as a default means that it is left open, and
    `otherwise` says what holds then. `metavar` stands for the value in help pages."""

    name: str
    kind: type
    default: Any
    help: str
    otherwise: str = ""
    metavar: str | None = None


RESETS_WRITTEN = (
    "hard:v_reset=0, soft, delayed, adaptive:adaptation=0.2,adaptation_leak=0.9, "
    "adaptive-hard:adaptation=0.2,adaptation_leak=0.9,v_reset=0"
)
"""Of the help page, which imports no catalogue; a test compares it with the registry."""

NEURON_FIELDS = (
    Field("surrogate", str, "atan", "The surrogate: stands for the gradient of a spike.", metavar="SPEC"),
    Field(
        "amplitude",
        str,
        None,
        "The surrogate times this constant; unit: such that the gradient's factor per layer is 1, with the slope as given.",
        otherwise="1",
        metavar="A",
    ),
    Field("threshold", float, 1.0, "Firing threshold θ."),
    Field("leak", float, 0.0, "Membrane leak κ; 1 is IF."),
    Field("synaptic_leak", float, 0.0, "Leak of the synaptic current (Norse); 0: no synapse."),
    Field("decay_input", bool, False, "Multiply currents by 1 - κ."),
    Field(
        "reset",
        str,
        "hard",
        f"One of, with their parameters' defaults: {RESETS_WRITTEN}.",
        metavar="SPEC",
    ),
    Field("v_reset", float, None, "Membrane potential after a hard reset.", otherwise="0"),
    Field("detach", bool, True, "Block the gradient through the reset."),
)
"""`v_reset` is a parameter of some resets, `amplitude` of all surrogates, each with a word of its own: it may stand in the SPEC
as well."""

NAMES = tuple(field.name for field in NEURON_FIELDS)

DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in NEURON_FIELDS}
