"""Everything that an explanation may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from torch import nn

from ikun_sym.errors import IkunError
from ikun_sym.schemes.rate_targeted_over_time import RateTarget, advisable_rate, rate_target

from .health import Health
from .knob import Knob, knob_of
from .measuring.measure import Measured
from .plan import AIM
from .prediction import LayerModel, Predicted, layer_model

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Finding:
    cause: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    net: nn.Module
    measured: Sequence[Measured]
    predicted: Sequence[Predicted]
    health: Health
    factors: dict[Any, float] = field(default_factory=dict)
    """What has been computed of layers that repeat."""
    answers: dict[Any, Any] = field(default_factory=dict)
    """What has been asked of the whole network: every layer asks the same again."""

    def model(self, index: int) -> LayerModel | None:
        """The layer as the theory has it; None where it does not cover it."""
        return self.predicted[index].model

    def once(self, question: Callable[[Patient], T]) -> T:
        """The answer to a question about the whole network."""
        if question not in self.answers:
            self.answers[question] = question(self)
        return self.answers[question]

    def ready(self, index: int) -> LayerModel | None:
        """The layer as `initialise_` takes it, without a mean current, which it removes; None where it cannot be read."""
        return self._ready[index]

    @cached_property
    def _ready(self) -> list[LayerModel | None]:
        return [_or_none(lambda one=one: layer_model(one)) for one in self.measured]

    def below(self, index: int, fate: str) -> int | None:
        """The lowest of the layers that feed this one, or feed those, with this fate."""
        found, waiting = set[int](), [index]
        while waiting:
            new = self.measured[waiting.pop()].layer.way.layers - found
            found |= new
            waiting += new
        return min((place for place in found if place < index and self.health.verdicts[place] == fate), default=None)

    def name(self, parameter: Any) -> str:
        """In the model; "" if it is none of its."""
        return next((name for name, one in self.net.named_parameters() if one is parameter), "")

    def knob(self, index: int) -> Knob:
        return self._knobs[index]

    @cached_property
    def _knobs(self) -> list[Knob]:
        return [knob_of(self.net, one) for one in self.measured]

    def norm(self, index: int) -> str:
        """What the norm in front of a layer is called."""
        return next((word for word in self.measured[index].layer.between if word.endswith("norm")), "a norm")

    def target(self, index: int) -> RateTarget | None:
        """What `initialise_` aims at in this layer; None where it cannot."""
        return self._targets[index]

    @cached_property
    def _targets(self) -> list[RateTarget | None]:
        return [None if model is None else _or_none(lambda model=model: _target(model)) for model in self._ready]


def _target(model: LayerModel) -> RateTarget | None:
    if not model.neuron.threshold > 0:
        return None
    return rate_target(model.neuron, model.steps, advisable_rate(model.neuron, model.steps, AIM))


def _or_none(asked: Callable[[], T | None]) -> T | None:
    try:
        return asked()
    except IkunError:
        return None
