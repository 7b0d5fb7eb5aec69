"""The account of a gradient on its way down: its second moment in every layer, and the powers of two that keep it in range."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


class Account:
    """The adjoint is linear: multiplying a gradient by an exact power of two keeps float32 in range at any depth, and the
    exponents keep the account. All of it stays on the gradient's device until `result`: no layer waits for the host."""

    def __init__(self, alive: Tensor, device: torch.device) -> None:
        """`alive`: which samples count, [B]."""
        self._rows = alive.nonzero().squeeze(1).to(device)
        self._entries: list[Tensor] = []
        self._exponent = torch.zeros((), dtype=torch.float64, device=device)
        self.factor = torch.ones((), dtype=torch.float64, device=device)
        """By what the gradient is to be multiplied in the layer that comes next."""

    def enter(self, power: Tensor, neurons: int) -> None:
        """A layer's Σ (∂L/∂h)² over its neurons, [T, B], from the gradient times `factor`."""
        by_step = power.index_select(1, self._rows).mean(dim=-1) / neurons
        self._entries.append(torch.cat([by_step, self._exponent[None]]))
        half = torch.round(torch.log2(by_step.sum()) / 2).nan_to_num(0.0, 0.0, 0.0)  # a gradient of 0 or infinity stays
        self._exponent = self._exponent + half
        self.factor = torch.exp2(-half)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """(log of the mean of (∂L/∂h)² summed over the steps, relative to the last layer [layers]; its split over the steps
        [layers, steps]), the first layer first."""
        entries = torch.stack(self._entries[::-1]).cpu().numpy()
        by_step, exponents = entries[:, :-1], entries[:, -1]
        totals = by_step.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(totals[:, 0]) + 2 * math.log(2) * exponents
            return logs - logs[-1], np.where(totals > 0, by_step / totals, by_step)
