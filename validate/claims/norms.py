"""Orthogonal weights, and batch norms that cancel the scale of the weights."""

from __future__ import annotations

from typing import Any

from ikun_sym.mean_field import predict as temporal
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.normal_law import upper_tail

from ..cases.case import Case, layer_of
from .architectures import FLAT, STEADY, rated
from .claim import ACTIVE, CLAIMS, Claim, Criterion, Setting, on

XIAO = "Xiao et al. 2018, arXiv:1806.05393; Saxe et al. 2014, arXiv:1312.6120"
NORM = "Ioffe & Szegedy 2015, arXiv:1502.03167; Zheng et al. 2021, arXiv:2011.05280"
PAPER = "Chang, Wang & Yang 2024, arXiv:2411.18250"

CLAIMS.register(
    Claim(
        id="architecture.weights.orthogonal",
        statement="Orthogonal and delta-orthogonal weights have the rates and gradients of independent weights of equal K.",
        why="A rotation of many spikes is Gaussian, and hands back the mean square of any gradient.",
        source=XIAO,
        criteria=(STEADY, FLAT, ACTIVE),
        settings=(
            on(distribution="orthogonal", width=128, samples=16, **rated(depth=20)),
            on(
                **{"arch": "conv1d:padding=circular", "distribution": "delta-orthogonal", "width": 96, "samples": 8},
                **rated(depth=20),
            ),
        ),
        expected="confirmed",
    )
)


def unit_rate(case: Case) -> float:
    """P(N(0, 1) >= θ)."""
    return float(upper_tail(case.architecture.neuron.threshold))


def normalised_factor(case: Case) -> float:
    """E[f'²]/(p (1 − p)) at a current of variance 1. Backward, W gives K E[f'²], and the norm divides by the current's variance
    over the batch. That variance is K p (1 − p): of K p, the norm subtracts the K p² that all samples share."""
    rate = unit_rate(case)
    return float(layer_of(case.architecture).gradient_moment(1.0)) / (rate * (1 - rate))


NORMED = tuple(on(arch="conv1d:padding=circular,norm=batch", width=96, depth=10, gain=gain, samples=32) for gain in (2.0, 8.0))
CLAIMS.register(
    Claim(
        id="architecture.norm.batch",
        statement="Behind batch norm K has no effect: at K = 2 and 8 p = Q(θ), and the gradient's factor E[f'²]/(p(1 − p)).",
        why="The current is divided by its own standard deviation, √(K p(1 − p)), forward and, its gradient, backward.",
        source=NORM,
        criteria=(
            Criterion(observable="rate", claimed=unit_rate, tolerance=0.05, relative=True),
            Criterion(observable="backward_factor", claimed=normalised_factor, tolerance=0.05, relative=True),
        ),
        settings=NORMED,
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="architecture.norm.threshold-dependent",
        statement="With threshold-dependent batch norm the firing rate is Q(1) = 0.159 at every threshold and every K.",
        why="The current has standard deviation θ.",
        source=NORM,
        criteria=(Criterion(observable="rate", claimed=float(upper_tail(1.0)), tolerance=0.05, relative=True),),
        settings=tuple(
            on(arch="conv1d:padding=circular,norm=tdbn", width=96, depth=10, gain=gain, threshold=theta, samples=32)
            for gain, theta in ((2.0, 0.5), (8.0, 2.0))
        ),
        expected="confirmed",
    )
)


def white_rate(case: Case) -> float:
    """Firing rate of the case's neurons under currents N(0, 1) that are independent over the steps. Batch norm turns Poisson
    input into such currents: its covariance over samples is 0 between steps."""
    a = case.architecture
    model = TimeModel(
        neuron=a.neuron, steps=a.steps, depth=1, gain=1 / a.input_rate, input_rate=a.input_rate, white_currents=True
    )
    return float(temporal.predict(model, samples=2**12).layers[0].rate.mean())


def paper_network(norm: str) -> tuple[Setting, ...]:
    fields: dict[str, Any] = {"arch": f"csnn:norm={norm}", "width": 16, "depth": 4, "steps": 4, "leak": 1.0, "samples": 4}
    return tuple(on(**fields, gain=gain) for gain in (1.0, 16.0))


FIRST_RATE = Criterion(observable="first_rate", claimed=white_rate, tolerance=0.15, relative=True)
"""The tolerance is wide: with nine weights per neuron the current is not quite Gaussian."""
CLAIMS.register(
    Claim(
        id="architecture.paper-network.batch-norm",
        statement="In the paper's network the first convolution fires alike at K = 1 and 16: batch norm cancels Var(W).",
        why="The theorem acts on the two linear layers only.",
        source=PAPER,
        criteria=(FIRST_RATE,),
        settings=paper_network("batch"),
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="architecture.paper-network.without-norm",
        statement="Without batch norm it does so too.",
        why="Then the current has variance K E[x²].",
        source=PAPER,
        criteria=(FIRST_RATE,),
        settings=paper_network("none"),
        draws=48,
        expected="refuted",
    )
)
