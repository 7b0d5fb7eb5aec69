"""A neuron: one value, checked once, that whoever needs a neuron holds whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import sympy as sp

from ..catalogue import resets as words
from ..catalogue.assignments import assignments
from ..catalogue.neuron_fields import DEFAULTS, NAMES
from ..catalogue.resets import RESETS, BoundReset, Reset
from ..catalogue.surrogate import AMPLITUDE, UNIT, Bound
from ..errors import DomainError, IkunError, UnknownNameError
from ..told import Told
from .surrogate_spec import Spec, resolve

if TYPE_CHECKING:
    from typing import Self

APART = ("v_reset",)
"""Parameters of resets that have a word of their own beside the reset's SPEC. `amplitude` is the surrogate's."""


def resolve_reset(spec: str | Reset | BoundReset, **params: Any) -> BoundReset:
    """The reset that `name` or `name:param=value,…` names; over a resolved reset keywords win; a text must
    not name the same parameter. None among `params` is left as it is,
    and so is a 0 for a parameter that the reset has not got: it says that nothing is special."""
    if isinstance(spec, BoundReset):
        rule, values = spec.rule, dict(spec.values)
    elif isinstance(spec, Reset):
        rule, values = spec, {}
    elif not isinstance(spec, str):
        raise IkunError(f"reset = {spec!r} is not allowed; give a name such as 'hard', or name:param=value")
    else:
        name, _, rest = spec.strip().partition(":")
        if name not in RESETS:
            raise UnknownNameError("reset", name, RESETS.names(), {reset.name: reset.usage for reset in RESETS})
        rule, values = RESETS[name], assignments(spec, rest, kind="reset", example="hard:v_reset=-0.5")
    known = {param.name for param in rule.params}
    for name, value in params.items():
        if name not in known and value:
            owners = ", ".join(reset.name for reset in RESETS if name in {param.name for param in reset.params})
            raise IkunError(f"{name} = {value} has no meaning for reset {rule.name!r}; it belongs to {owners}")
    given = {name: value for name, value in params.items() if value is not None and name in known}
    if isinstance(spec, str) and (twice := sorted(given.keys() & values.keys())):
        raise IkunError(f"{twice[0]} is given twice, in the reset {spec!r} and beside it; give it once")
    # a float is taken for the decimal that it is written as, so that a text and a number say the same
    return rule.bind(values | {name: repr(float(v)) if isinstance(v, float) else v for name, v in given.items()})


def resolve_surrogate(spec: Spec, amplitude: Any = None) -> Bound:
    """The surrogate that `spec` names, with this amplitude unless it is None: over a resolved surrogate it wins, a text must
    not name one as well."""
    bound = resolve(spec)
    if amplitude is None:
        return bound
    if isinstance(spec, str) and (bound.unit or bound.surrogate.bare):
        raise IkunError(f"{AMPLITUDE.name} is given twice, in the surrogate {spec!r} and beside it; give it once")
    return bound.times(amplitude)


LARGEST = 1e150
"""Of numbers that are membrane potentials: their squares are variances."""


def check_scale(name: str, value: float, largest: float, where: str = "") -> None:
    """DomainError: neither zero nor between 1/`largest` and `largest`."""
    if value and not 1 / largest < abs(value) < largest:
        allowed = f"zero or between {1 / largest:.0e} and {largest:.0e}{where}"
        raise DomainError(name, value, allowed.replace("e+", "e"), "measure membrane potentials in another unit")


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DomainError(name, value, "a number") from None


@dataclass(frozen=True, kw_only=True)
class Neuron(Told):
    """threshold:      θ
    leak:           κ in [0, 1]; 1 is IF
    synaptic_leak:  below 1, the synaptic current's own leak (norse); 0: none
    decay_input:    the current times 1 − κ = 1/τ (SpikingJelly's decay_input; norse's membrane)
    detach:         no gradient from a spike through its own neuron's membrane; what a spike does to a second state keeps its
                    gradient (as in SpikingJelly's adaptive neurons and in the LSNN's own code)
    """

    reset: BoundReset = field(default_factory=lambda: resolve_reset(DEFAULTS["reset"]))
    surrogate: Bound = field(default_factory=lambda: resolve(DEFAULTS["surrogate"]))
    threshold: float = DEFAULTS["threshold"]
    leak: float = DEFAULTS["leak"]
    synaptic_leak: float = DEFAULTS["synaptic_leak"]
    decay_input: bool = DEFAULTS["decay_input"]
    detach: bool = DEFAULTS["detach"]

    def __post_init__(self) -> None:
        for name in ("threshold", "leak", "synaptic_leak"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        for name in ("decay_input", "detach"):
            if not isinstance(getattr(self, name), bool):
                raise DomainError(name, getattr(self, name), "True or False")
        if not (math.isfinite(self.threshold) and self.threshold >= 0):
            raise DomainError("threshold", self.threshold, "zero or a positive number")
        check_scale("threshold", self.threshold, LARGEST)
        for name in ("leak", "synaptic_leak"):
            if not 0 <= getattr(self, name) <= 1:
                raise DomainError(name, getattr(self, name), "between 0 and 1", "the state is multiplied by it at each step")
        if self.decay_input and self.leak == 1:
            raise DomainError("leak", 1, "below 1 with decay_input", "the current is multiplied by 1 − leak")

    @classmethod
    def of(cls, **words: Any) -> Neuron:
        """From the words of NEURON_FIELDS, SPECs as text or resolved; what is not given has its default."""
        return _with(cls, {}, words)

    def but(self, **words: Any) -> Neuron:
        """The same neuron but for these words."""
        return _with(lambda **changes: replace(self, **changes), {"reset": self.reset, "surrogate": self.surrogate}, words)

    @property
    def input_factor(self) -> float:
        """What a current is multiplied by before it reaches the membrane."""
        return 1 - self.leak if self.decay_input else 1.0

    @property
    def amplitude(self) -> float | str:
        """The surrogate's; "unit" while it is still to be chosen."""
        return UNIT if self.surrogate.unit else float(self.surrogate.amplitude)

    @cached_property
    def constants(self) -> dict[sp.Symbol, float]:
        """A number for every symbol of its statement that is no variable."""
        own = {words.leak: self.leak, words.threshold: self.threshold, words.synaptic_leak: self.synaptic_leak}
        return own | self.reset.constants

    @property
    def adapts(self) -> bool:
        """Whether it has a second state."""
        return self.reset.rule.adapt is not None

    def to_dict(self) -> dict[str, Any]:
        """By the words of NEURON_FIELDS, flat; `of` makes the neuron from it again, as far as floats hold its numbers."""
        values = dict(self.reset.values)
        apart = {name: float(values.pop(name, 0)) for name in APART}
        plain = BoundReset(rule=self.reset.rule, values=tuple((n, v) for n, v in self.reset.values if n in values))
        found = {name: getattr(self, name) for name in NAMES if name not in APART}
        return found | {"surrogate": self.surrogate.bare.spec, "reset": plain.spec} | apart


def _with(make: Callable[..., Neuron], before: Mapping[str, Any], words: Mapping[str, Any]) -> Neuron:
    changes = checked(words)
    apart = {name: changes.pop(name) for name in APART if name in changes}
    if "reset" in changes or apart:
        start = changes.get("reset", before.get("reset", DEFAULTS["reset"]))
        changes["reset"] = resolve_reset(start, **apart)
    amplitude = changes.pop(AMPLITUDE.name, None)
    if "surrogate" in changes or amplitude is not None:
        start = changes.get("surrogate", before.get("surrogate", DEFAULTS["surrogate"]))
        changes["surrogate"] = resolve_surrogate(start, amplitude)
    made = make(**changes)
    if apart or isinstance(words.get("reset"), str):  # as a user gives it; what is read off a network is what it is
        _check_v_reset(made)
    return made


def _check_v_reset(neuron: Neuron) -> None:
    value = float(dict(neuron.reset.values).get("v_reset", 0))
    if value > neuron.threshold:
        raise DomainError(
            "v_reset",
            f"{value:g}",
            f"at most the threshold, {neuron.threshold:g}",
            "a spike would not take the membrane below it",
        )


def checked(words: Mapping[str, Any]) -> dict[str, Any]:
    """Error: a word that describes no neuron."""
    for name in words:
        if name not in NAMES:
            raise IkunError(f"a neuron has no {name!r}; it is described by {', '.join(NAMES)}")
    return dict(words)


class HasNeuron:
    """For frozen dataclasses with a field `neuron`: made from, and changed by, the neuron's own words among the others."""

    neuron: Neuron

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """From flat fields: those of NEURON_FIELDS make the neuron."""
        own, rest = _apart(fields)
        return cls(neuron=rest.pop("neuron", Neuron()).but(**own), **rest)  # type: ignore[call-arg]

    def but(self, **fields: Any) -> Self:
        """The same but for these fields, flat."""
        own, rest = _apart(fields)
        neuron = rest.pop("neuron", self.neuron).but(**own)
        return cast("Self", replace(cast("Any", self), neuron=neuron, **rest))


def _apart(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {n: v for n, v in fields.items() if n in NAMES}, {n: v for n, v in fields.items() if n not in NAMES}
