"""Validation on deep random spiking networks: measured forward and backward, compared with theory, judged.

Importing this package is light; torch is loaded when a network is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ikun_sym.lazy import lazily

if TYPE_CHECKING:
    from .models.diagnosis import assert_healthy, diagnose
    from .models.initialise import initialise_
    from .models.watch import Watch
    from .models.watch_lightning import watch_callback
    from .sweeps.sweep import sweep
    from .training.checkpoint import load_weights
    from .training.flatness import flatness
    from .training.train import train
    from .verdicts.judge import validate

_HOME = {
    "validate": "verdicts.judge",
    "diagnose": "models.diagnosis",
    "assert_healthy": "models.diagnosis",
    "initialise_": "models.initialise",
    "Watch": "models.watch",
    "watch_callback": "models.watch_lightning",
    "flatness": "training.flatness",
    "load_weights": "training.checkpoint",
    "train": "training.train",
    "sweep": "sweeps.sweep",
}

__all__ = [
    "Watch",
    "assert_healthy",
    "diagnose",
    "flatness",
    "initialise_",
    "load_weights",
    "sweep",
    "train",
    "validate",
    "watch_callback",
]


__getattr__ = lazily(__name__, _HOME)
