"""Where a watch's numbers go: TensorBoard's writer, a run of Weights & Biases, anything like them. None is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ikun_sym.errors import IkunError

Record = dict[str, Any]

SCALARS = ("rate", "var_h", "grad_rms", "E_g2", "drift", "overlap", "coherence")
"""What is logged of a layer."""


def scalars(record: Record) -> dict[str, float]:
    """`layer/rate`, `layer/grad_rms`, …: one flat name a number, layers by the model's own names."""
    return {f"{layer['name']}/{name}": layer[name] for layer in record["layers"] for name in SCALARS if layer[name] is not None}


def sink(log: Any) -> Callable[[Record], Any]:
    """What takes a record. `log`: None, a function of the record, or whatever has `add_scalar(name, value, step)` (TensorBoard)
    or `log(numbers, step=…)` (Weights & Biases). Error: none of these."""
    if log is None:
        return lambda record: None
    if hasattr(log, "add_scalar"):
        return lambda record: [log.add_scalar(name, value, record["step"]) for name, value in scalars(record).items()]
    if callable(getattr(log, "log", None)):
        return lambda record: log.log(scalars(record), step=record["step"])
    if callable(log):
        return log
    raise IkunError(
        f"log = {log!r} takes no records; give a function of a record, or what has add_scalar (TensorBoard) or log "
        "(Weights & Biases)"
    )
