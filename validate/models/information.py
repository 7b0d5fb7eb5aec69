"""Whether the inputs of the user's own batch are told apart in each layer, and whether their gradients agree.

A provisional rule, `layer_fate.informative`, not calibrated on training. In a layer inputs are *told apart* if the overlaps of
pairs of samples follow those in the first layer: if the 99 % interval of the alignment (`measuring.pairs`) lies above 0. Where
layers have settled all pairs of different inputs have the same overlap, the fixed point, whatever it is: nothing then follows.
Gradients *agree* if the 99 % interval of their correlation, averaged over pairs, lies above 0, its fixed point. A network
of the right sizes is

    uninformative      if no layer has both.

A layer that has both can learn, and what it learns others can build on. That one has both is necessary, not enough. Intervals
are Student's t with the jackknife's error over samples: with more samples less is indistinguishable, as in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ikun_sym.errors import IkunError, NoTheoryError
from ikun_sym.mean_field.information import Information, information
from ikun_sym.told import Told

from ..layer_fate import agree_from, informative, told_to
from .health import HEALTHY, UNINFORMATIVE, Health
from .measuring.measure import Measured
from .measuring.pairs import LEAST, Estimate, alignment, different, mean_of_pairs
from .patient import Finding
from .prediction import BELOW, INPUT, LayerModel, Predicted
from .quantity import Quantity, half_width, number

RULE = (
    "provisional: uninformative if in no layer both the overlaps of pairs of samples still follow those in layer 1 and the "
    "correlation of their gradients is above 0, by 99 % intervals over samples"
)

NOISE = "the example input is not marked as data: overlaps of noise say nothing about data; give --batch, or data=True"


NOT_MEASURED = Quantity()


@dataclass(frozen=True)
class LayerPairs(Told):
    """One layer. `alignment`: how far its overlaps follow those in layer 1."""

    overlap: Quantity = NOT_MEASURED
    alignment: Quantity = NOT_MEASURED
    gradient_correlation: Quantity = NOT_MEASURED

    @property
    def lowest(self) -> tuple[float, float]:
        """Lower ends of the intervals of alignment and gradient correlation; −∞ where there is none."""
        return _low(self.alignment), _low(self.gradient_correlation)


@dataclass(frozen=True, eq=False)
class Settled(Told):
    """A network whose layers are all like one of the user's, and what theory says of two inputs in it, computed when asked for:
    it costs more than the layer's diagnosis. `reason`: why there is no such network."""

    model: LayerModel | None = None
    reason: str = ""

    @cached_property
    def information(self) -> Information:
        if self.model is None:
            return Information(reason=self.reason)
        try:
            return information(self.model)
        except (ArithmeticError, ValueError) as error:
            return Information(reason=str(error))


@dataclass(frozen=True, kw_only=True)
class Account(Told):
    """`told_to`: inputs are told apart in all layers up to this one, 0 for none. `agree_from`: from this one on gradients agree
    in all, one beyond the last for none. Both count from 1, over layers that are judged; None where nothing is judged, and
    `reason` says why. `uninformative`: no judged layer has both. `theory`: of each layer."""

    shown = ("uninformative", "samples", "told_to", "agree_from", "reason")

    layers: tuple[LayerPairs, ...]
    theory: tuple[Settled, ...]
    samples: int = 0
    told_to: int | None = None
    agree_from: int | None = None
    uninformative: bool = False
    reason: str = ""

    def __str__(self) -> str:
        if self.told_to is None or self.agree_from is None:
            return self.reason
        apart = (
            f"two inputs are told apart up to layer {self.told_to}" if self.told_to else "two inputs are told apart in no layer"
        )
        first = self.agree_from
        agree = "agree in none" if first > len(self.layers) else f"agree from layer {first} on"
        return f"{apart}, their gradients {agree} ({self.samples} samples)"

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("samples", "told_to", "agree_from")} | {
            "summary": str(self),
            "rule": RULE,
            "reason": self.reason or None,
        }


def account(measured: Sequence[Measured], predicted: Sequence[Predicted], health: Health) -> Account:
    """Errors: none; what cannot be said has its reason."""
    count = len(measured)
    if all(one.pairs is None for one in measured):
        reason = NOISE if not any(one.data for one in measured) else "no axis of samples is seen in the layers"
        return Account(layers=(LayerPairs(),) * count, theory=(Settled(reason=reason),) * count, reason=reason)
    theory = tuple(_settled(one, mine) for one, mine in zip(measured, predicted, strict=True))
    sizes = {None if one.pairs is None else len(one.pairs.overlap) for one in measured}
    if len(sizes) > 1:
        return Account(
            layers=(LayerPairs(),) * count, theory=theory, reason="its layers do not all have the same axis of samples"
        )
    assert measured[0].pairs is not None
    kept = different(measured[0].pairs.overlap)
    if len(kept) < LEAST:
        reason = f"{len(kept)} different samples; at least {LEAST} are needed, better 64"
        return Account(layers=(LayerPairs(),) * count, theory=theory, samples=len(kept), reason=reason)
    layers = tuple(_told(one, measured[0], kept) for one in measured)
    judged = [index for index in range(count) if not (health.unused[index] or health.gated[index])]
    found = Account(layers=layers, theory=theory, samples=len(kept))
    if any(layers[index].gradient_correlation.mean is None for index in judged):
        return replace(
            found, reason="the axis of samples of the model's output is not seen: gradients had no readout in common"
        )
    # layers that are not judged are passed over
    apart, agree = np.full((2, count), np.inf)
    for index in judged:
        apart[index], agree[index] = layers[index].lowest
    return replace(
        found,
        told_to=told_to(apart),
        agree_from=agree_from(agree),
        uninformative=bool(judged) and not informative(apart[judged], agree[judged]),
    )


def informed(health: Health, found: Account) -> Health:
    """The verdict on information, which only networks of the right sizes can get."""
    if health.verdict != HEALTHY or not found.uninformative:
        return health
    assert found.told_to is not None
    judged = health.unused | health.gated
    verdicts = tuple(HEALTHY if passed else UNINFORMATIVE for passed in judged)
    places = [index for index, verdict in enumerate(verdicts) if verdict == UNINFORMATIVE]
    at = next((index for index in places if index >= found.told_to), places[-1])
    return replace(health, verdict=UNINFORMATIVE, verdicts=verdicts, at=at)


def finding(found: Account, index: int, at: int) -> Finding:
    """Of a layer of an uninformative network; `at`: the layer that decides."""
    told_to, agree_from, layer = found.told_to, found.agree_from, index + 1
    assert told_to is not None
    assert agree_from is not None
    count, parts = len(found.layers), []
    mean, theory = found.layers[index].overlap.mean, found.theory[at].information
    if told_to < count:
        overlap = f" ({mean:.3g} on average, whatever the pair)" if mean is not None and layer > told_to else ""
        parts.append(
            f"from layer {told_to + 1} on two inputs are no longer told apart: their overlap{overlap} is at its fixed point"
        )
    if agree_from > count:
        parts.append("in no layer do the gradients of two inputs agree")
    elif agree_from > 1:
        parts.append(f"below layer {agree_from} the gradients of two inputs no longer agree")
    if theory.slope is not None and theory.coherence is not None:
        parts.append(
            f"theory: a layer multiplies a small difference of overlaps by {theory.slope:.2g}, the agreement of gradients by "
            f"{theory.coherence:.2g}"
        )
    reach = told_to + count + 1 - agree_from
    return Finding(
        cause="; ".join(["sizes are right, but no layer has both inputs that are told apart and gradients that agree", *parts]),
        advice=f"fewer layers (on this batch at most about {reach}); or shortcuts, a wider surrogate times an amplitude (ikun "
        "design --amplitude unit), more steps, or weights that copy spikes",
    )


def _low(quantity: Quantity) -> float:
    return -math.inf if quantity.low is None else quantity.low


def _told(one: Measured, first: Measured, kept: np.ndarray) -> LayerPairs:
    assert one.pairs is not None
    assert first.pairs is not None
    here = np.ix_(kept, kept)
    overlap, gradient = one.pairs.overlap[here], one.pairs.gradient
    return LayerPairs(
        overlap=_interval(mean_of_pairs(overlap), len(kept)),
        alignment=_interval(alignment(first.pairs.overlap[here], overlap), len(kept)),
        gradient_correlation=NOT_MEASURED if gradient is None else _interval(mean_of_pairs(gradient[here]), len(kept)),
    )


def _interval(estimate: Estimate, samples: int) -> Quantity:
    half = half_width(estimate.se, samples)
    low, high = number(estimate.value - half), number(estimate.value + half)
    return Quantity(mean=number(estimate.value), low=low, high=high)


def _settled(one: Measured, mine: Predicted) -> Settled:
    try:
        return Settled(_dense(one, mine))
    except IkunError as error:
        return Settled(reason=str(error))


def _dense(one: Measured, mine: Predicted) -> LayerModel:
    """NoTheoryError where layers like this one do not settle, or what is known of it does not tell."""
    values = one.layer.values
    if mine.model is None or mine.model.numeric is not None:
        raise NoTheoryError(mine.why or "no theory of two inputs for a surrogate that is in no registry")
    if one.steps > 1:
        raise NoTheoryError(
            "over several steps it is sampled, which costs more than a diagnosis: ikun meanfield --steps tells it"
        )
    if mine.forward not in (BELOW, INPUT) or values is None or values.ndim != 2:
        raise NoTheoryError(
            "only where dense weights alone lie between spikes and the membrane do layers settle at known factors"
        )
    if len(one.layer.way.layers) + one.layer.way.from_input != 1:
        raise NoTheoryError("a shortcut or a sum of branches: layers settle at no state of their own")
    return mine.model
