"""What the leak does to learning, by the number of time steps."""

from __future__ import annotations

from .diagram import BUDGET, DIAGRAMS, Diagram

DIAGRAMS.register(
    Diagram(
        name="leak-steps",
        title="Leak against time steps",
        question="Eight layers of width 128 on digits, weights of K = 7, surrogate atan with α = 1. Does memory in the "
        "membrane help deep networks?",
        says="Memory helps as soon as there is some: with a leak of 0.5 or more, two steps take eight layers from 0.83 to 0.9 "
        "and four to 0.95; without it further steps change nothing, for the input is the same at each. ξ grows with both, "
        "ξ_b does not.",
        over=("leak=0,0.5,0.8,1", "steps=1,2,4,8"),
        words=("--scheme", "lecun:k=7", "--model", "mlp:depth=8,width=128", "--surrogate", "atan:alpha=1", *BUDGET),
    )
)
