"""A neuron with another surrogate, at another slope."""

from __future__ import annotations

from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.errors import IkunError
from ikun_sym.exact import Number
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import Spec, resolve


def sloped(neuron: Neuron, surrogate: Spec | None, slope: Number | None) -> Neuron:
    """The neuron with this surrogate, if one is given, and with this value for the parameter that sharpens it."""
    bound = neuron.surrogate if surrogate is None else resolve(surrogate)
    if slope is not None:
        bound = resolve(bound, **{_sharpens(bound.surrogate): slope})
    return neuron if bound is neuron.surrogate else neuron.but(surrogate=bound)


def _sharpens(surrogate: Surrogate) -> str:
    name = surrogate.slope if surrogate.slope is not None else next((param.name for param in surrogate.params), "")
    if not name:
        raise IkunError(f"surrogate {surrogate.name} has no slope; leave it out, or give another surrogate")
    return name
