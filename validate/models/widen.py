"""Wider surrogates where the gradient cannot pass: the one case in which the default of `initialise_` sets them.

Per layer the gradient's second moment is multiplied by K E[f'(H)²], K the gain of weights between layers that fire alike,
Var(H)/p. Where that is below PASSES the surrogate is a needle beside the spread of the membranes: few neurons have a gradient,
and they are others for every sample. A wider one of the same peak mends both: more pass, and those of two samples agree more
(the coherence s_b rises with the width). So the slope is lowered until K E[f'²] = 1. It is never raised: that makes the
gradient's size right and its coherence worse. Where the peak falls as the width grows, as under a kept area, no width may do
it; then the surrogate stays. Libraries give no amplitude of its own to set.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from ikun_sym.errors import IkunError
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.schemes.slope import Slope, slope_of

from .default_scheme import PASSES
from .measuring.measure import Measured, seen
from .measuring.recorded_run import Run
from .measuring.surrogate_probe import Floats
from .plan import Plan, settable

HALVINGS = 16
"""So often the slope is halved before the search gives up."""

CLOSE = 1e-3
"""Relative width of the slope's bracket at which the search ends."""


def widened(model: nn.Module, example: Any, plans: list[Plan], now: list[Measured], run: Run) -> dict[int, str]:
    """In place. What was done, by the number of the layer; empty if nothing was."""
    done: dict[int, str] = {}
    for plan in plans:
        index = plan.one.layer.index
        one = now[index]
        share = passed_on(one)
        if not share < PASSES:
            continue
        spec = _wide_enough(one, np.asarray(seen(model, example, index, run).h.double().numpy()))
        library = one.layer.record.library
        if spec and library is not None and not library.set_surrogate(one.layer.record.module, spec):
            plan.change.surrogate = spec
            done[index] = f"surrogate {spec}, before {plan.change.surrogate_before}: it passed on {share:.2g} of E[δ²], now 1"
    return done


def passed_on(one: Measured) -> float:
    """K E[f'²], K = Var(H)/p. NaN in a layer that is silent."""
    rate = float(one.rate.mean())
    return float(one.var_h.mean()) * float(one.slope2.mean()) / rate if rate > 0 else math.nan


def _wide_enough(one: Measured, h: Floats) -> str:
    """The surrogate with K E[f'²] = 1 at these arguments, its slope in six digits; "" if it cannot be set, or none has it."""
    gain = float(one.var_h.mean()) / float(one.rate.mean())
    try:
        settable(one)
        assert one.surrogate.bound is not None
        family = slope_of(one.surrogate.bound)
        high, low = family.default, family.default / 2
        for _ in range(HALVINGS):
            if gain * _second_moment(family, low, h) >= 1:
                break
            high, low = low, low / 2
        else:
            return ""
        while high - low > CLOSE * low:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if gain * _second_moment(family, middle, h) >= 1 else (low, middle)
        return family.at(float(f"{low:.6g}")).spec
    except IkunError:
        return ""


def _second_moment(family: Slope, slope: float, h: Floats) -> float:
    bound = family.at(slope)
    return float(np.square(FloatFunction(bound.surrogate.derivative, bound.environment)(h.reshape(-1))).mean())
