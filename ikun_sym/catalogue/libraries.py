"""The libraries whose functions are in the catalogue, one statement each: package, release, module."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from .parameter import Param
from .surrogate import Equivalent


def _functions_of(library: str, release: str, home: str) -> Callable[..., Equivalent]:
    """A shorthand for `Equivalent`, for the functions of one module. `version` and `module` override the defaults."""

    def equivalent(
        name: str,
        *params: Param,
        mapping: Mapping[str, sp.Expr] | None = None,
        scale: sp.Expr = sp.S.One,
        note: str = "",
        variant: str = "",
        tag: str = "",
        version: str = release,
        module: str = home,
    ) -> Equivalent:
        return Equivalent(
            library=library,
            version=version,
            path=f"{module}:{name}",
            params=params,
            scale=scale,
            mapping=mapping or {},
            note=note,
            variant=variant,
            tag=tag,
        )

    return equivalent


spikingjelly = _functions_of("spikingjelly", "2.0.0", "spikingjelly.activation_based.surrogate")
snntorch = _functions_of("snntorch", "1.0.0", "snntorch.surrogate")
norse = _functions_of("norse", "1.1.0", "norse.torch.functional.threshold")
sinabs = _functions_of("sinabs", "3.1.3", "sinabs.activation")
lava = _functions_of("lava-dl", "0.7.0.dev0 (git d825ac5)", "lava.lib.dl.slayer.spike")
stork = _functions_of("stork", "0.1 (git 258a2d6)", "stork.activations")
spyx = _functions_of("spyx", "1.0.0", "spyx.axn")

STORK_GLOBAL = "beta is a class attribute, one value for the process"
"""True of nearly every function of stork."""
