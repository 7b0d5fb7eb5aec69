"""Runs whose times are known, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ikun_validate.training.outcome import Outcome


def run(scheme: str, seed: int, time: float | None, *, budget: int = 10, accuracy: float = 0.5, **more: Any) -> Outcome:
    """A run that reaches accuracy 0.9 after `time` epochs, looked at every quarter; None: never."""
    looks = np.arange(1, 4 * budget + 1) / 4
    curve = tuple(
        {
            "epoch": float(at),
            "train_loss": 1.0,
            "train_accuracy": 0.9 if time is not None and at >= time else 0.1,
            "validation_accuracy": 0.5 if at % 1 == 0 else None,
        }
        for at in looks
    )
    trial = {"scheme": scheme, "epochs": budget, "lr": 0.001, "optimizer": "adam"}
    blank: dict[str, Any] = {"inside": (), "health": "", "notes": (), "best_epoch": 0.0, "seconds": 0.0, "before": 0.0}
    known: dict[str, Any] = {"train_accuracy": accuracy, "test_accuracy": accuracy, "purpose": "pair"}
    return Outcome(trial=trial, seed=seed, curve=curve, **blank | known | more)
