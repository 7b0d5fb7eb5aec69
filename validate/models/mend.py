"""The default of `initialise_`: what is healthy stays exactly as it is, the rest is brought into the band, layer by layer.

From the first layer to the last, each on what the layers below it then send: if its firing rate is in the band of
`default_scheme` it is left. Else all that sets the size of its current, weights and biases, behind a norm those of the norm, is multiplied
by the one factor that gives it the rate AIM on this input. Weights that are all zero, or of one sign, are drawn first: no
factor helps them. A read-out, which answers with its spikes or its membrane, is no layer that others build on: left.

Then the gradient. If on the way through this network, as deep as it is, it vanishes or explodes, all layers get the rate AIM,
where the theory keeps it best. What does not help is taken back, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..networks import lsuv
from .correction import Leave, correct_
from .default_scheme import AIM, DEFAULT, HIGH, LOW, in_band
from .diagnosis import diagnosis_of
from .health import HEALTHY, Health, judge
from .initialised import Initialised
from .knob import knob_of
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run, forward
from .measuring.restored import Snapshot, untouched
from .plan import Change, Plan
from .worse import worse

ONE_SIGN = 1.0
"""|mean| over standard deviation of weights, beyond which all neurons of a layer do the same."""

BAND = f"the band {LOW:g} to {HIGH:g}"


def mended(model: nn.Module, example: Any, run: Run) -> Initialised:
    """In place. Errors: those of `diagnose`."""
    measured = measure(model, example, run)
    before = diagnosis_of(model, measured, run.seed)
    health = judge(measured)
    plans = [_plan(model, one) for one in measured]
    reasons = _left(model, example, measured, health, run)
    turned = [plan for plan in plans if not reasons[plan.one.layer.index] and plan.knob.there]
    _drawn(turned, run.seed)
    correct_(model, example, turned, _aim, run, leave=_healthy)
    now = _changed(measured, turned, model, example, run)
    undone = ""
    if judge(now).verdict != HEALTHY and turned:
        now, undone = _all_at_the_rate(model, example, turned, now, run)
    _say(plans, measured, now, reasons)
    return Initialised(
        scheme=DEFAULT,
        rate=None,
        changes=tuple(plan.change for plan in plans),
        before=before,
        after=before if now is measured else diagnosis_of(model, now, run.seed),
        undone=undone,
        slopes=False,
        laws=(None,) * len(plans),
    )


def _aim(plan: Plan) -> lsuv.Excess:
    return lsuv.rate(AIM)


def _healthy(shown: lsuv.Shown) -> bool:
    return in_band(float(shown.s.double().mean()))


def _plan(model: nn.Module, one: Measured) -> Plan:
    change = Change(layer=one.layer.index + 1, name=one.layer.name, weight=one.layer.weight_name)
    change.surrogate = change.surrogate_before = one.surrogate.label
    if one.layer.writer is not None:
        change.gain_before = one.gain
    return Plan(one=one, change=change, knob=knob_of(model, one))


def _left(model: nn.Module, example: Any, measured: Sequence[Measured], health: Health, run: Run) -> list[str]:
    """Of each layer why it is left whatever its rate; "" where there is no reason."""
    with untouched(model, run.seed):
        answers = _width(forward(model, example, run)[1])
    feeds = {index for one in measured for index in one.layer.way.layers}
    reasons = []
    for one in measured:
        index = one.layer.index
        if health.gated[index]:
            reasons.append("in a branch that weights of zero switch off")
        elif not one.sends:
            reasons.append("a read-out: nobody uses its spikes")
        elif index not in feeds and one.layer.calls[0].x[0].numel() == answers:
            reasons.append("a read-out: its spikes are the answer")
        else:
            reasons.append("")
    return reasons


def _width(output: Any) -> int:
    """Numbers in an answer; 0 if the output is no tensor."""
    while isinstance(output, list | tuple) and output:
        output = output[0]
    return int(output.shape[-1]) if isinstance(output, Tensor) and output.ndim else 0


def _drawn(plans: list[Plan], seed: int) -> None:
    """Normal weights of gain 1 and biases 0 where no factor helps."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for plan in plans:
            values, knob = plan.knob.values, plan.knob
            assert values is not None
            if knob.norm or in_band(float(plan.one.rate.mean())) or not _of_one_sign(values):
                continue
            knob.give(torch.empty_like(values).normal_(0, 1 / math.sqrt(values[0].numel())))
            if knob.bias is not None:
                knob.bias.zero_()
            plan.change.done.append("weights drawn: all were zero, or of one sign, and no factor helps those")


def _of_one_sign(values: Tensor) -> bool:
    spread = float(values.detach().double().std(correction=0))
    return not abs(float(values.detach().double().mean())) < ONE_SIGN * spread


def _changed(measured: list[Measured], plans: list[Plan], model: nn.Module, example: Any, run: Run) -> list[Measured]:
    """The network as it is now; not measured again if nothing was changed."""
    if all(plan.change.correction == 1 and not plan.change.done for plan in plans):
        return measured
    return measure(model, example, run)


def _all_at_the_rate(
    model: nn.Module, example: Any, plans: list[Plan], before: list[Measured], run: Run
) -> tuple[list[Measured], str]:
    """(the network with all layers at AIM, if that is better; what was taken back)."""
    kept, factors = Snapshot(model), [plan.change.correction for plan in plans]
    never: Leave | None = None
    correct_(model, example, plans, _aim, run, leave=never)
    now = measure(model, example, run)
    if judge(now).verdict == HEALTHY or (worse(judge(now), judge(before)) and not worse(judge(before), judge(now))):
        return now, ""
    kept.give_back()
    for plan, factor in zip(plans, factors, strict=True):
        plan.change.correction = factor
    verdict = judge(before).verdict
    return before, f"all layers at the rate {AIM:g}, because the gradient is {verdict}: it is no better then"


def _say(plans: list[Plan], measured: list[Measured], now: list[Measured], reasons: list[str]) -> None:
    """Layer by layer what was done and what was left, and why."""
    relative = judge(now).relative
    for plan, one, after in zip(plans, measured, now, strict=True):
        change, index = plan.change, one.layer.index
        rate = float(after.rate.mean())
        above = [other.layer.index for other in now if index in other.layer.way.layers]
        if len(above) == 1 and relative[above[0]] > 0:
            factor = float(relative[index] / relative[above[0]])
            change.gradient_factor = factor if math.isfinite(factor) else None
        if change.correction != 1 or change.done:
            change.rate = AIM
            change.gain = None if change.gain_before is None else after.gain
            what = f"{plan.knob.name} and its bias" if plan.knob.bias is not None else plan.knob.name
            change.done.append(f"{what} multiplied by {change.correction:.4g}: rate {rate:.3g}, before {one.rate.mean():.3g}")
        elif reasons[index]:
            change.left = reasons[index]
        elif not plan.knob.there and not in_band(rate):
            change.could_not.append(one.layer.computed or f"rate {rate:.3g}, and no single weight or norm sets its current")
        elif in_band(rate):
            change.left = f"rate {rate:.3g}, in {BAND}"
