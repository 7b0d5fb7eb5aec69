"""Every surrogate, one statement each, in the modules of this package.

f'(x), x = H - threshold, is written in u = |x| >= 0 (`piecewise`). `equivalents` says which function of which library
is the same, in that library's own parameters; the tests compare each with the library's real backward pass, and with an
independent statement of it.
"""

from __future__ import annotations

from ...discovery import import_modules
from ..registry import Registry
from ..surrogate import Surrogate

SURROGATES: Registry[Surrogate] = Registry("surrogate")
register = SURROGATES.register
"""For users' own surrogates: `register(Surrogate(name=…, derivative=…))`, and every command knows it."""

import_modules(__name__, __path__)
