"""Every claim, one statement each: what is said, by whom, how it is measured, and what we expect to find.

A claim is tested at the self-consistent weights of its scheme. `claimed` is the value that the claim gives to the
observable; a claim of the paper that we expect to fail says so in `expected`, and `why` says what is right instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from ikun_sym.catalogue.registry import Registry
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.errors import IkunError
from ikun_sym.theory.layer import FORWARD_PASSES

from .observables import OBSERVABLES

OUTCOMES = ("confirmed", "refuted", "inconclusive")

PAPER = "Chang, Wang & Yang 2024, arXiv:2411.18250, Theorem 1"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """`id` is words joined by dots. `cases`: the (surrogate, threshold) pairs on which it is tested by default."""

    id: str
    statement: str
    why: str
    source: str
    observable: str
    scheme: str
    expected: str
    claimed: float = 1.0
    forward: str = "spiking"
    cases: tuple[tuple[str, float], ...] = (("atan", 0.0), ("atan", 1.0))

    def __post_init__(self) -> None:
        if self.expected not in OUTCOMES:
            raise IkunError(f"claim {self.id!r}: expected is {self.expected!r}; allowed: {', '.join(OUTCOMES)}")
        _ = OBSERVABLES[self.observable], SCHEMES[self.scheme], FORWARD_PASSES[self.forward]

    @property
    def name(self) -> str:
        return self.id


CLAIMS: Registry[Claim] = Registry("claim")


def select(pattern: str) -> list[Claim]:
    """The claim with this id, else all claims below it; UnknownNameError if there are none."""
    if pattern in CLAIMS:
        return [CLAIMS[pattern]]
    below = [claim for claim in CLAIMS if claim.id.startswith(pattern.lower() + ".")]
    return below or [CLAIMS[pattern]]


CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-one",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]), σ_X² the variance of the spikes, the gradient variance is stable.",
        why="χ = fan_out Var(W) E[f'²] = 1/σ_X²: the gradient grows by 1/(p(1 − p)) ≥ 4 in every layer.",
        source=PAPER,
        observable="backward_factor",
        scheme="ikun",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-one-second-moment",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]), σ_X² the second moment of the spikes, the gradient is stable.",
        why="χ = 1/p: the gradient grows by the inverse firing rate in every layer.",
        source=PAPER,
        observable="backward_factor",
        scheme="ikun-second-moment",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-matched",
        statement="With α = σ_X² fan_in/fan_out, that is Var(W) = 1/(fan_out E[f'²]), the gradient variance is stable.",
        why="χ = fan_out Var(W) E[f'²] = 1 is the condition itself; σ_X² drops out.",
        source="ikun: the α that makes Theorem 1's backward half true",
        observable="backward_factor",
        scheme="backward-only",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.forward.spiking",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]) the membrane variance of a spiking network is stable.",
        why="True at its fixed point q = K Q(θ/√q), as for any weights above the critical scale; f' plays no part in it.",
        source=PAPER,
        observable="forward_factor",
        scheme="ikun",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.forward.smooth",
        statement="The same with the surrogate's primitive f as the activation, the network that the theorem linearises.",
        why="True at the fixed point q = K E[f(H − θ)²]; the linearisation f(H) ≈ E[f'] H is not needed for it.",
        source=PAPER,
        observable="forward_factor",
        scheme="ikun",
        forward="smooth",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.linearised.spiking",
        statement="Forward, a layer multiplies the variance by K E[f'²]: the linearisation behind the theorem, spiking.",
        why="The spiking forward map is q ↦ K Q(θ/√q): it does not contain f' at all.",
        source=PAPER + ", proof",
        observable="linearised_factor",
        scheme="ikun",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.linearised.smooth",
        statement="Forward, a layer multiplies the variance by K E[f'²]: the linearisation behind the theorem, smooth.",
        why="Var f(H) ≤ Var(H) E[f'²] bounds the variance, but weights of zero mean carry E[f²], its mean squared included.",
        source=PAPER + ", proof",
        observable="linearised_factor",
        scheme="ikun",
        forward="smooth",
        expected="refuted",
    )
)
