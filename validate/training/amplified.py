"""A surrogate at another slope, and with an amplitude: A f'(x) in the place of f'(x)."""

from __future__ import annotations

from dataclasses import replace

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.piecewise import PiecewiseFunction
from ikun_sym.catalogue.surrogate import Bound, Surrogate, Values
from ikun_sym.errors import DomainError, IkunError
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


def amplified(neuron: Neuron, amplitude: float) -> Neuron:
    """The same neuron with A f' for f'. A is a parameter of the surrogate, so that engines compile once for all its values."""
    if not 0 < amplitude < float("inf"):
        raise DomainError("amplitude", amplitude, "a positive number", "it multiplies the surrogate's derivative")
    return neuron if amplitude == 1 else replace(neuron, surrogate=_amplified(neuron.surrogate, amplitude))


def _amplified(bound: Bound, amplitude: float) -> Bound:
    surrogate = bound.surrogate
    taken = {name for param in surrogate.params for name in (param.name, param.letter)}
    factor = Param(next(name for k in range(len(taken) + 1) if (name := "amplitude" + "_" * k) not in taken))

    def times(function: PiecewiseFunction) -> PiecewiseFunction:
        return function.map(lambda value: factor.symbol * value)

    def family(values: Values) -> PiecewiseFunction:
        assert surrogate.family is not None
        return times(surrogate.family({name: value for name, value in values.items() if name != factor.name}))

    made = replace(
        surrogate,
        params=(*surrogate.params, factor),
        derivative=times(surrogate.derivative),
        family=family if surrogate.family else None,
        equivalents=(),
    )
    return made.bind({**dict(bound.values), factor.name: repr(amplitude)})
