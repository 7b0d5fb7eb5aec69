"""Infinite-width prediction, layer by layer, at one time step: closed form.

Forward q_{l+1} = K E[X_l²]; backward E[(δ^l)²] = χ_l E[(δ^{l+1})²], χ_l = fan_out Var(W) E[f'(H^l − θ)²]: the moment at
the layer that *feeds* the weights. The backward half needs a readout whose gradient has zero mean over neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layer import Floats, Layer


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Per layer 1 … L. `log_gradient`: log E[(δ^l)²] relative to layer L. `chi`: factor from layer l + 1 to layer l.
    `finite_width`: β/n-weighted spread, Σ over layers l … L−1 of (3 m4/m2² − 1)/n, at width n."""

    var_h: Floats
    mean_x: Floats
    second_moment_x: Floats
    chi: Floats
    log_gradient: Floats
    excess: Floats

    def forward_factors(self) -> Floats:
        """Var(H^{l+1})/Var(H^l), l = 1 … L − 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.var_h[1:] / self.var_h[:-1]

    def spread(self, width: int) -> Floats:
        """Variance of log‖δ^l‖² relative to layer L at this width (Hanin & Nica 2020, extended)."""
        steps = self.excess[:-1] / width
        return np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])


SILENT = 1e-12
"""Below this Var(H), relative to θ² (or absolutely at θ = 0), a spiking layer's rate is zero to double precision."""


def propagate(layer: Layer, gain: float, fan_ratio: float, depth: int, input_second_moment: float) -> Prediction:
    """`gain` K = fan_in · Var(W); `fan_ratio` = fan_out/fan_in; the input has E[x²] = input_second_moment."""
    var_h, mean, second, m2, m4 = (np.zeros(depth) for _ in range(5))
    q = gain * input_second_moment
    floor = SILENT * max(layer.threshold**2, 1e-300)
    for index in range(depth):
        var_h[index] = q
        if q > floor:
            mean[index], second[index] = layer.mean(q), layer.second_moment(q)
            m2[index], m4[index] = layer.gradient_moment(q), layer.gradient_moment(q, 4)
        else:
            at_rest = layer.gradient_moment(floor if floor > 0 else SILENT)
            m2[index], m4[index] = at_rest, at_rest**2
        q = gain * second[index]
    chi = gain * fan_ratio * m2
    with np.errstate(divide="ignore", invalid="ignore"):
        log_chi = np.log(chi[:-1])
        excess = np.where(m2 > 0, 3 * m4 / np.where(m2 > 0, m2, 1) ** 2 - 1, np.inf)
    return Prediction(
        var_h=var_h,
        mean_x=mean,
        second_moment_x=second,
        chi=chi,
        # δ^L itself carries f'(H^L): relative to layer L, layer l has Π χ_j over j = l … L−1
        log_gradient=np.concatenate([np.cumsum(log_chi[::-1])[::-1], [0.0]]),
        excess=excess,
    )
