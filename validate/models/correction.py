"""What a scheme does once data are there, layer by layer from the first: LSUV and its kin, on the user's network and input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ikun_sym.errors import IkunError
from ikun_sym.theory.normal import quantile_of_upper_tail

from .measure import Measured, measure
from .plan import Plan, Wish, fed_by_spikes
from .prediction import layer_model
from .target import first_gain

CLOSE = 0.02
"""A correction stops when the standard deviation, or the rate, is within this share of its aim."""

ROUNDS = 6
"""Rescalings of a layer at most."""

Aim = Callable[[Plan, Measured], float]
"""The factor that brings the layer's weights nearer; NaN: nothing helps."""


def to_deviation(wanted: float | None = None) -> Aim:
    """Weights over the membrane's standard deviation, times the one wanted (None: the plan's)."""

    def factor(plan: Plan, one: Measured) -> float:
        found, aim = float(one.var_h.mean()) ** 0.5, plan.deviation if wanted is None else wanted
        return aim / found if found > 0 and aim is not None else math.nan

    return factor


def to_rate(wanted: float) -> Aim:
    """As if the membrane were Gaussian: its standard deviation is θ/Q⁻¹(rate)."""

    def factor(plan: Plan, one: Measured) -> float:
        found = float(one.rate.mean())
        if abs(found / wanted - 1) <= CLOSE:
            return 1.0
        if not 0 < found < 0.5:
            return 2.0 if found == 0 else 0.7
        return float(quantile_of_upper_tail(found) / quantile_of_upper_tail(wanted))

    return factor


def aim_of(wish: Wish, plans: list[Plan], correct: bool) -> Aim | None:
    """What this scheme, or `correct`, asks for; None: nothing. A scheme that needs data and has a rate aims at the rate, one
    without at a membrane of standard deviation 1."""
    if wish.critical:
        one_step = all(plan.deviation is not None for plan in plans if plan.gain is not None)
        return None if not correct else to_deviation() if one_step else to_rate(wish.rate or 0.2)
    if wish.scheme.aim == "batch-norm":
        raise IkunError(f"scheme {wish.scheme.name!r} needs data: {wish.scheme.needs_data}; {wish.scheme.advice}")
    rate = wish.rate
    if wish.scheme.needs_data or correct:
        return to_rate(float(rate)) if rate is not None else to_deviation(1.0)
    return None


def refeed_(model: nn.Module, example: Any, plans: list[Plan], wish: Wish, run: dict[str, Any]) -> None:
    """Layers that something else than bare spikes feeds (pooled, summed, dropped) were planned for what the old network sent
    them: now that the layers below are new, their weights are scaled to what these send."""
    for index, plan in enumerate(plans):
        one = plan.one
        if (
            plan.gain is None
            or one.layer.norm is not None
            or one.input is None
            or fed_by_spikes(one)
            or not one.layer.way.layers
        ):
            continue
        now = measure(model, example, **run)[index]
        if now.input is None or now.layer.weight is None or not np.trace(now.input) > 0:
            continue
        assert wish.rate is not None
        gain = first_gain(replace(layer_model(now), bias_var=0.0), wish.rate, now.input)
        with torch.no_grad():
            now.layer.weight.mul_(math.sqrt(gain / plan.gain))
        plan.gain = plan.change.gain = gain


def correct_(model: nn.Module, example: Any, plans: list[Plan], aim: Aim, run: dict[str, Any]) -> None:
    for index, plan in enumerate(plans):
        if plan.gain is None:
            continue
        if plan.one.layer.norm is not None:
            plan.change.could_not.append("not rescaled: batch norm cancels σ_W")
            continue
        for _ in range(ROUNDS):
            one = measure(model, example, **run)[index]
            factor = aim(plan, one)
            if not 0 < factor < math.inf or abs(factor - 1) <= CLOSE:
                break
            assert one.layer.weight is not None
            with torch.no_grad():
                one.layer.weight.mul_(factor)
            plan.change.correction *= factor
        if plan.change.correction != 1 and plan.change.gain is not None:
            plan.change.gain *= plan.change.correction**2
