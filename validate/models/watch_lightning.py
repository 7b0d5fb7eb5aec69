"""A watch for Lightning's Trainer. Lightning is not imported before it is used."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

from ikun_sym.errors import IkunError

from .watch import Watch
from .watch_sinks import Record, scalars

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")
"""Names under which it is installed."""


def watch_callback(example_input: Any, **settings: Any) -> Any:
    """A `Callback` for Lightning's Trainer: a Watch on the module that is fitted, which looks after training batches, by global
    step. Its numbers go to the trainer's loggers, what it warns of is a UserWarning. `settings`: those of `Watch`. Once fitting
    has begun, the watch is the callback's `watch`. Error: Lightning is not installed."""
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
