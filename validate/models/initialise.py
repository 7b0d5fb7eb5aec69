"""`initialise_`: initialise the user's own network in place, by any scheme of `ikun init`.

Each layer's weights are drawn for its own fans, threshold, leak, steps and surrogate, as read and measured; the first layer's
for the second moment of the example input. If a scheme sets the surrogate's slope, the neuron gets its own surrogate. The
report says, layer by layer, what could not be done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import sympy as sp
import torch
from torch import Tensor, nn

from ikun_sym.catalogue.schemes import rate as rate_symbol
from ikun_sym.errors import IkunError
from ikun_sym.schemes.initialise import Initialisation
from ikun_sym.schemes.scheme_input import find_scheme

from .correction import aim_of, correct_, refeed_
from .diagnosis import Diagnosis, diagnosis_of
from .draw_weights import draw
from .measuring.measure import measure
from .measuring.recorded_run import Run
from .plan import Change, Plan, Wish, plans_of


@dataclass(frozen=True, kw_only=True)
class Initialised:
    """What was changed, and the network before and after. `laws`: of each layer's weights; None where none were drawn."""

    scheme: str
    rate: float | None
    changes: tuple[Change, ...]
    before: Diagnosis
    after: Diagnosis
    laws: tuple[Initialisation | None, ...] = ()

    @property
    def could_not(self) -> list[str]:
        return [f"layer {change.layer} ({change.name}): {what}" for change in self.changes for what in change.could_not]

    def lines(self) -> list[str]:
        """The report in a few lines. What was done or refused in several layers alike is said once."""
        aimed = "" if self.rate is None else f", rate {self.rate:g}"
        changed = [change for change in self.changes if change.gain is not None]
        result = [f"initialise_ {self.scheme}{aimed}: {len(changed)} of {len(self.changes)} layers"]
        for title, notes in (
            ("done", [(note, change.layer) for change in self.changes for note in change.done]),
            ("could not", [(note, change.layer) for change in self.changes for note in change.could_not]),
        ):
            grouped: dict[str, list[int]] = {}
            for note, layer in notes:
                grouped.setdefault(note, []).append(layer)
            result += [f"{title} ({_places(layers)}): {note}" for note, layers in grouped.items()]
        return [*result, f"before: {self.before.summary()}", f"after: {self.after.summary()}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "rate": self.rate,
            "changes": [change.to_dict() for change in self.changes],
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }


def _places(layers: list[int]) -> str:
    return f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers, {layers[0]} to {layers[-1]}"


def initialise_(
    model: nn.Module,
    example_input: Any,
    scheme: str = "critical",
    rate: float | None = None,
    *,
    alpha: float = 1.0,
    correct: bool = False,
    steps: int | None = None,
    step_by_step: bool = False,
    seed: int = 0,
) -> Initialised:
    """Draw the weights that feed `model`'s spiking layers by `scheme`, in place. Report what changed, before and after.

    scheme: a scheme of `ikun init`, as `name` or `name:param=value,…`. rate: the target firing rate (None: the scheme's own;
    critical: 0.2). alpha: IKUN's constant. correct: afterwards rescale each layer in turn, first to last, until it reaches its
    target on this input (LSUV, arXiv:1511.06422); schemes that are defined this way do so anyway. steps, step_by_step,
    example_input: as for `diagnose`. The weights come from torch's generator, seeded with `seed` for this call only.

    Errors (IkunError): those of `diagnose`; an unknown scheme; a scheme that fits no layer. In these cases nothing is changed.
    """
    entry, own = find_scheme(scheme)
    default = sp.sympify(entry.defaults.get(rate_symbol, sp.nan))
    if rate is None and default.is_Number and default is not sp.nan:  # otherwise it depends on the layer, or there is none
        rate = float(default)
    wish = Wish(scheme=entry, own=own, rate=rate, alpha=alpha)
    run = Run(steps=steps, step_by_step=step_by_step, seed=seed)
    measured = measure(model, example_input, run)
    before = diagnosis_of(model, measured, seed)
    plans = plans_of(measured, wish)
    _demand_some(plans, scheme)
    aim = aim_of(wish, plans, correct)  # may raise: before anything is changed
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for plan in plans:
            _apply(plan)
    _demand_some(plans, scheme)
    if wish.critical:
        refeed_(model, example_input, plans, wish, run)
    if aim is not None:
        correct_(model, example_input, plans, aim, run)
    after = diagnosis_of(model, measure(model, example_input, run), seed)
    laws = tuple(None if plan.gain is None else plan.found for plan in plans)
    changes = tuple(plan.change for plan in plans)
    return Initialised(scheme=scheme, rate=rate, changes=changes, before=before, after=after, laws=laws)


def _demand_some(plans: list[Plan], scheme: str) -> None:
    if not any(plan.gain is not None for plan in plans):
        reasons = dict.fromkeys(reason for plan in plans for reason in plan.change.could_not)
        raise IkunError(f"scheme {scheme!r} cannot be applied to any layer: " + "; ".join(reasons))


def _apply(plan: Plan) -> None:
    layer, change, found = plan.one.layer, plan.change, plan.found
    weight, fan = layer.weight, layer.fan
    if plan.gain is None or found is None or weight is None or fan is None:
        return
    std = math.sqrt(plan.gain / fan.fan_in)
    try:
        draw(weight, found, std)
    except IkunError as error:
        change.could_not.append(str(error))
        plan.gain = None
        return
    change.gain, change.std = plan.gain, std
    _biases(layer.owner, found)
    norm = layer.norm
    if plan.norm is not None and norm is not None and isinstance(norm.weight, Tensor) and isinstance(norm.bias, Tensor):
        nn.init.constant_(norm.weight, plan.norm)
        nn.init.zeros_(norm.bias)
    if plan.spec:
        _set_surrogate(plan)


def _biases(owner: nn.Module | None, found: Any) -> None:
    bias = getattr(owner, "bias", None)
    if isinstance(bias, Tensor):
        nn.init.constant_(bias, found.bias)
        if found.bias_bound:
            nn.init.uniform_(bias, -found.bias_bound, found.bias_bound)


def _set_surrogate(plan: Plan) -> None:
    library = plan.one.layer.record.library
    assert library is not None
    refused = library.set_surrogate(plan.one.layer.record.module, plan.spec)
    if refused:
        plan.change.could_not.append(f"surrogate {plan.spec}: {refused}")
    else:
        plan.change.surrogate = plan.spec
        plan.change.done.append(f"surrogate {plan.spec}")


__all__ = ["Change", "Initialised", "initialise_"]
