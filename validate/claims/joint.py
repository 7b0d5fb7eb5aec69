"""Whether weights alone can make forward and backward stable at once, for a surrogate as its library ships it."""

from __future__ import annotations

from .claim import ACTIVE, CLAIMS, Claim, Criterion, Setting, on

IKUN = "ikun: joint solutions of C(q) = q E[f'²]/Q(θ/√q) = 1"

GAINS = (6.5, 8.0, 12.0, 25.0, 60.0)
"""From just above the critical scale to far above it."""


def scales(surrogate: str) -> tuple[Setting, ...]:
    return tuple(on(surrogate=surrogate, gain=gain, threshold=1.0, depth=20) for gain in GAINS)


EXPLODES = Criterion(observable="backward_factor", claimed=1.0, side="above")
VANISHES = Criterion(observable="backward_factor", claimed=1.0, side="below")


CLAIMS.register(
    Claim(
        id="joint.atan-holds",
        statement="SpikingJelly's ATan (α = 2) at θ = 1 has weights at which both hold: fan_in Var(W) = 10.0817, rate 0.2735.",
        why="C falls to 0.69 and crosses 1 twice; the larger root has forward slope 0.37.",
        source=IKUN,
        derivation="joint",
        criteria=(
            Criterion(observable="backward_factor"),
            Criterion(observable="forward_factor"),
            Criterion(observable="rate", claimed=0.27352, tolerance=0.02),
            ACTIVE,
        ),
        settings=(on(surrogate="spikingjelly.ATan", gain=10.0817, threshold=1.0, depth=50),),
        expected="confirmed",
    )
)
for short, surrogate, least in (("erf", "spikingjelly.Erf", 1.108), ("snntorch-sigmoid", "snntorch.sigmoid", 4.86)):
    CLAIMS.register(
        Claim(
            id=f"joint.{short}-explodes",
            statement=f"With {surrogate} as it is shipped, θ = 1, gradients explode at every weight scale that keeps activity.",
            why=f"inf C = {least:g} is above 1: there is no root.",
            source=IKUN,
            derivation="joint",
            criteria=(EXPLODES, ACTIVE),
            settings=scales(surrogate),
            expected="confirmed",
        )
    )
CLAIMS.register(
    Claim(
        id="joint.fast-sigmoid-vanishes",
        statement="With snnTorch's fast sigmoid (slope 25), θ = 1, gradients vanish at every practical weight scale.",
        why="C is below 1 between an unstable root and one at fan_in Var(W) = 4344.",
        source=IKUN,
        derivation="joint",
        criteria=(VANISHES, ACTIVE),
        settings=scales("snntorch.fast_sigmoid"),
        expected="confirmed",
    )
)
