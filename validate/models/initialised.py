"""The report of `initialise_`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ikun_sym.schemes.initialise import Initialisation
from ikun_sym.told import Result

from .diagnosis import Diagnosis
from .plan import Change

Tell = Callable[..., Any]
"""(model, what was measured, seed) to a diagnosis."""


@dataclass(frozen=True, kw_only=True)
class Initialised(Result):
    """What was changed, and the network before and after. `rate`: the target, if it is one for all layers (each change has its
    own). `read_out`: what was done to one without spikes. `undone`: what was taken back, and why; "" if nothing was. `slopes`:
    whether the scheme may set surrogates' slopes. `laws`: of each layer's weights; None where none were drawn."""

    shown = ("scheme", "rate", "changes", "could_not", "undone", "before", "after")

    scheme: str
    rate: float | None
    changes: tuple[Change, ...]
    before: Diagnosis
    after: Diagnosis
    undone: str = ""
    read_out: str = ""
    slopes: bool = True
    laws: tuple[Initialisation | None, ...] = ()

    @property
    def could_not(self) -> list[str]:
        return [f"layer {change.layer} ({change.name}): {what}" for change in self.changes for what in change.could_not]

    @property
    def _aim(self) -> str:
        rates = sorted({change.rate for change in self.changes if change.rate is not None})
        if len(rates) > 1:
            return f", rates {rates[0]:g} to {rates[-1]:g} by neuron"
        return "" if self.rate is None else f", rate {self.rate:g}"

    def lines(self) -> list[str]:
        """The report in a few lines. What was done or refused in several layers alike is said once."""
        changed = [change for change in self.changes if change.gain is not None]
        result = [f"initialise_ {self.scheme}{self._aim}: {len(changed)} of {len(self.changes)} layers"]
        for title, notes in (
            ("left", [(change.left, change.layer) for change in self.changes if change.left]),
            ("done", [(note, change.layer) for change in self.changes for note in change.done]),
            ("could not", [(note, change.layer) for change in self.changes for note in change.could_not]),
        ):
            grouped: dict[str, list[int]] = {}
            for note, layer in notes:
                grouped.setdefault(note, []).append(layer)
            result += [f"{title} ({_places(layers)}): {note}" for note, layers in grouped.items()]
        if self.read_out:
            result.append(f"done (read-out): {self.read_out}")
        if self.undone:
            result.append(f"undone: {self.undone}")
        return [*result, *self._gradient(), f"before: {self.before.summary()}", f"after: {self.after.summary()}"]

    def _gradient(self) -> list[str]:
        """What surrogates that stay as they are mean for the gradient."""
        factors = [change.gradient_factor for change in self.changes if change.gradient_factor is not None]
        if self.slopes or self.undone or not factors:
            return []
        span = f"{min(factors):.3g}" if len(factors) == 1 else f"{min(factors):.3g} to {max(factors):.3g}"
        return [f"surrogates left as they are: from layer to layer, going back, E[δ²] is multiplied by {span}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"layer": c.layer, "weight": c.weight, "K before": c.gain_before, "K": c.gain, "surrogate": c.surrogate}
            for c in self.changes
        ]

    def to_dict(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "rate": self.rate,
            "changes": [change.to_dict() for change in self.changes],
            "undone": self.undone,
            "read_out": self.read_out,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }


def _places(layers: list[int]) -> str:
    return f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers, {layers[0]} to {layers[-1]}"
