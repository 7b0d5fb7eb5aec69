"""The text that names a surrogate: `name`, `name:param=value,…`, `library.Name:…`, or `expr:EXPRESSION;param=value`.

Where one function of a library has several gradients, a variant follows its name (`stork.CustomSpike.sigmoid`); where
releases differ, `library.Name` is the current one and `library.Name@release` another (`norse.SuperSpike@git`). Every surrogate
takes `amplitude=A` beside its own parameters: A f'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..catalogue.assignments import assignments
from ..catalogue.surrogate import AMPLITUDE, UNIT, Bound, Equivalent, Surrogate
from ..catalogue.surrogates import SURROGATES
from ..catalogue.unsupported import UNSUPPORTED
from ..errors import IkunError, UnknownNameError
from ..exact import Number, exact

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
    """The surrogate that `spec` names, with exact values for its parameters and its amplitude; keywords win over the text."""
    if isinstance(spec, Bound):
        return _bound(spec.bare.surrogate, dict(spec.values), params, spec.unit) if params else spec
    if isinstance(spec, Surrogate):
        return _bound(spec, {}, params)
    if not isinstance(spec, str):
        raise IkunError(f"surrogate {spec!r} is neither a name nor a Surrogate")
    if spec.strip().lower().startswith(EXPRESSION_PREFIX):
        from .expression import parse_surrogate

        text, own = _without_amplitude(spec.strip()[len(EXPRESSION_PREFIX) :])
        return _bound(parse_surrogate(text), own, params)
    name, _, rest = spec.strip().partition(":")
    return _bound(find(name), assignments(spec, rest), params)


def _bound(surrogate: Surrogate, own: Mapping[str, Number], params: Mapping[str, Number], unit: bool = False) -> Bound:
    values = {**own, **params}
    amplitude = values.pop(AMPLITUDE.name, UNIT if unit else 1)
    found = surrogate.bind(values)
    return found if amplitude == 1 else found.times(amplitude)


def _without_amplitude(text: str) -> tuple[str, dict[str, Number]]:
    """An expression's text and the amplitude among its `;name=number`, which is none of its own parameters."""
    head, *parts = text.split(";")
    if re.search(rf"\b{AMPLITUDE.name}\b", head):
        raise IkunError(f"expression {head[:40]!r}: {AMPLITUDE.name} is the factor of every surrogate; choose another name")
    apart = [part for part in parts if part.partition("=")[0].strip() == AMPLITUDE.name]
    if len(apart) > 1:
        raise IkunError(f"expression {text[:40]!r} sets {AMPLITUDE.name} twice")
    rest = ";".join([head, *(part for part in parts if part not in apart)])
    return rest, dict.fromkeys([AMPLITUDE.name], exact(apart[0].partition("=")[2].strip(), AMPLITUDE.name)) if apart else {}
