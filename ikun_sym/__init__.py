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
    from .cli.meanfield_call import meanfield
    from .errors import IkunError
    from .gaussian.moment import evaluate, moment
    from .gaussian.pairs.expected_product import expected_product
    from .gaussian.pairs.pair_moment import pair_moment
    from .schemes.constants import constants
    from .schemes.initialise import init_variance
    from .schemes.joint import joint
    from .schemes.rate_targeted import design
    from .targets import export

_HOME = {
    "moment": "gaussian.moment",
    "evaluate": "gaussian.moment",
    "pair_moment": "gaussian.pairs.pair_moment",
    "expected_product": "gaussian.pairs.expected_product",
    "constants": "schemes.constants",
    "design": "schemes.rate_targeted",
    "joint": "schemes.joint",
    "meanfield": "cli.meanfield_call",
    "init_variance": "schemes.initialise",
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
    "expected_product",
    "export",
    "init_variance",
    "joint",
    "meanfield",
    "moment",
    "pair_moment",
    "register",
]


__getattr__ = lazily(__name__, _HOME)
