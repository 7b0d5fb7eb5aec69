"""Every surrogate, one statement each, in the modules of this package.

f'(x), x = H - threshold, is written in u = |x| >= 0 (`piecewise`). `equivalents` names the library functions that are the same,
in the library's own parameters. The tests compare each with the library's real backward pass, and with an independent statement
of it.
"""

from __future__ import annotations

from ...discovery import import_modules
from ..surrogate import SURROGATES, register

__all__ = ["SURROGATES", "register"]

import_modules(__name__, __path__, first=("light_tails", "power_tails", "finite_support", "periodic", "ramps", "asymmetric"))
