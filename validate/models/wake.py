"""Weights under which a neuron shows itself: one that never fires, or always, says nothing of its leak and reset."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from .health import judge
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run
from .measuring.restored import Snapshot
from .plan import AIM, Plan, Wish, arrives, plans_of


def plan_again(model: nn.Module, example: Any, measured: list[Measured], plans: list[Plan], wish: Wish, run: Run) -> list[Plan]:
    """The plans, with those of layers that could not be read made from a run in which they got other weights. The model is
    left as it was. Branches that weights of zero switch off by design stay so."""
    gated = judge(measured).gated
    places = [place for place, plan in enumerate(plans) if plan.gain is None and _can(plan) and not gated[place]]
    if not places:
        return plans
    kept = Snapshot(model)
    try:
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(run.seed)
            for place in places:
                _wake(plans[place].one)
        look = measure(model, example, run)
        # made here, while the weights are those that were measured
        again = plans_of(model, look, wish) if len(look) == len(plans) else plans
    finally:
        kept.give_back()
    for place in places:
        if again[place].gain is not None:
            again[place].change.gain_before = plans[place].one.gain
    return [again[place] if place in places and again[place].gain is not None else plan for place, plan in enumerate(plans)]


def _can(plan: Plan) -> bool:
    one = plan.one
    unread = one.reading is None or one.reading.neuron is None
    return unread and one.layer.writer is not None and one.layer.fan is not None and not plan.knob.norm


def _wake(one: Measured) -> None:
    """Currents of mean 0 and about the threshold's size."""
    layer, second = one.layer, one.input
    assert layer.values is not None
    assert layer.fan is not None
    theta = one.reading.threshold if one.reading is not None and one.reading.threshold > 0 else 1.0
    received = AIM
    if arrives(second):
        assert second is not None
        received = float(np.trace(second)) / len(second)
    layer.write(torch.empty_like(layer.values).normal_(0, theta / math.sqrt(layer.fan.fan_in * received)))
    if layer.bias is not None and layer.bias.is_leaf:
        layer.bias.zero_()
