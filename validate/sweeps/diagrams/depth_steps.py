"""How deep a network learns, by the number of time steps."""

from __future__ import annotations

from .diagram import BUDGET, DIAGRAMS, Diagram

DIAGRAMS.register(
    Diagram(
        name="depth-steps",
        title="Depth against time steps",
        question="Dense networks of width 128 of IF neurons on digits, weights of K = 7, surrogate atan with α = 1. Do more "
        "time steps carry information deeper?",
        says="More steps reach deeper: 16 layers go from 0.17 at one step to 0.8 at four. The length that grows with the "
        "steps is ξ, from 1.5 to 2.5 layers; ξ_b falls, from 2.4 to 1.5, so that over time coherence is not the border that it "
        "is at one step.",
        over=("steps=1,2,4,8", "model.depth=4,8,12,16"),
        words=("--scheme", "lecun:k=7", "--model", "mlp:depth=4,width=128", "--surrogate", "atan:alpha=1", *BUDGET),
    )
)
