"""ikun: how to initialise spiking neural networks, derived and proved.

Importing this package is light; each public name loads what it needs when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazily
from .version import __version__

if TYPE_CHECKING:
    from .catalogue.surrogate import Surrogate
    from .catalogue.surrogates import register
    from .errors import IkunError
    from .gaussian.moment import evaluate, moment
    from .initialise import init_variance
    from .targets import export
    from .theory.constants import constants
    from .theory.design import design
    from .theory.joint import joint
    from .theory.meanfield import meanfield

_HOME = {
    "moment": "gaussian.moment",
    "evaluate": "gaussian.moment",
    "constants": "theory.constants",
    "design": "theory.design",
    "joint": "theory.joint",
    "meanfield": "theory.meanfield",
    "init_variance": "initialise",
    "export": "targets",
    "register": "catalogue.surrogates",
    "Surrogate": "catalogue.surrogate",
    "IkunError": "errors",
}

__all__ = [
    "IkunError",
    "Surrogate",
    "__version__",
    "constants",
    "design",
    "evaluate",
    "export",
    "init_variance",
    "joint",
    "meanfield",
    "moment",
    "register",
]


__getattr__ = lazily(__name__, _HOME)
