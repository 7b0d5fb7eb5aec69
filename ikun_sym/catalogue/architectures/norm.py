"""Normalisation of the currents by the statistics of a batch. Such networks can be measured; no theory here predicts them."""

from __future__ import annotations

from typing import Any

from .option import choice


def norm() -> Any:
    """Option: normalise a layer's currents W x before they reach the membranes, per neuron (per channel of a convolution).

    batch: batch norm (Ioffe & Szegedy 2015): mean 0 and variance 1 over the batch (and positions), separately at each step.
    tdbn:  threshold-dependent batch norm (Zheng et al. 2021, arXiv:2011.05280): mean 0 and variance θ² over the batch, the
           positions and all steps.

    Either way the scale of the weights cancels.
    """
    return choice("none", "batch", "tdbn")


def reason(kind: str) -> str:
    """Why there is no prediction; "" if there is no normalisation."""
    if kind == "none":
        return ""
    return f"norm={kind} divides the currents by what the batch shows, so that the weights' scale cancels: measured only"
