"""What a claim is: the statement, its source, the networks and measurements that test it, and the expected verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ikun_sym.catalogue.registry import Registry
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.cli.model_flags import SCHEME
from ikun_sym.errors import IkunError
from ikun_sym.mean_field.layer import FORWARD_PASSES
from ikun_sym.reading.neuron import Neuron
from ikun_sym.schemes.rate_targeted import designed
from ikun_sym.told import Told

from ..cases.case import Case, build, labels
from ..cases.observables import OBSERVABLES, Observable
from ..networks.network import Architecture

OUTCOMES = ("confirmed", "refuted", "inconclusive")

Claimed = float | Callable[[Case], float]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """The true value of `observable` must lie within `claimed` ± `tolerance`; if `relative`, tolerance is a share of `claimed`.
    `side` "above" ("below"): it must lie above (below) that whole range instead. `claimed`: a number, or a function of the
    case. `tolerance` None: the tolerance of the run."""

    observable: str
    claimed: Claimed = 1.0
    tolerance: float | None = None
    relative: bool = False
    side: str = "within"

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise IkunError(f"side is {self.side!r}; allowed: {', '.join(SIDES)}")
        _ = self.measured

    @property
    def measured(self) -> Observable:
        return OBSERVABLES[self.observable]

    def value(self, case: Case) -> float:
        return self.claimed(case) if callable(self.claimed) else self.claimed

    def width(self, case: Case, tolerance: float) -> float:
        """Half the width of the range."""
        half = tolerance if self.tolerance is None else self.tolerance
        return half * abs(self.value(case)) if self.relative else half

    def bounds(self, case: Case, tolerance: float) -> tuple[float, float]:
        """(low, high): the true value must lie between them."""
        return SIDES[self.side](self.value(case), self.width(case, tolerance))


SIDES: Mapping[str, Callable[[float, float], tuple[float, float]]] = {
    "within": lambda value, half: (value - half, value + half),
    "above": lambda value, half: (value + half, float("inf")),
    "below": lambda value, half: (-float("inf"), value - half),
}

ACTIVE = Criterion(observable="survival", claimed=0.5, tolerance=0.0, side="above")
"""A claim of stability needs activity to reach the last layer in more than half of the draws."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """`network`: fields that override those of the run's architecture. The weights come from one of: a `gain` among these
    fields; `rate`, for rate-targeted critical initialisation (sets the gain, the input rate and, unless `keep_slope`, the
    surrogate's slope); `scheme`; else the claim's scheme."""

    network: Mapping[str, Any]
    scheme: str | None = None
    rate: float | None = None
    keep_slope: bool = False

    def case(self, claim: Claim, architecture: Architecture) -> Case:
        """The case on this architecture. The setting's own fields override those of `architecture`."""
        network = claim.fields | dict(self.network)
        wanted = architecture.but(**network)
        if self.rate is not None:
            return Case("", at_rate(wanted, self.rate, keep_slope=self.keep_slope), rate=self.rate)
        if "gain" in network:
            return Case("", wanted)
        return build(wanted, self.scheme or claim.scheme)


def at_rate(architecture: Architecture, rate: float, *, keep_slope: bool = False) -> Architecture:
    """The architecture with the rate-targeted critical initialisation of one time step, and an input of the same rate."""
    neuron = architecture.neuron
    found = designed(Neuron(surrogate=neuron.surrogate, threshold=neuron.threshold), rate)
    surrogate = neuron.surrogate if keep_slope else found.bound
    return architecture.but(gain=found.n_var_w, surrogate=surrogate, input_rate=rate)


def on(scheme: str | None = None, rate: float | None = None, keep_slope: bool = False, **network: Any) -> Setting:
    return Setting(network=network, scheme=scheme, rate=rate, keep_slope=keep_slope)


STANDARD = (on(surrogate="atan", threshold=0.0), on(surrogate="atan", threshold=1.0))


@dataclass(frozen=True, kw_only=True)
class Claim(Told):
    """`id`: words joined by dots. The claim holds on a network if all `criteria` hold; tables show the first. `settings`: the
    networks on which it is tested, unless the user chooses one. `scheme`: the scheme that it is about. `derivation`: the
    document that derives the expected verdict. `draws`: number of draws for a verdict, if the run does not set it.
    `input_overlap`: what the two inputs of a pair share, in claims that compare two inputs. `short`: the claim in a few words,
    for tables; `instead`: in a line, what is right where it fails."""

    shown = ("id", "expected", "statement")

    id: str
    statement: str
    why: str
    source: str
    expected: str
    criteria: tuple[Criterion, ...]
    settings: tuple[Setting, ...] = STANDARD
    scheme: str = SCHEME
    forward: str = "spiking"
    derivation: str = ""
    draws: int | None = None
    input_overlap: float | None = None
    short: str = ""
    instead: str = ""

    def __post_init__(self) -> None:
        if self.expected not in OUTCOMES:
            raise IkunError(f"claim {self.id!r}: expected is {self.expected!r}; allowed: {', '.join(OUTCOMES)}")
        if not self.criteria or not self.settings:
            raise IkunError(f"claim {self.id!r} needs at least one criterion and one setting")
        _ = SCHEMES[self.scheme], FORWARD_PASSES[self.forward]

    @property
    def name(self) -> str:
        return self.id

    @property
    def fields(self) -> dict[str, Any]:
        """Of every network on which it is tested."""
        return {"forward": self.forward, "input_overlap": self.input_overlap}

    @property
    def observable(self) -> str:
        """The observable of the first criterion."""
        return self.criteria[0].observable

    def cases(self, architecture: Architecture, **own: Any) -> list[Case]:
        """The claim's settings on an architecture. `own`: fields that override everything else."""
        made = [setting.case(self, architecture) for setting in self.settings]
        made = [replace(case, architecture=case.architecture.but(**own)) for case in made]
        names = labels([case.architecture for case in made])
        return [replace(case, label=name) for case, name in zip(made, names, strict=True)]


CLAIMS: Registry[Claim] = Registry("claim")


def select(pattern: str) -> list[Claim]:
    """The claim with this id, else all claims below it; UnknownNameError if there are none."""
    if pattern in CLAIMS:
        return [CLAIMS[pattern]]
    below = [claim for claim in CLAIMS if claim.id.startswith(pattern.lower() + ".")]
    return below or [CLAIMS[pattern]]
