"""Schemes that need data (LSUV and its kin): rescale the user's network on its own input, layer by layer from the first.

`lsuv` searches each layer's factor. If a layer's neurons get all their steps in one call, and their current is the output of
the weights, the search runs while the data pass through: one forward pass serves all such layers. Any other layer costs one
forward pass per trial.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError, NoSolutionError
from ikun_sym.schemes.rate_targeted_over_time import gain_for_input

from ..engines.population import Population
from ..networks import lsuv
from .measuring.measure import Measured, seen
from .measuring.recorded_run import Run, forward
from .measuring.restored import untouched
from .plan import Plan, Wish, arrives, fed_by_spikes
from .prediction import layer_model

CLOSE = 0.005
"""Relative width of the factor's bracket at which the search ends, if every trial is a forward pass."""

OFF = 0.15
"""Relative distance from the target rate beyond which a norm's weight is searched for: the approximation by a current that is
Gaussian and of mean zero is as good as that, several steps included."""

REACH = 0.25
"""Distance of the first two trials in that search, in log factor. Layers drawn by a scheme are near their aim."""

Aim = Callable[[Plan], lsuv.Excess]
"""Gives, for a layer, the function whose root is searched."""

Leave = Callable[[Plan, lsuv.Shown], bool]
"""Whether a layer that shows this is left as it is."""


def to_deviation(wanted: float | None = None) -> Aim:
    """The membrane's standard deviation shall be `wanted` (None: the plan's)."""

    def aim(plan: Plan) -> lsuv.Excess:
        value = plan.deviation if wanted is None else wanted
        if value is None:
            raise IkunError("the plan has no target standard deviation")
        return lsuv.deviation(value)

    return aim


def to_rate(wanted: float) -> Aim:
    """The firing rate shall be `wanted`. Error: a rate not between 0 and ½."""
    excess = lsuv.rate(wanted)
    return lambda plan: excess


def to_planned_rate(plan: Plan) -> lsuv.Excess:
    if plan.rate is None:
        raise IkunError("the plan has no target rate")
    return lsuv.rate(plan.rate)


def aim_of(wish: Wish, plans: list[Plan], correct: bool) -> Aim | None:
    """The aim of this scheme, or of `correct`; None if there is nothing to correct. A scheme that needs data aims at its
    rate or, if it has none, at a membrane of standard deviation 1."""
    rate = None if wish.rate is None else float(wish.rate)
    if wish.critical:
        one_step = all(plan.deviation is not None for plan in plans if plan.gain is not None)
        return None if not correct else to_deviation() if one_step else to_planned_rate
    if wish.scheme.aim == "batch-norm":
        raise IkunError(f"scheme {wish.scheme.name!r} needs data: {wish.scheme.needs_data}; {wish.scheme.advice}")
    if wish.scheme.needs_data or correct:
        return to_rate(rate) if rate is not None else to_deviation(1.0)
    return None


def settle_(model: nn.Module, example: Any, plans: list[Plan], run: Run) -> None:
    """Adapt layers to what the new layers below send them, first to last: those whose input is not the plain spikes of layers
    that fire alike (pooled, summed, dropped out), and those behind a norm. They were planned for what the old network sent,
    which may have been nothing. One forward pass for each, and some more for norms that miss the rate."""
    for index, plan in enumerate(plans):
        one = plan.one
        if plan.gain is None or plan.rate is None or _settled(plan, plans):
            continue
        look = seen(model, example, index, run)
        if plan.knob.norm or (look.input is None and one.current is not None):
            _to_its_rate(model, example, plan, look, run)
        elif not arrives(look.input):
            plan.change.could_not.append("nothing arrives at its weights: they are those of a layer that is fed by its like")
        else:
            assert look.input is not None
            try:
                gain = gain_for_input(layer_model(one).neuron, one.steps, plan.rate, look.input) * one.height**2 / one.passed
            except IkunError as error:
                plan.change.could_not.append(f"not adapted to its input: {error}")
                continue
            plan.knob.scale(math.sqrt(gain / plan.gain))
            plan.gain = plan.change.gain = gain


def _settled(plan: Plan, plans: list[Plan]) -> bool:
    """Whether its weights are right whatever the layers below have become."""
    one, below = plan.one, plan.one.layer.way.layers
    if plan.knob.norm:
        return not plan.knob.there
    if not below or one.layer.writer is None:
        return True
    return fed_by_spikes(one) and all(plans[index].rate == plan.rate for index in below)


def _to_its_rate(model: nn.Module, example: Any, plan: Plan, look: Any, run: Run) -> None:
    """By trials, if it is off: what is between the norm and the neuron (a pool, a sum) changes what the norm sets."""
    assert plan.rate is not None
    found = float(look.s.double().mean())
    if not plan.knob.there or abs(found / plan.rate - 1) <= OFF:
        return
    _alone(model, example, plan, to_rate(plan.rate), run)


def correct_(model: nn.Module, example: Any, plans: list[Plan], aim: Aim, run: Run, leave: Leave | None = None) -> None:
    """Scale what sets the current of each layer in turn, first to last, until it reaches the aim; not where `leave`."""
    left = list(plans)
    passing = True
    while left:
        leading = list(takewhile(_at_once, left)) if passing else []
        factors = _passing(model, example, leading, aim, run, leave) if leading else []
        for plan, factor in zip(leading, factors, strict=False):
            _scale(plan, factor)
        left, passing = left[len(factors) :], bool(factors) or not leading
        if left:  # the first of these does not get its steps in one call
            _alone(model, example, left.pop(0), aim, run, leave)


def _at_once(plan: Plan) -> bool:
    """Whether scaling the currents of a known neuron is the same as scaling the layer's weights."""
    one = plan.one
    bias = one.layer.bias
    known = one.layer.record.library is not None and one.reading is not None and one.reading.neuron is not None
    whole = bias is None or plan.knob.bias is not None or not bool(bias.detach().any())
    return known and one.direct and whole and not plan.knob.norm


def _passing(model: nn.Module, example: Any, plans: list[Plan], aim: Aim, run: Run, leave: Leave | None) -> list[float]:
    """The factors of these layers, found in one forward pass: each layer sees the currents from the layers before it, already
    scaled. The pass stops finding factors at the first layer that does not get all its steps in one call."""
    factors: list[float] = []

    def hook(place: int, plan: Plan) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...] | None]:
        def scaled(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
            current = _whole(plan.one, arguments)
            if current is None or len(factors) != place:
                return None
            with torch.no_grad():
                population = _population(plan.one)
                if leave is not None and leave(plan, population.forward(current.clone())):
                    factors.append(1.0)
                    return None
                factors.append(_factor(plan, lambda plan: lsuv.factor(population, current, aim(plan), _where(plan))))
            return arguments[0] * factors[-1], *arguments[1:]

        return scaled

    hooks = [plan.one.layer.record.module.register_forward_pre_hook(hook(place, plan)) for place, plan in enumerate(plans)]
    try:
        with untouched(model, run.seed):
            forward(model, example, run)
    finally:
        for handle in hooks:
            handle.remove()
    return factors


def _whole(one: Measured, arguments: tuple[Any, ...]) -> Tensor | None:
    """[T, B, n]: the currents of all steps, if the neuron is called with them; else None."""
    step = tuple(one.layer.calls[0].x.shape)
    if not arguments or not isinstance(arguments[0], Tensor):
        return None
    current = arguments[0].detach()
    if tuple(current.shape) != (one.steps, *step) and not (one.steps == 1 and tuple(current.shape) == step):
        return None
    return current.reshape(one.steps, step[0] if len(step) > 1 else 1, -1)


def _population(one: Measured) -> Population:
    """The layer's neurons, for the forward pass only: any surrogate will do."""
    assert one.reading is not None
    assert one.reading.neuron is not None
    return Population(neuron=one.reading.neuron)


def _alone(model: nn.Module, example: Any, plan: Plan, aim: Aim, run: Run, leave: Leave | None = None) -> None:
    """By trials on the whole network."""
    knob, index = plan.knob, plan.one.layer.index
    if leave is not None and leave(plan, seen(model, example, index, run)):
        return
    kept = knob.state()

    @cache
    def shown(log_factor: float) -> lsuv.Shown:
        knob.restore(kept)
        knob.scale(math.exp(log_factor))
        return seen(model, example, index, run)

    def search(plan: Plan) -> float:
        excess = aim(plan)
        return lsuv.root(lambda log_factor: excess(shown(log_factor)), _where(plan), close=CLOSE, reach=REACH)

    factor = _factor(plan, search)
    knob.restore(kept)
    _scale(plan, factor)


def _where(plan: Plan) -> str:
    return f"layer {plan.change.layer}"


def _factor(plan: Plan, search: Callable[[Plan], float]) -> float:
    """The factor that `search` finds, for the least rate that will do if there is none for the rate aimed at; 1 if there is
    none for either, and the report says why."""
    try:
        return search(plan)
    except NoSolutionError as error:
        if plan.least is None or plan.rate is None or plan.least >= plan.rate:
            plan.change.could_not.append(f"not rescaled: {error}")
            return 1.0
        plan.rate = plan.least
        return _factor(plan, search)


def _scale(plan: Plan, factor: float) -> None:
    if factor == 1:
        return
    plan.knob.scale(factor)
    plan.change.correction *= factor
    if plan.norm is not None:
        plan.norm *= factor
    elif plan.change.gain is not None:
        plan.change.gain *= factor**2
