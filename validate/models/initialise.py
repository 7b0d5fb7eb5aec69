"""`initialise_`: initialise the user's own network in place: its default, or any scheme of `ikun init`.

The default is `mend`. By a scheme, each layer's weights are drawn for its own fans, threshold, leak, steps and surrogate, as
read and measured, the first layer's for the second moment of the example input; then, from the first layer on, for what the
new layers below send. Layers that nothing had reached are read once something does; neurons that never fire, or always, from a
run under other weights. Then come the slopes of the surrogates, if the scheme sets them. After each the network is measured
again, and what made it worse is undone. The report says, layer by layer, what could not be done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch import Tensor, nn

from ikun_sym.catalogue.schemes import rate as rate_symbol
from ikun_sym.errors import IkunError
from ikun_sym.schemes.scheme_input import find_scheme

from .correction import aim_of, correct_, settle_
from .default_scheme import DEFAULT, choice_of
from .diagnosis import Diagnosis, diagnosis_of
from .draw_weights import draw
from .example import INPUT_RATE, example_of
from .health import judge
from .initialised import Initialised, Tell
from .measuring.measure import Measured, measure
from .measuring.recorded_run import Run
from .measuring.restored import Snapshot
from .mend import mended
from .plan import CRITICAL, Change, Plan, Wish, plans_of, settable
from .wake import plan_again
from .worse import worse

DRAWN = 2
"""The place, in the children of the seed, of the stream that the weights are drawn from: not that of the readout."""


def initialise_(
    model: nn.Module,
    example_input: Any = None,
    scheme: str = DEFAULT,
    rate: float | None = None,
    *,
    input_shape: Sequence[int] | None = None,
    input_rate: float = INPUT_RATE,
    alpha: float = 1.0,
    correct: bool = False,
    undo: bool = True,
    steps: int | None = None,
    step_by_step: bool = False,
    seed: int = 0,
) -> Initialised:
    """Draw the weights that feed `model`'s spiking layers by `scheme`, in place. Report what changed, before and after.

    scheme: a scheme of `ikun init`, as `name` or `name:param=value,…`; "default": layers whose rate is in a healthy band are
    left exactly as they are, the others scaled into it, surrogates as they are (`models.mend`). rate: the target firing rate
    (None: the scheme's own; for critical 0.2, or where that is not stable, the lowest advisable rate of each layer's neuron);
    the default with a rate draws the weights of `critical` for it in all layers. alpha: IKUN's constant. correct: afterwards
    rescale each layer in turn, first to last, until it reaches its target on this input (LSUV, arXiv:1511.06422); schemes that
    are defined this way do so anyway. undo: take back a change that makes the network worse by the measures of `diagnose`.
    example_input, input_shape, input_rate, steps, step_by_step: as for `diagnose`. The weights come from torch's generator,
    seeded from `seed` for this call only.

    Errors (IkunError): those of `diagnose`; an unknown scheme; a scheme that fits no layer. Then, and after any other exception
    on the way, the model is as it was.
    """
    example = example_of(model, example_input, input_shape, input_rate, seed)
    run = Run(steps=steps, step_by_step=step_by_step, seed=seed)
    return initialised(model, example, scheme, rate, run, alpha=alpha, correct=correct, undo=undo)


def initialised(
    model: nn.Module,
    example: Any,
    scheme: str,
    rate: float | None,
    run: Run,
    *,
    alpha: float = 1.0,
    correct: bool = False,
    undo: bool = True,
    tell: Tell = diagnosis_of,
) -> Initialised:
    """`initialise_`; `tell` makes what is said of the network before and after, which may cost more than the rest."""
    wish = _wish(scheme, rate, alpha)
    kept = Snapshot(model)
    try:
        if scheme.strip() == DEFAULT and rate is None and not correct:
            return mended(model, example, run, undo=undo, tell=tell)
        return _initialised(model, example, wish, run, scheme=scheme, correct=correct, undo=undo, tell=tell)
    except BaseException:
        kept.give_back()
        raise


def _wish(scheme: str, rate: float | None, alpha: float) -> Wish:
    choice = choice_of(scheme)
    entry, own = find_scheme(choice.scheme)
    wish = Wish(scheme=entry, own=own, rate=rate, alpha=alpha, slopes=choice.slopes)
    default = sp.sympify(entry.defaults.get(rate_symbol, sp.nan))
    if rate is None and not wish.critical and default.is_Number and default is not sp.nan:
        # otherwise it depends on the layer, or there is none
        return Wish(scheme=entry, own=own, rate=float(default), alpha=alpha, slopes=choice.slopes)
    return wish


def _initialised(
    model: nn.Module, example: Any, wish: Wish, run: Run, *, scheme: str, correct: bool, undo: bool, tell: Tell
) -> Initialised:
    measured = measure(model, example, run)
    before = tell(model, measured, run.seed)
    kept = Snapshot(model)
    plans, now = _weights(model, example, measured, wish, run, scheme, correct)
    undone = ""
    if any(plan.spec for plan in plans):
        weights_alone, earlier = Snapshot(model), now
        for plan in plans:
            if plan.spec:
                _set_surrogate(plan)
        now = measure(model, example, run)
        # weights may need their slopes: that both are worse than weights alone counts only where those serve
        if undo and worse(judge(earlier), judge(now)) and not worse(judge(measured), judge(earlier)):
            undone = _undone(weights_alone, undo, earlier, now, "the surrogates' slopes")
            now = earlier
            for plan in plans:
                plan.take_back_slope()
    if not undone and (undone := _undone(kept, undo, measured, now, "the weights")):
        now = measured
        for plan in plans:
            plan.take_back()
    after = before if now is measured else tell(model, now, run.seed)
    _gradient_factors(plans, now)
    rates = {plan.rate for plan in plans if plan.rate is not None}
    return Initialised(
        scheme=choice_of(scheme).text,
        rate=rates.pop() if len(rates) == 1 else None if rates else wish.rate,
        changes=tuple(plan.change for plan in plans),
        before=before,
        after=after,
        undone=undone + (_instead(plans) if undone and not wish.slopes else ""),
        slopes=wish.slopes,
        laws=tuple(None if plan.gain is None else plan.found for plan in plans),
    )


def _weights(
    model: nn.Module, example: Any, measured: list[Measured], wish: Wish, run: Run, scheme: str, correct: bool
) -> tuple[list[Plan], list[Measured]]:
    """(plans, the network with the weights that they ask for). Layers that cannot be read because nothing arrives are planned
    again once layers below have been drawn, as long as that brings some."""
    plans = plan_again(model, example, measured, plans_of(model, measured, wish), wish, run)
    _demand_some(plans, scheme)
    aim = aim_of(wish, plans, correct)  # may raise: before anything is changed
    drawn: set[int] = set()
    while True:
        new = [plan for plan in plans if plan.gain is not None and plan.one.layer.index not in drawn]
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(_stream(run.seed, len(drawn)))
            for plan in new:
                _apply(plan)
        drawn |= {plan.one.layer.index for plan in new}
        _demand_some(plans, scheme)
        settle_(model, example, plans, run)
        now = measure(model, example, run)
        waiting = [index for index, plan in enumerate(plans) if plan.gain is None and index not in drawn]
        again = plans_of(model, now, wish) if waiting and len(now) == len(plans) else []
        if not any(again[index].gain is not None for index in waiting if again):
            break
        for index in waiting:
            plans[index] = again[index]
    if aim is not None:
        for plan in plans:
            if plan.gain is not None and plan.knob.norm:
                plan.change.could_not.append("not rescaled: a norm cancels σ_W")
        correct_(model, example, [plan for plan in plans if plan.gain is not None and not plan.knob.norm], aim, run)
        now = measure(model, example, run)
    for plan in plans:
        if plan.norm is not None and plan.gain is not None and plan.knob.there:
            plan.change.done.append(f"a norm cancels σ_W: the norm's weight set to {plan.norm:.4g}, its bias to 0")
    return plans, now


def _stream(seed: int, count: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=(DRAWN, count)).generate_state(1)[0])


def _undone(kept: Snapshot, undo: bool, before: list[Measured], after: list[Measured], what: str) -> str:
    reasons = worse(judge(before), judge(after)) if undo else []
    if not reasons:
        return ""
    kept.give_back()
    return f"{what} made the network worse ({'; '.join(reasons)})"


def _instead(plans: list[Plan]) -> str:
    """Whether slopes could be set, too."""
    for plan in plans:
        try:
            settable(plan.one)
        except IkunError:
            return ""
    return f"; scheme {CRITICAL!r} sets the slopes of the surrogates, too"


def _gradient_factors(plans: list[Plan], now: list[Measured]) -> None:
    relative = judge(now).relative
    for index, plan in enumerate(plans):
        above = [one.layer.index for one in now if index in one.layer.way.layers]
        if len(above) == 1 and relative[above[0]] > 0:
            factor = float(relative[index] / relative[above[0]])
            plan.change.gradient_factor = factor if math.isfinite(factor) else None


def _demand_some(plans: list[Plan], scheme: str) -> None:
    if not any(plan.gain is not None for plan in plans):
        reasons = dict.fromkeys(reason for plan in plans for reason in plan.change.could_not)
        raise IkunError(f"scheme {scheme!r} cannot be applied to any layer: " + "; ".join(reasons))


def _apply(plan: Plan) -> None:
    layer, change, found = plan.one.layer, plan.change, plan.found
    values, fan = layer.values, layer.fan
    if plan.gain is None or found is None or values is None or fan is None:
        return
    std, weight = math.sqrt(plan.gain / fan.fan_in), torch.empty_like(values)
    try:
        draw(weight, found, std)
    except IkunError as error:
        change.could_not.append(str(error))
        plan.gain = None
        return
    if refused := layer.write(weight):
        change.could_not.append(refused)
        plan.gain = None
        return
    change.gain, change.std = plan.gain, std
    _biases(layer.bias, found)
    if not plan.knob.norm:
        plan.knob.values = weight
    elif plan.norm is not None and plan.knob.there:
        plan.knob.set(plan.norm)


def _biases(bias: Any, found: Any) -> None:
    if isinstance(bias, Tensor) and bias.is_leaf:
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


__all__ = ["Change", "Diagnosis", "Initialised", "initialise_"]
