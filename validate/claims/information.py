"""Two inputs of one network: how long they are told apart, and how long their gradients agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ikun_sym.mean_field.information import information

from ..cases.case import Case
from .claim import ACTIVE, CLAIMS, Claim, Criterion, Setting, on
from .time import expected

TWO_INPUTS = "ikun: two inputs at infinite width"
SHATTERED = "Balduzzi et al. 2017, The shattered gradients problem, arXiv:1702.08591"

RATE, SHARED = 0.2, 0.8
"""Of the inputs, and the share of one's spikes that the other has too."""

WIDTH = 2048
"""Overlaps differ between draws as firing rates do, by 1/√width: so wide that few draws tell them to the tolerance."""

FOLLOWED = Criterion(observable="overlap", claimed=expected("overlap"), tolerance=0.02)
AGREED = Criterion(observable="gradient_correlation", claimed=expected("gradient_correlation"), tolerance=0.03)


def at_rate(**network: Any) -> Setting:
    """A network that holds its firing rate and its gradient, with inputs of that rate."""
    return on(**({"rate": RATE, "input_rate": RATE, "surrogate": "sigmoid", "samples": 32} | network))


WIDE = {"surrogate": "sigmoid:alpha=1", "amplitude": "unit"}


def settled(case: Case) -> float:
    """ρ*, where layers have settled."""
    found = information(case.architecture.model).overlap
    return float("nan") if found is None else found


def forgotten(case: Case) -> float:
    """The overlap of two independent inputs in the last layer, at infinite width."""
    a = case.architecture
    pair = Case("", a.but(input_overlap=a.input_rate)).pair
    return float("nan") if pair is None else float(pair.overlap[-1])


TOLD_APART = Criterion(observable="overlap", claimed=forgotten, tolerance=0.05, side="above")
"""Inputs that share 0.8 of their spikes still look unlike independent ones in the last layer."""


CLAIMS.register(
    Claim(
        id="information.overlap.map",
        statement="The overlap of two inputs' spikes goes from layer to layer as ρ ↦ Φ₂(a, a; ρ)/p, over steps as theory says.",
        why="Both inputs meet the same weights: their currents are jointly Gaussian, with covariance K E[S S'].",
        source=TWO_INPUTS,
        criteria=(FOLLOWED,),
        settings=(
            at_rate(depth=2, width=WIDTH),
            at_rate(depth=3, width=WIDTH),
            at_rate(depth=6, width=WIDTH),
            at_rate(depth=4, rate=0.35, input_rate=0.35, width=WIDTH),
            at_rate(depth=4, rate=None, gain=8.0, bias_var=0.2, width=WIDTH),
            at_rate(depth=4, rate=None, gain=9.0, steps=4, leak=0.8, reset="soft", width=1024, samples=16),
            at_rate(depth=4, rate=None, gain=9.0, arch="conv1d:padding=circular", width=512, samples=4),
        ),
        input_overlap=SHARED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="information.overlap.settled",
        statement="Whatever two inputs shared, after 12 layers their spikes have the overlap ρ*, the same for all pairs.",
        why="ρ* is the map's only stable fixed point; a small difference is multiplied by at most 0.5309 in each layer.",
        source=TWO_INPUTS,
        criteria=(Criterion(observable="overlap", claimed=settled, tolerance=0.02),),
        settings=tuple(at_rate(depth=12, width=WIDTH, input_overlap=shared) for shared in (RATE, 0.95)),
        input_overlap=SHARED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="information.coherence",
        statement="Each layer multiplies the correlation of two inputs' gradients by E[f'(H) f'(H')]/E[f'²].",
        why="δ = f'(H) Wᵀδ, and the weights are the same for both inputs.",
        source=SHATTERED,
        criteria=(AGREED,),
        settings=(
            at_rate(depth=2),
            at_rate(depth=3),
            at_rate(depth=3, surrogate="atan"),
            at_rate(depth=6, **WIDE),
            at_rate(depth=3, rate=None, gain=9.0, steps=4, leak=0.8, reset="soft", detach=False, samples=16),
            at_rate(depth=4, rate=None, gain=9.0, arch="conv1d:padding=circular", width=256, samples=16),
        ),
        input_overlap=SHARED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="information.overlap.any-depth",
        statement="Where weights keep the firing rate and the gradient's size, two inputs are told apart at any depth.",
        why="Size is not information: the overlap forgets the inputs within a few layers, whatever the weights' scale.",
        source="implied wherever variance alone decides whether a network can be trained",
        criteria=(TOLD_APART,),
        settings=(at_rate(depth=24), at_rate(depth=24, **WIDE)),
        input_overlap=SHARED,
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="information.gradient.any-depth",
        statement="Where the gradient keeps its size, the gradients of two inputs agree at any depth.",
        why="With the slope that keeps the size each layer leaves 0.45 of their correlation: after 12 layers, none.",
        source="implied wherever variance alone decides whether a network can be trained",
        criteria=(replace(AGREED, claimed=0.0, tolerance=0.1, side="above"),),
        settings=(at_rate(depth=12),),
        input_overlap=SHARED,
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="information.amplitude",
        statement="A wide surrogate times a constant keeps the gradient's size, and over 12 layers a quarter of its agreement.",
        why="A² K E[f'²] = 1 has a solution for every slope; the wider f', the more alike are f'(H) and f'(H').",
        source=TWO_INPUTS,
        criteria=(
            replace(AGREED, claimed=0.25, tolerance=0.0, side="above"),
            Criterion(observable="backward_factor"),
            ACTIVE,
        ),
        settings=(at_rate(depth=12, **WIDE), at_rate(depth=12, surrogate="sigmoid:alpha=0.5", amplitude="unit")),
        input_overlap=SHARED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="information.shortcuts",
        statement="With membrane shortcuts two inputs are told apart after 48 blocks, and their gradients agree.",
        why="A block adds to the current of the one below: what was different stays different.",
        source="Hu et al. 2021, MS-ResNet, arXiv:2112.08954",
        criteria=(replace(TOLD_APART, tolerance=0.1), replace(AGREED, claimed=0.2, tolerance=0.0, side="above")),
        settings=tuple(at_rate(depth=depth, arch=f"residual:kind=ms,scaling=depth,rate={RATE}") for depth in (24, 48)),
        input_overlap=SHARED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="information.shortcuts.sew",
        statement="With SEW shortcuts the spikes of block 48 still tell two inputs apart.",
        why="Blocks see the sum of all spikes below, most of which are alike for all inputs: so become their own spikes.",
        source="Fang et al. 2021, SEW ResNet, arXiv:2102.04159",
        criteria=(TOLD_APART,),
        settings=(at_rate(depth=48, arch=f"residual:kind=sew,scaling=depth,rate={RATE}"),),
        input_overlap=SHARED,
        expected="refuted",
    )
)
