"""The text that names a surrogate: `name`, `name:param=value,…`, `library.Name:…`, or `expr:EXPRESSION;param=value`.

Where one function of a library has several gradients, a variant follows its name (`stork.CustomSpike.sigmoid`); where
releases differ, `library.Name` is the current one and `library.Name@release` another (`norse.SuperSpike@git`).
"""

from __future__ import annotations

from ..catalogue.assignments import assignments
from ..catalogue.surrogate import Bound, Equivalent, Surrogate
from ..catalogue.surrogates import SURROGATES
from ..catalogue.unsupported import UNSUPPORTED
from ..errors import IkunError, UnknownNameError
from ..exact import Number

Spec = str | Surrogate | Bound

EXPRESSION_PREFIX = "expr:"


def library_surrogates() -> dict[str, tuple[Surrogate, Equivalent]]:
    """Lower-case `library.name` to the surrogate and the equivalent that says how the library calls it."""
    return {
        equivalent.name.lower(): (surrogate, equivalent) for surrogate in SURROGATES for equivalent in surrogate.equivalents
    }


def find(name: str) -> Surrogate:
    """A registered surrogate by its own name, or by a library's in that library's parametrisation."""
    if name in SURROGATES or "." not in name:
        return SURROGATES[name]  # raises with near misses
    known = library_surrogates()
    if name.lower() in known:
        surrogate, equivalent = known[name.lower()]
        return surrogate.of_library(equivalent)
    if name in UNSUPPORTED:
        entry = UNSUPPORTED[name]
        raise IkunError(f"surrogate {entry.name} is not supported: {entry.reason}")
    raise UnknownNameError("surrogate", name, (*SURROGATES.names(), *(e.name for _, e in known.values())))


def resolve(spec: Spec, **params: Number) -> Bound:
    """The surrogate that `spec` names, with exact values for its parameters; keywords win over the text."""
    if isinstance(spec, Bound):
        return spec.surrogate.bind({**dict(spec.values), **params}) if params else spec
    if isinstance(spec, Surrogate):
        return spec.bind(params)
    if not isinstance(spec, str):
        raise IkunError(f"surrogate {spec!r} is neither a name nor a Surrogate")
    if spec.strip().lower().startswith(EXPRESSION_PREFIX):
        from .expression import parse_surrogate

        return parse_surrogate(spec.strip()[len(EXPRESSION_PREFIX) :]).bind(params)
    name, _, rest = spec.strip().partition(":")
    return find(name).bind({**assignments(spec, rest), **params})
