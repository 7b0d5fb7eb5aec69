"""ikun: how to initialise spiking neural networks, derived and proved.

Importing this package is light; each public name loads what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .catalogue.surrogate import Surrogate
    from .catalogue.surrogates import register
    from .errors import IkunError
    from .gaussian.moment import evaluate, moment
    from .initialise import init_variance
    from .targets import export
    from .theory.constants import constants

_HOME = {
    "moment": "gaussian.moment",
    "evaluate": "gaussian.moment",
    "constants": "theory.constants",
    "init_variance": "initialise",
    "export": "targets",
    "register": "catalogue.surrogates",
    "Surrogate": "catalogue.surrogate",
    "IkunError": "errors",
}

__all__ = ["IkunError", "Surrogate", "__version__", "constants", "evaluate", "export", "init_variance", "moment", "register"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
