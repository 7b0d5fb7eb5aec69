"""Activity: the weight scale below which it dies, the stable firing rates, and schemes with weights below that scale."""

from __future__ import annotations

from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.mean_field.normal_law import quantile_of_upper_tail
from ikun_sym.schemes.critical_scale import critical

from ..cases.case import Case
from .claim import ACTIVE, CLAIMS, Claim, Criterion, on

IKUN = "ikun: critical scale and lowest stable rate, one time step, zero bias"
SCALE = critical().scale.value
LOWEST = critical().rate.value

SILENT = Criterion(observable="survival", claimed=0.5, tolerance=0.0, side="below")
HALF = 0.5


def alive_above_the_scale(case: Case) -> float:
    """1 where K >= c* θ², else 0."""
    return float(case.architecture.gain >= SCALE * case.architecture.neuron.threshold**2)


def stable_rate(case: Case) -> float:
    """The stationary firing rate at infinite width."""
    return case.expect(lambda run: run.rate[-1].mean()).value


def wanted_rate(case: Case) -> float:
    """The rate that the weights aim at; for a gain that aims at none, the one that it has at infinite width."""
    return stable_rate(case) if case.rate is None else case.rate


def gain_of(rate: float) -> float:
    """K of the fixed point with this rate at θ = 1, stable or not."""
    return float(1 / (quantile_of_upper_tail(rate) ** 2 * rate))


UNSTABLE = 0.08
"""A rate below the lowest stable one."""

CLAIMS.register(
    Claim(
        id="critical.scale",
        statement="Activity reaches deep layers if fan_in Var(W) >= c* θ², c* = 6.0344…, and dies below.",
        why="q = K Q(θ/√q) has a solution with activity iff K >= c* θ²; the larger one is stable. Near c* finite networks die "
        "by chance.",
        source=IKUN,
        derivation="critical-scale",
        criteria=(Criterion(observable="survival", claimed=alive_above_the_scale, tolerance=HALF),),
        settings=(
            on(gain=0.9 * SCALE, depth=60),
            on(gain=1.2 * SCALE, depth=60),
            on(gain=0.9 * SCALE / 4, threshold=0.5, depth=60),
            on(gain=1.2 * SCALE * 4, threshold=2.0, depth=60),
        ),
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="critical.rate",
        statement="Weights for a rate above p* = 0.1169, the slope solved, hold it over 100 layers, and the gradient.",
        why="Above p* the fixed point is stable: the forward slope a φ(a)/(2p) is below 1; the slope makes K E[f'²] = 1.",
        source=IKUN,
        derivation="rate-targeted",
        criteria=(
            Criterion(observable="rate", claimed=wanted_rate, tolerance=0.15, relative=True),
            Criterion(observable="backward_factor"),
            ACTIVE,
        ),
        settings=(
            on(surrogate="sigmoid", rate=0.3, depth=100, samples=16),
            on(surrogate="sigmoid", rate=0.2, depth=100, samples=16),
            on(surrogate="atan", rate=0.3, depth=100, samples=16),
            on(surrogate="sigmoid", rate=0.17, depth=60, width=768, samples=16),
        ),
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="critical.rate-below",
        statement=f"A network keeps a firing rate of {UNSTABLE}, below p*, at the weights whose fixed point it is.",
        why="That fixed point is unstable: from a little below it activity dies, from a little above it climbs.",
        source=IKUN,
        derivation="critical-scale",
        criteria=(Criterion(observable="rate", claimed=UNSTABLE, tolerance=0.2, relative=True),),
        settings=(
            on(gain=gain_of(UNSTABLE), input_rate=0.8 * UNSTABLE, depth=40),
            on(gain=gain_of(UNSTABLE), input_rate=1.3 * UNSTABLE, depth=40),
        ),
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="critical.threshold",
        statement="Only θ in units of the membrane and f' in units of θ matter: with Var(W) ∝ θ² and f'(x/θ)/θ, χ is the same.",
        why="Rescaling H by θ leaves rates as they are and multiplies E[f'²] by 1/θ².",
        source=IKUN,
        derivation="rate-targeted",
        criteria=(Criterion(observable="backward_factor"), ACTIVE),
        settings=tuple(
            on(surrogate=f"sigmoid:alpha={3.6456 / theta:.8g}", threshold=theta, gain=7.0589 * theta**2, depth=30)
            for theta in (0.5, 1.0, 2.0)
        ),
        expected="confirmed",
    )
)
for name in ("torch-default", "xavier", "kaiming", "kaiming-fan-out", "lecun", "normal"):
    CLAIMS.register(
        Claim(
            id=f"silence.{name}",
            statement=f"A spiking network with the weights of {name} falls silent at depth, at threshold 1.",
            why="fan_in Var(W) is below the critical 6.03 θ².",
            source=SCHEMES[name].source,
            derivation="critical-scale",
            criteria=(SILENT,),
            settings=(on(scheme=name, surrogate="atan", threshold=1.0, depth=50),),
            scheme=name,
            expected="confirmed",
        )
    )
