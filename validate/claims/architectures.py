"""Architectures: which behave like a dense network, and what borders, pools, shortcuts and recurrence change."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..cases.case import Case, layer_of
from .claim import ACTIVE, CLAIMS, Claim, Criterion, Setting, on
from .critical import HALF, SCALE, stable_rate, wanted_rate
from .time import GRADIENT, RATE, expected, lif

FIELDS = "ikun: covariances over positions and steps"
SEW = "Fang et al. 2021, SEW ResNet, arXiv:2102.04159"
MS = "Hu et al. 2021, MS-ResNet, arXiv:2112.08954"

FLAT = Criterion(observable="backward_factor")
STEADY = Criterion(observable="rate", claimed=wanted_rate, tolerance=0.25, relative=True)
SETTLED = replace(STEADY, claimed=stable_rate)
"""The rate of the last layer at infinite width, for networks in which it differs from the wanted rate."""

BOUNDED = Criterion(observable="gradient_ratio", claimed=5.5, tolerance=4.5)
"""Between 1 and 10 from the last layer to the first. With shortcuts, ratios of neighbouring layers are
biased by (3 E[f'⁴]/E[f'²]² − 1)/n, since a layer's own fluctuation is not passed on: so the ratio of the ends is used."""


def conv1d(options: str = "", **network: Any) -> Setting:
    """A 1-d convolution of eight positions, unless the options say otherwise. Few samples suffice: one kernel serves all
    positions of a channel, so the number of channels sets how much draws differ."""
    arch = "conv1d" + (f":{options}" if options else "")
    return on(**({"arch": arch, "width": 192, "depth": 6, "samples": 2} | network))


CLAIMS.register(
    Claim(
        id="architecture.convolution.circular",
        statement="A convolution without borders has the rates and gradients of a dense network with the same K.",
        why="All positions are alike, and a kernel's taps are fan_in independent weights: the current's variance is K E[S²].",
        source=FIELDS,
        derivation="convolutions",
        criteria=(
            replace(RATE, claimed=expected("rate", arch="dense"), tolerance=0.15),
            replace(GRADIENT, claimed=expected("gradient_ratio", arch="dense"), tolerance=0.25),
        ),
        settings=(
            conv1d("padding=circular", gain=9.0),
            conv1d("padding=circular,groups=2,kernel=5", gain=9.0, steps=4, leak=0.5, depth=4),
            on(arch="conv2d:padding=circular,size=5", width=96, depth=5, gain=9.0, samples=2),
        ),
        draws=48,
        expected="confirmed",
    )
)


def border(case: Case) -> float:
    """Share of a kernel's taps that lie inside, averaged over positions. Per axis, 1 of 3 taps is outside at 2 of `size`
    positions."""
    topology: Any = case.architecture.topology
    return 1.0 if topology.padding == "circular" else float(1 - 2 / (3 * topology.size)) ** topology.dimensions


CLAIMS.register(
    Claim(
        id="architecture.convolution.border",
        statement="Zero padding lowers the variance: 3 taps at 8 positions give 11/12 of it per axis, a circle all of it.",
        why="A tap outside sees zeros: an edge has 2/3 of the variance per axis, a corner of an image 4/9.",
        source=FIELDS,
        derivation="convolutions",
        criteria=(Criterion(observable="first_variance", claimed=border, tolerance=0.04),),
        settings=(
            conv1d(depth=2, gain=9.0),
            on(arch="conv2d", width=128, depth=2, gain=9.0, samples=1),
            conv1d("padding=circular", depth=2, gain=9.0),
        ),
        draws=100,
        expected="confirmed",
    )
)


def circular(case: Case) -> float:
    topology: Any = case.architecture.topology
    return float(topology.padding == "circular")


CLAIMS.register(
    Claim(
        id="architecture.convolution.zero-padding.silence",
        statement="At 1.15 c* zero padding silences a network of 4 × 4 images, circular padding does not.",
        why="Borders lose variance at every layer: activity needs between c* θ² and c* θ² (2k/(k + 1))^d, solved 1.36 c* for 3 "
        "taps per axis and 4 × 4 positions.",
        source=FIELDS,
        derivation="zero-padding",
        criteria=(Criterion(observable="survival", claimed=circular, tolerance=HALF),),
        settings=tuple(
            on(arch=f"conv2d:size=4,padding={padding}", width=48, depth=40, gain=1.15 * SCALE, samples=4)
            for padding in ("zero", "circular")
        ),
        expected="confirmed",
    )
)


def rated(**network: Any) -> dict[str, Any]:
    """Fields of a setting with the rate-targeted weights of a dense network, 300 layers deep by default."""
    return {"surrogate": "sigmoid", "rate": 0.3, "depth": 300} | network


DEEP_ZERO = conv1d(**{"scheme": "critical", "surrogate": "sigmoid", "input_rate": 0.2, "depth": 300, "width": 96, "samples": 8})
"""The scheme itself, at its own rate: it solves K and slope with the borders taken into account."""

DEEP_IMAGE = replace(DEEP_ZERO, network=dict(DEEP_ZERO.network) | {"arch": "conv2d:size=5", "width": 64, "samples": 4})

DEEP_RECURRENT = on(
    **{"arch": "recurrent:recurrent_gain=4", "gain": 11.76, "surrogate": "sigmoid:alpha=2.8004", "input_rate": 0.3},
    **{"depth": 300, "width": 160, "steps": 4, "leak": 0.5, "loss": "rate", "samples": 4},
)
"""With this K and slope, theory gives a mean rate of 0.3 over the steps and a gradient factor (summed over steps) of 1,
far from both ends. At the scheme's rate of 0.2, networks this narrow would die by chance."""

DEEP_RESIDUAL = tuple(
    on(arch=f"residual:kind={kind},scaling=depth,rate=0.3", width=160, samples=8, **rated()) for kind in ("sew", "ms")
)
for name, derivation, why, rate, gradient, settings in (
    (
        "convolution",
        "convolutions",
        "Without borders it is a dense network's.",
        STEADY,
        FLAT,
        (conv1d("padding=circular", **rated(width=64, samples=8)),),
    ),
    (
        "zero-padding",
        "zero-padding",
        "With K and slope solved for what borders lose: 7.78 for 7.06, 3.54 for 3.65.",
        STEADY,
        FLAT,
        (DEEP_ZERO, DEEP_IMAGE),
    ),
    (
        "recurrent",
        "recurrence",
        "With K and slope solved over the steps, the recurrent weights given.",
        STEADY,
        FLAT,
        (DEEP_RECURRENT,),
    ),
    (
        "residual",
        "residual-blocks",
        "With gains that fall as the stream grows, K p/E[x²] (SEW) or K/L (membrane shortcut), factors tend to 1 fast enough: "
        "at infinite width the gradient grows by 3.4 and 2.4, whatever the depth. SEW keeps the rate, membrane shortcuts let "
        "it rise from 0.3 to 0.36. In SEW the mean over neurons, 1/n of it, grows as a power of the depth.",
        SETTLED,
        BOUNDED,
        DEEP_RESIDUAL,
    ),
):
    CLAIMS.register(
        Claim(
            id=f"architecture.rate-targeted.{name}",
            statement="Rate-targeted critical initialisation holds rates and gradients over 300 layers of this architecture.",
            why=why,
            source=FIELDS,
            derivation=derivation,
            criteria=(rate, gradient, ACTIVE),
            settings=settings,
            draws=16,
            expected="confirmed",
        )
    )
CLAIMS.register(
    Claim(
        id="architecture.rate-targeted.zero-padding.unsolved",
        statement="The dense network's rate-targeted weights keep the gradient with zero padding too.",
        why="Borders lower the variance and with it the rate and E[f'²]: 0.974 a layer at 8 positions, 1/e in 38 layers.",
        source=FIELDS,
        derivation="zero-padding",
        criteria=(replace(FLAT, tolerance=0.01),),
        settings=(conv1d(**rated(depth=60, width=96, samples=8)),),
        expected="refuted",
    )
)


def pools(*kinds: str) -> tuple[Setting, ...]:
    return tuple(conv1d(f"padding=circular,pool={kind}", depth=2, gain=gain) for kind in kinds for gain in (7.5, 10.0))


CLAIMS.register(
    Claim(
        id="architecture.pooling",
        statement="Below a pool rates and gradients are those of its E[X²]: the average's lower, the maximum's higher than p.",
        why="A window of two has E[X²] = (p + E[S S'])/2 under the average and 2p − E[S S'] under the maximum.",
        source=FIELDS,
        derivation="pooling",
        criteria=(RATE, GRADIENT),
        settings=pools("average", "max"),
        draws=100,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="architecture.pooling.ignored",
        statement="Average pooling hands on the second moment of the spikes that it pools.",
        why="It hands on (p + E[S S'])/2, and E[S S'] of neighbours is far below p.",
        source="ikun: the weights of a layer set as if no pool were before it",
        derivation="pooling",
        criteria=(replace(RATE, claimed=expected("rate", arch="conv1d:padding=circular"), tolerance=0.03),),
        settings=pools("average"),
        draws=100,
        expected="refuted",
    )
)


def area(case: Case) -> float:
    """∫ f'², as the limit of √(2πv) E[f'(H − θ)²] for v → ∞."""
    variance = 1e8
    return float(layer_of(case.architecture).gradient_moment(variance)) * math.sqrt(2 * math.pi * variance)


def sew_exponent(case: Case) -> float:
    """1 + 2 √(K/2π) ∫ f'²: rates tend to ½, Var(H) to K l²/4, and a block's factor to 1 + 2 √(K/2π) ∫ f'²/l."""
    return 1 + 2 * math.sqrt(case.architecture.gain / (2 * math.pi)) * area(case)


def ms_root(case: Case) -> float:
    """2 √(K/π) ∫ f'²: Var(H) tends to K l/2, and a block's factor to 1 + √(K/π) ∫ f'²/√l."""
    return 2 * math.sqrt(case.architecture.gain / math.pi) * area(case)


for kind, observable, law, value, source in (
    ("sew", "gradient_exponent", "as a power of the depth, L^(1 + 2 √(K/2π) ∫ f'²)", sew_exponent, SEW),
    ("ms", "gradient_root", "as exp(2 √(K/π) ∫ f'² √L)", ms_root, MS),
):
    CLAIMS.register(
        Claim(
            id=f"architecture.residual.{kind}",
            statement=f"With one K in all blocks the gradient of a residual network ({kind}) grows {law}.",
            why="The stream grows with every block, E[f'²] falls as the membranes widen, and factors tend to 1 too slowly.",
            source=source,
            derivation="residual-blocks",
            criteria=(Criterion(observable=observable, claimed=value, tolerance=0.2, relative=True),),
            # many samples: few of the widely spread membranes are near the threshold
            settings=tuple(on(arch=f"residual:kind={kind}", width=256, depth=64, gain=k) for k in (4.0, 9.0)),
            expected="confirmed",
        )
    )


def recurrent(autapses: bool, **network: Any) -> Setting:
    word = str(autapses).lower()
    return lif(
        **{"arch": f"recurrent:recurrent_gain=3,autapses={word}", "gain": 7.0, "leak": 0.5, "samples": 16, "width": 512}
        | network
    )


CLAIMS.register(
    Claim(
        id="architecture.recurrent",
        statement="Recurrent layers, with autapses or without, are those of the covariance theory with K_r E[S[t−1] S[s−1]].",
        why="Fresh Gaussian weights within a layer add the covariance of its own spikes one step before; n of n² weights less "
        "change nothing at large n.",
        source=FIELDS,
        derivation="recurrence",
        criteria=(RATE, replace(GRADIENT, tolerance=0.2)),
        settings=(recurrent(True), recurrent(False), recurrent(True, reset="soft", detach=False, loss="rate")),
        draws=16,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="architecture.recurrent.ignored",
        statement="The recurrent weights can be left out: rates are those of the layers without them.",
        why="They add K_r to a gain of K from the second step on.",
        source="ikun: the weights of a layer set as if it were not recurrent",
        derivation="recurrence",
        criteria=(replace(RATE, claimed=expected("rate", arch="dense")),),
        settings=(recurrent(False),),
        expected="refuted",
    )
)
