"""The default of `initialise_`: leave what is healthy exactly as it is, and bring the rest into the band, layer by layer."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

from ..networks import lsuv
from .correction import correct_
from .default_scheme import DEFAULT
from .diagnosis import diagnosis_of
from .health import judge
from .initialised import Initialised
from .knob import knob_of
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run, forward
from .measuring.restored import untouched
from .plan import Change, Plan

LOW, HIGH = float(os.environ.get("LOW", 0.05)), float(os.environ.get("HIGH", 0.4))
AIM = float(os.environ.get("AIM", 0.1))
HEAD = os.environ.get("HEAD", "leave")


def mended(model: nn.Module, example: Any, run: Run) -> Initialised:
    measured = measure(model, example, run)
    before = diagnosis_of(model, measured, run.seed)
    health = judge(measured)
    plans = [_plan(model, one) for one in measured]
    fed = {index for one in measured for index in one.layer.way.layers}
    with untouched(model, run.seed):
        out = forward(model, example, run)[1]
    classes = out.shape[-1]
    turned = []
    for plan in plans:
        one = plan.one
        if health.gated[one.layer.index]: plan.change.done.append("left: switched off by zeros")
        elif not one.sends: plan.change.done.append("left: read-out")
        elif one.layer.index not in fed and one.layer.calls[0].x[0].numel() == classes and HEAD == "leave": plan.change.done.append("left: head")
        elif not plan.knob.there: plan.change.could_not.append("no knob")
        else: turned.append(plan)

    def aim(plan: Plan) -> lsuv.Excess:
        return lsuv.rate(AIM)

    correct_(model, example, turned, aim, run, leave=lambda shown: LOW <= float(shown.s.double().mean()) <= HIGH)
    now = measure(model, example, run)
    after = diagnosis_of(model, now, run.seed)
    return Initialised(scheme=DEFAULT, rate=None, changes=tuple(plan.change for plan in plans), before=before, after=after,
        undone="", slopes=False, laws=(None,) * len(plans))


def _plan(model: nn.Module, one: Measured) -> Plan:
    layer = one.layer
    change = Change(layer=layer.index + 1, name=layer.name, weight=layer.weight_name)
    change.surrogate = change.surrogate_before = one.surrogate.label
    change.gain_before = one.gain if layer.values is not None else None
    return Plan(one=one, change=change, knob=knob_of(model, one), gain=one.gain)
