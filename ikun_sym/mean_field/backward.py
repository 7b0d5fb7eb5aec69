"""The backward recursion of one randomisation, layer by layer, in log scale.

Random losses: the gradient δS at a layer's spikes is Gaussian with covariance G,

    E[δH δHᵀ] = E[A G Aᵀ],    G ← fan_out Var(W) · Fᵀ E[δH δHᵀ] F        (F: synapse and decay of the current)

with G = 1 (white) or all ones in time (rate) at the last layer.

Summed spikes: δS = 1 at the last layer is no random vector. W appears in the forward pass too, so that below it
Wᵀ δI has, beside the Gaussian part, a part that is linear in the spikes: Σ_i W_ij δI_i[s], with E[W_ij | I_i] =
Var(W) S_jᵀ C⁻¹ I_i by regression on the Gaussian current I_i of covariance C (equivalently Σ_t nVar(W) E[∂δI[s]/∂I[t]] S_j[t],
the derivative taken through the spikes). Hence δS = g + M S with g Gaussian of covariance G and independent of S,

    δH = A (g + M S),   G ← fan_out Var(W) Fᵀ E[δH δHᵀ] F,   M ← fan_out Var(W) Fᵀ E[δH zᵀ] L⁺ F,   C = L Lᵀ, I = L z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import NoSolutionError
from .covariance import Floats, square_root
from .infinite_network import TimeModel
from .layer_law import SampledLaw
from .neuron_sample import Trajectory
from .transport import Transport

RANK = 1e-9
"""Singular values of L below this share of the largest are zero: square_root keeps none between 0 and 1e-6."""

SETTLED = 1e-12
"""A state that changes by less, relatively, from one layer to the next that has the same law, is the map's eigenvector."""


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """`log_total` [L]: log of Σ_t E[δH[t]²]; `shares` [L, T, T]: E[δH[t] δH[s]] over that sum."""

    log_total: Floats
    shares: Floats

    @property
    def split(self) -> Floats:
        """[L, T]: what each step has of the sum."""
        return np.diagonal(self.shares, axis1=1, axis2=2)


@dataclass(frozen=True, kw_only=True)
class State:
    """δS = exp(log_scale/2) · (g + (mean + coupling S)), g of covariance `noise`."""

    noise: Floats
    coupling: Floats
    mean: Floats
    log_scale: float = 0.0

    def rescaled(self) -> State:
        size = float(np.trace(self.noise))
        if not 0 < size < np.inf:
            return self
        root = np.sqrt(size)
        return State(
            noise=self.noise / size,
            coupling=self.coupling / root,
            mean=self.mean / root,
            log_scale=self.log_scale + float(np.log(size)),
        )

    def near(self, other: State) -> bool:
        """The same up to scale."""
        return all(
            np.abs(ours - theirs).max() <= SETTLED
            for ours, theirs in ((self.noise, other.noise), (self.coupling, other.coupling), (self.mean, other.mean))
        )


def initial(model: TimeModel) -> State:
    steps = model.steps
    nothing, none = np.zeros((steps, steps)), np.zeros(steps)
    if model.loss == "summed":
        return State(noise=nothing, coupling=nothing, mean=np.ones(steps))
    return State(noise=model.loss_covariance, coupling=nothing, mean=none)


@dataclass(frozen=True, eq=False)
class LayerAdjoint:
    """What one layer does to a State: made once per layer, and once for all layers of a fixed point."""

    model: TimeModel
    law: SampledLaw
    drive: Floats

    @cached_property
    def _transport(self) -> Transport:
        return self.law.transport(self.drive)

    @cached_property
    def _trajectory(self) -> Trajectory:
        return self.law.trajectory(self.drive)

    def step(self, state: State, layer: int = 1) -> tuple[Floats, State]:
        """(E[δH δHᵀ] in units of exp(log_scale), the state below) of the layer with this number: it
        matters where the weights of several layers differ."""
        carried = self._transport.apply(state.noise) if state.noise.any() else np.zeros_like(state.noise)
        coupling = np.zeros_like(state.coupling)
        if state.mean.any() or state.coupling.any():
            directed, coupling = self._directed(state)
            carried, coupling = carried + directed, self.model.backward_gain(layer) * coupling
        noise = self.model.returned(carried, layer)
        return carried, replace(state, noise=noise, coupling=coupling, mean=np.zeros_like(state.mean))

    def _directed(self, state: State) -> tuple[Floats, Floats]:
        """What the part of δS that is no noise adds to E[δH δHᵀ], and the coupling to the spikes of the layer below
        for fan_out Var(W) = 1."""
        spikes, points = self._trajectory.s, self.law.gradient_points
        samples = points.shape[1]
        grad_s = state.mean[:, None].astype(spikes.dtype) + state.coupling.astype(spikes.dtype) @ spikes
        grad_h = self._trajectory.adjoint(grad_s)
        with_points = (grad_h @ points.T).astype(float) / samples
        through = self.model.dynamics.input_gain * self.model.filter
        regression = np.linalg.pinv(square_root(self.drive), rcond=RANK)
        coupling = through.T @ with_points @ regression @ through
        return (grad_h @ grad_h.T).astype(float) / samples, coupling


def descend(model: TimeModel, law: SampledLaw, drives: Sequence[Floats]) -> Gradients:
    """From the last layer to the first. `drives`: the currents' covariances of the first layers; the last of them is that
    of all further layers."""
    log_total, shares = np.full(model.depth, -np.inf), np.zeros((model.depth, model.steps, model.steps))
    state, adjoint, layer = initial(model), None, model.depth - 1
    alike = len(set(model.gains_out)) == 1
    while layer >= 0:
        level = min(layer, len(drives) - 1)
        if adjoint is None or level < len(drives) - 1:
            adjoint = LayerAdjoint(model, law, drives[level])
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            carried, raw = adjoint.step(state, layer + 1)
        total = float(np.trace(carried))
        if not np.isfinite(total):
            raise NoSolutionError(
                f"{model.neuron.surrogate.spec}, {model.steps} steps",
                "within one layer gradients grow beyond float64",
                "detach the reset, take fewer steps or a flatter surrogate",
            )
        if not total > 0:
            break
        log_total[layer], shares[layer] = state.log_scale + np.log(total), carried / total
        below = raw.rescaled()
        if alike and layer > level and below.near(state):
            # an eigenvector of the layer's map: all layers above the last new one multiply it by the same factor
            factor, count = below.log_scale - state.log_scale, layer - (len(drives) - 1)
            for further in range(layer - count, layer):
                log_total[further] = log_total[layer] + factor * (layer - further)
                shares[further] = shares[layer]
            below, layer = replace(below, log_scale=below.log_scale + factor * count), layer - count
        state, layer = below, layer - 1
    return Gradients(log_total=log_total, shares=shares)
