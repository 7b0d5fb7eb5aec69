"""Theorem 1 of IKUN in all its readings, each tested at the self-consistent weights of its scheme.

`expected` marks the claims of the paper that we expect to fail, and `why` says what is true instead.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..cases.case import Case
from ..cases.observables import backward_factors
from .claim import ACTIVE, CLAIMS, Claim, Criterion, on

PAPER = "Chang, Wang & Yang 2024, arXiv:2411.18250, Theorem 1"
RELEASED = "Chang, Wang & Yang 2024, arXiv:2411.18250, released code"

BACKWARD = Criterion(observable="backward_factor")
FORWARD = Criterion(observable="forward_factor")
LINEARISED = Criterion(observable="linearised_factor")


def inverse_variance(case: Case) -> float:
    """1/σ_X² at the stationary state."""
    rate = case.expect(lambda run: run.rate[-1].mean()).value
    return 1 / (rate * (1 - rate))


def ratio_of_fans(case: Case) -> float:
    """Mean over the stationary layers of fan_out/fan_in times K E[f'²]."""
    a = case.architecture
    even = Case("", replace(a, widths=(), width=a.neurons(1)))
    ratios = np.array([a.neurons(k + 1) / a.neurons(k) for k in range(1, a.depth)])
    return even.expect(lambda run: (ratios * backward_factors(run))[case.stationary].mean()).value


CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-one",
        short="gradient, α=1, σ_X² = Var(S)",
        instead="grows by 1/σ_X² ≥ 4 a layer; α = σ_X² fan_in/fan_out keeps it",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]), σ_X² the variance of the spikes, the gradient variance is stable.",
        why="χ = fan_out Var(W) E[f'²] = 1/σ_X²: the gradient grows by 1/(p(1 − p)) ≥ 4 in every layer.",
        source=PAPER,
        criteria=(BACKWARD, ACTIVE),
        scheme="ikun",
        derivation="theorem-1",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-one-second-moment",
        short="gradient, α=1, σ_X² = E[S²]",
        instead="grows by 1/p a layer, p the firing rate; the matched α keeps it",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]), σ_X² the second moment of the spikes, the gradient is stable.",
        why="χ = 1/p: the gradient grows by the inverse firing rate in every layer.",
        source=PAPER,
        criteria=(BACKWARD, ACTIVE),
        scheme="ikun-second-moment",
        derivation="theorem-1",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.alpha-matched",
        short="gradient, matched α",
        statement="With α = σ_X² fan_in/fan_out, that is Var(W) = 1/(fan_out E[f'²]), the gradient variance is stable.",
        why="χ = fan_out Var(W) E[f'²] = 1 is the condition itself; σ_X² drops out.",
        source="ikun: the α that makes Theorem 1's backward half true",
        criteria=(BACKWARD, ACTIVE),
        scheme="backward-only",
        derivation="theorem-1",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.forward.spiking",
        short="Var(H), spiking",
        statement="With Var(W) = 1/(fan_in σ_X² E[f'²]) the membrane variance of a spiking network is stable.",
        why="True at its fixed point q = K Q(θ/√q), as for any weights above the critical scale; f' plays no part in it.",
        source=PAPER,
        criteria=(FORWARD, ACTIVE),
        scheme="ikun",
        derivation="theorem-1",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.forward.smooth",
        short="Var(H), smooth",
        statement="The same with the surrogate's primitive f as the activation, the network that the theorem linearises.",
        why="True at the fixed point q = K E[f(H − θ)²]; the linearisation f(H) ≈ E[f'] H is not needed for it.",
        source=PAPER,
        criteria=(FORWARD,),
        scheme="ikun",
        forward="smooth",
        derivation="theorem-1",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.linearised.spiking",
        short="linearised Var(H), spiking",
        instead="Var(H) goes q ↦ K Q(θ/√q): f' plays no part forward",
        statement="Forward, a layer multiplies the variance by K E[f'²]: the linearisation behind the theorem, spiking.",
        why="The spiking forward map is q ↦ K Q(θ/√q): it does not contain f' at all.",
        source=PAPER + ", proof",
        criteria=(LINEARISED, ACTIVE),
        scheme="ikun",
        derivation="theorem-1",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.linearised.smooth",
        short="linearised Var(H), smooth",
        instead="Var(H) goes q ↦ K E[f(H − θ)²]; linear only where f is",
        statement="Forward, a layer multiplies the variance by K E[f'²]: the linearisation behind the theorem, smooth.",
        why="Var f(H) ≤ Var(H) E[f'²] bounds the variance, but weights of zero mean carry E[f²], its mean squared included.",
        source=PAPER + ", proof",
        criteria=(LINEARISED,),
        scheme="ikun",
        forward="smooth",
        derivation="theorem-1",
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.growth",
        short="gradient grows by 1/σ_X²",
        statement="With Theorem 1's weights at α = 1 the gradient grows by 1/σ_X² in every layer, σ_X² the variance.",
        why="χ = (fan_out/fan_in) α/σ_X²: 4 at θ = 0, where half of the neurons fire, and more above.",
        source="ikun: what Theorem 1's weights do instead",
        derivation="theorem-1",
        criteria=(Criterion(observable="backward_factor", claimed=inverse_variance, relative=True), ACTIVE),
        scheme="ikun",
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="theorem1.backward.fan-ratio",
        short="gradient goes by K E[f'²]",
        statement="Where fan_out is not fan_in, a layer multiplies the gradient variance by K E[f'²] fan_out/fan_in.",
        why="fan_out weights of variance K/fan_in lead back to each neuron.",
        source="ikun: the α that makes Theorem 1's backward half true contains fan_in/fan_out",
        derivation="theorem-1",
        criteria=(Criterion(observable="backward_factor", claimed=ratio_of_fans, relative=True), ACTIVE),
        settings=(
            on(surrogate="atan", gain=10.0817, widths=(256, 512)),
            on(surrogate="sigmoid", gain=12.0, widths=(512, 256, 256)),
        ),
        expected="confirmed",
    )
)
for version, scheme in (("v1", "ikun-v1"), ("v2", "ikun-v2")):
    CLAIMS.register(
        Claim(
            id=f"theorem1.released.{version}",
            short=f"released code {version}",
            instead="K = fan_in Var(W) ≥ 6.03 θ² forward, K E[f'²] = 1 backward",
            statement=f"With the weights of the released code ({version}) membrane and gradient variance are stable.",
            why="Its constant is neither Gaussian nor squared, and σ_X² is left out: fan_in Var(W) is 1.27 (v1) or 0.64 (v2), "
            "below the critical 6.03 θ²; at θ = 0 the gradient vanishes.",
            source=RELEASED,
            derivation="released-code",
            criteria=(BACKWARD, FORWARD, ACTIVE),
            scheme=scheme,
            expected="refuted",
        )
    )
