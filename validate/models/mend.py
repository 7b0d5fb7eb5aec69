"""The default of `initialise_`: what is healthy stays exactly as it is, the rest is brought into the band, layer by layer.

From the first layer to the last, each on what the layers below it then send: if its firing rate is in its band of
`default_scheme` it is left. Else all that sets the size of its current, weights and biases, behind a norm those of the norm,
is multiplied by the one factor that gives it the rate aimed at, on this input. First what no factor helps is seen to: weights
that are all zero, or of one sign, are drawn, and biases that outweigh the weights become 0. A read-out that answers with its
spikes has a band of its own; one whose spikes nobody uses is left. One without spikes is no layer: above layers that were
mended its answers are brought to the size ANSWERS, if they are smaller.

If on the way through this network, as deep as it is, it vanishes or explodes, all layers get the rate aimed
at, where the theory keeps it best. What does not help is taken back, and said. Surrogates stay, but for those so sharp that no
gradient passes (`widen`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import lsuv
from .answers import answers_of
from .correction import correct_, to_planned_rate
from .default_scheme import AIM, ANSWERS, DEFAULT, Band, band_of
from .diagnosis import diagnosis_of
from .health import HEALTHY, Health, judge
from .initialised import Initialised, Tell
from .knob import knob_of
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run
from .measuring.restored import Snapshot
from .plan import Change, Plan, arrives
from .widen import widened
from .worse import worse

ONE_SIGN = 1.0
"""|mean| over standard deviation of weights, beyond which all neurons of a layer do the same."""


def mended(model: nn.Module, example: Any, run: Run, *, undo: bool = True, tell: Tell = diagnosis_of) -> Initialised:
    """In place. `undo`: take everything back if the network is worse by the measures of `diagnose`. Errors: those of it."""
    measured = measure(model, example, run)
    before = tell(model, measured, run.seed)
    health = judge(measured)
    bands = [band_of(one, measured, answers_of(model, example, measured, run).width) for one in measured]
    plans = [_plan(model, one, band) for one, band in zip(measured, bands, strict=True)]
    reasons = [_left(one, health) for one in measured]
    turned = [plan for plan in plans if not reasons[plan.one.layer.index] and plan.knob.there]
    kept = Snapshot(model)
    _redrawn([plan for plan in turned if not bands[plan.one.layer.index].holds(float(plan.one.rate.mean()))], run.seed)

    def healthy(plan: Plan, shown: lsuv.Shown) -> bool:
        return not plan.change.done and bands[plan.one.layer.index].holds(float(shown.s.double().mean()))

    correct_(model, example, turned, to_planned_rate, run, leave=healthy)
    now, undone = _changed(measured, turned, model, example, run), ""
    if judge(now).verdict != HEALTHY and turned:
        now, undone = _all_at_the_rate(model, example, turned, now, run)
    passing = widened(model, example, [plan for plan in plans if not reasons[plan.one.layer.index]], now, run)
    if passing:
        now = measure(model, example, run)
    raised = _raised(model, example, now, run) if any(plan.change.correction != 1 or plan.change.done for plan in plans) else ""
    if undo and (reasons_against := worse(health, judge(now))):
        kept.give_back()
        for plan in plans:
            plan.take_back()
        raised, now, passing = "", measured, {}
        undone = f"the weights made the network worse ({'; '.join(reasons_against)})"
    _say(plans, measured, now, reasons, bands)
    for index, note in passing.items():
        plans[index].change.done.append(note)
    return Initialised(
        scheme=DEFAULT,
        rate=None,
        changes=tuple(plan.change for plan in plans),
        before=before,
        after=before if now is measured else tell(model, now, run.seed),
        undone=undone,
        read_out=raised,
        slopes=bool(passing),
        laws=(None,) * len(plans),
    )


def _plan(model: nn.Module, one: Measured, band: Band) -> Plan:
    change = Change(layer=one.layer.index + 1, name=one.layer.name, weight=one.layer.weight_name)
    change.surrogate = change.surrogate_before = one.surrogate.label
    if one.layer.writer is not None:
        change.gain_before = one.gain
    return Plan(one=one, change=change, knob=knob_of(model, one), rate=band.aim, least=band.low)


def _left(one: Measured, health: Health) -> str:
    """Why it is left whatever its rate; "" where there is no reason."""
    if health.gated[one.layer.index]:
        return "in a branch that weights of zero switch off"
    return "" if one.sends else "a read-out: nobody uses its spikes"


def _raised(model: nn.Module, example: Any, now: list[Measured], run: Run) -> str:
    """What was done to a read-out without spikes above layers that were mended; "" if nothing."""
    found = answers_of(model, example, now, run)
    if found.module is None or not 0 < found.size < ANSWERS:
        return ""
    found.scale(ANSWERS / found.size)
    return f"{found.name} multiplied by {ANSWERS / found.size:.4g}: answers of size {ANSWERS:g}, before {found.size:.3g}"


def _redrawn(plans: list[Plan], seed: int) -> None:
    """Where no factor helps: normal weights of gain 1; biases 0."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for plan in plans:
            values, knob = plan.knob.values, plan.knob
            assert values is not None
            if knob.norm:
                continue
            if _of_one_sign(values):
                knob.give(torch.empty_like(values).normal_(0, 1 / math.sqrt(values[0].numel())))
                plan.change.done.append("weights drawn: all were zero, or of one sign")
            elif knob.bias is None or not _outweighs(plan):
                continue
            if knob.bias is not None:
                knob.bias.zero_()
                plan.change.done.append("biases set to 0")


def _outweighs(plan: Plan) -> bool:
    """Whether biases move the membranes more than the weights do; where nothing arrives yet, than they would at AIM."""
    second = plan.one.input
    received = float(np.trace(second)) / len(second) if second is not None and arrives(second) else AIM
    return plan.one.bias_var > plan.one.gain * received


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
    correct_(model, example, plans, to_planned_rate, run)
    now = measure(model, example, run)
    if judge(now).verdict == HEALTHY or (worse(judge(now), judge(before)) and not worse(judge(before), judge(now))):
        return now, ""
    kept.give_back()
    for plan, factor in zip(plans, factors, strict=True):
        plan.change.correction = factor
    verdict = judge(before).verdict
    return before, f"the rate aimed at in all layers, tried because the gradient is {verdict}: it is no better then"


def _say(plans: list[Plan], measured: list[Measured], now: list[Measured], reasons: list[str], bands: list[Band]) -> None:
    """Layer by layer what was done and what was left, and why."""
    relative = judge(now).relative
    for plan, one, after, band in zip(plans, measured, now, bands, strict=True):
        change, index = plan.change, one.layer.index
        rate = float(after.rate.mean())
        above = [other.layer.index for other in now if index in other.layer.way.layers]
        if len(above) == 1 and relative[above[0]] > 0:
            factor = float(relative[index] / relative[above[0]])
            change.gradient_factor = factor if math.isfinite(factor) else None
        if change.correction != 1 or change.done:
            change.rate = plan.rate
            change.gain = None if change.gain_before is None else after.gain
            what = f"{plan.knob.name} and its bias" if plan.knob.bias is not None else plan.knob.name
            change.done.append(f"{what} multiplied by {change.correction:.4g}: rate {rate:.3g}, before {one.rate.mean():.3g}")
        elif reasons[index]:
            change.left = reasons[index]
        elif not plan.knob.there and not band.holds(rate):
            change.could_not.append(one.layer.computed or f"rate {rate:.3g}, and no single weight or norm sets its current")
        elif band.holds(rate):
            change.left = f"rate {rate:.3g}, in the band {band.low:g} to {band.high:g}"
