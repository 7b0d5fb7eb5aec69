"""What is measured on a draw and what theory predicts for it: one value a draw, averaged over stationary layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ikun_sym.catalogue.registry import Registry
from ikun_sym.theory.meanfield import Prediction

from .network import Draw

Floats = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Observable:
    """`measure` and `predict` give one value per pair of layers (l, l + 1), l = 1 … L − 1."""

    name: str
    label: str
    measure: Callable[[Draw], Floats]
    predict: Callable[[Prediction], Floats]

    def over(self, values: Floats, layers: Floats) -> float:
        """The mean over the chosen layers; NaN if any of them could not be measured."""
        return float(np.mean(values[layers])) if layers.any() else float("nan")


def _forward(draw: Draw) -> Floats:
    total = draw.var_h.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total[1:] / total[:-1]


def _backward(draw: Draw) -> Floats:
    # The ratios themselves, not their logarithms, which are biased by −(3 m4/m2² − 1)/2n.
    with np.errstate(invalid="ignore", over="ignore"):
        return np.exp(draw.log_gradient[:-1] - draw.log_gradient[1:])


OBSERVABLES: Registry[Observable] = Registry("observable")

OBSERVABLES.register(
    Observable(
        name="backward_factor",
        label="E‖δˡ‖² / E‖δˡ⁺¹‖²",
        measure=_backward,
        predict=lambda prediction: prediction.chi[:-1],
    )
)
OBSERVABLES.register(
    Observable(
        name="forward_factor",
        label="Var(Hˡ⁺¹) / Var(Hˡ)",
        measure=_forward,
        predict=lambda prediction: prediction.forward_factors(),
    )
)
OBSERVABLES.register(
    Observable(
        name="linearised_factor",
        label="Var(Hˡ⁺¹) / (K E[f′²] Var(Hˡ))",
        measure=lambda draw: _forward(draw) / _backward(draw),
        predict=lambda prediction: prediction.forward_factors() / prediction.chi[:-1],
    )
)
