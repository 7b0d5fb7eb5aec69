"""The table of `ikun design`: slopes of one surrogate, each with the amplitude at which the gradient keeps its size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .console import table

if TYPE_CHECKING:
    from rich.console import Console

    from ..schemes.trade_off import Width


def print_trade_off(console: Console, widths: Sequence[Width]) -> None:
    """Nothing where there is none."""
    if not widths:
        return
    rows = [
        (f"{w.slope:.4g}", f"{w.amplitude:.4g}", "" if w.coherence is None else f"{w.coherence:.3f}", f"{w.beta:.3g}")
        for w in widths
    ]
    names = ("slope", "amplitude", "coherence", "β")
    console.print(table("Wider and higher, at the same size of the gradient", names, rows))
    console.print("coherence: what a layer leaves of the correlation of two inputs' gradients")
    console.print("β: times layers over width, the variance of ln‖gradient‖² between draws of the weights")
    console.print("--amplitude unit keeps the slope as given")
