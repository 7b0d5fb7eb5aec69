"""Where a watch's numbers go: TensorBoard's writer, a run of Weights & Biases, Lightning. None of them is imported before it is
used, and none is needed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ikun_sym.errors import IkunError

Record = dict[str, Any]

SCALARS = ("rate", "var_h", "grad_rms", "E_g2", "drift", "overlap", "coherence")
"""What is logged of a layer."""

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")
"""Names under which it is installed."""


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


def watch_callback(example_input: Any, **settings: Any) -> Any:
    """A `Callback` for Lightning's Trainer: a Watch on the module that is fitted, which looks after training batches, by global
    step. Its numbers go to the trainer's loggers, what it warns of is a UserWarning. `settings`: those of `Watch`. Once fitting
    has begun, the watch is the callback's `watch`. Error: Lightning is not installed."""
    from .watch import Watch

    base: Any = _callback()

    class WatchCallback(base):
        watch: Watch

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            def log(record: Record) -> None:
                for logger in trainer.loggers:
                    logger.log_metrics(scalars(record), step=record["step"])

            words: dict[str, Any] = {"log": log} | settings
            self.watch = Watch(pl_module, example_input, **words)

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            told = len(self.watch.warnings)
            self.watch(trainer.global_step)
            for text in self.watch.warnings[told:]:
                warnings.warn(text, stacklevel=2)

    return WatchCallback()


def _callback() -> type:
    """Lightning's base class, of the package that the program uses already."""
    for name in sorted(LIGHTNING, key=lambda name: name not in sys.modules):
        try:
            return import_module(name).Callback
        except ModuleNotFoundError:
            continue
    raise IkunError("Lightning is not installed; pip install lightning, or call a Watch in your own loop")
