"""What a claim is: what is said, by whom, on which networks it is tested, by which measurements, and what we expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ikun_sym.catalogue.registry import Registry
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.cli.model_flags import SCHEME
from ikun_sym.errors import IkunError
from ikun_sym.mean_field.layer import FORWARD_PASSES
from ikun_sym.schemes.rate_targeted import design

from ..cases.case import Case, build, labels
from ..cases.observables import OBSERVABLES, Observable
from ..networks.network import Architecture

OUTCOMES = ("confirmed", "refuted", "inconclusive")

Claimed = float | Callable[[Case], float]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """The value that a claim gives to an observable: a number, or what it says of the case at hand. The truth must lie within
    `claimed` ± tolerance (of `claimed`, if `relative`); with `side` above (below) it must exceed the upper (stay below the
    lower) end of that range. `tolerance` None: the run's."""

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
        """Between which values the truth must lie."""
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
    """Fields of the architecture in which it departs from the run's, and where its weights come from: `gain` among the
    fields, `rate` (rate-targeted critical initialisation: gain, input at that rate, and, unless `keep_slope`, the
    surrogate's slope), or a scheme; none of them: the claim's scheme."""

    network: Mapping[str, Any]
    scheme: str | None = None
    rate: float | None = None
    keep_slope: bool = False

    def case(self, claim: Claim, architecture: Architecture) -> Case:
        """On this architecture, which has the last word on nothing that the setting names."""
        network = {"forward": claim.forward} | dict(self.network)
        wanted = replace(architecture, **network)
        if self.rate is not None:
            return Case("", at_rate(wanted, self.rate, keep_slope=self.keep_slope))
        if "gain" in network:
            return Case("", wanted)
        return build(wanted, self.scheme or claim.scheme)


def at_rate(architecture: Architecture, rate: float, *, keep_slope: bool = False) -> Architecture:
    """The rate-targeted critical initialisation of one time step, at this rate from the input on."""
    found = design(rate, architecture.surrogate, architecture.threshold)
    surrogate = architecture.surrogate if keep_slope else found.surrogate
    return replace(architecture, gain=found.n_var_w, surrogate=surrogate, input_rate=rate)


def on(scheme: str | None = None, rate: float | None = None, keep_slope: bool = False, **network: Any) -> Setting:
    return Setting(network=network, scheme=scheme, rate=rate, keep_slope=keep_slope)


STANDARD = (on(surrogate="atan", threshold=0.0), on(surrogate="atan", threshold=1.0))


@dataclass(frozen=True, kw_only=True)
class Claim:
    """`id` is words joined by dots. It holds on a network if all `criteria` do; the first is what tables show. `settings`: the
    networks on which it is tested unless the user chooses one. `scheme`: whose weights it is about. `derivation`: the
    document that derives what is expected. `draws`: how many a verdict takes, where the run leaves it open."""

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
    def observable(self) -> str:
        """What the claim is about, in the first place."""
        return self.criteria[0].observable

    def cases(self, architecture: Architecture, **own: Any) -> list[Case]:
        """The claim's settings on an architecture; `own` are fields that nothing changes."""
        made = [setting.case(self, architecture) for setting in self.settings]
        made = [replace(case, architecture=replace(case.architecture, **own)) for case in made]
        names = labels([case.architecture for case in made])
        return [replace(case, label=name) for case, name in zip(made, names, strict=True)]


CLAIMS: Registry[Claim] = Registry("claim")


def select(pattern: str) -> list[Claim]:
    """The claim with this id, else all claims below it; UnknownNameError if there are none."""
    if pattern in CLAIMS:
        return [CLAIMS[pattern]]
    below = [claim for claim in CLAIMS if claim.id.startswith(pattern.lower() + ".")]
    return below or [CLAIMS[pattern]]
