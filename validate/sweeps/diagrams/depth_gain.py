"""How deep a network learns, by the scale of its weights."""

from __future__ import annotations

from .diagram import BUDGET, DIAGRAMS, Diagram

DIAGRAMS.register(
    Diagram(
        name="depth-gain",
        title="Depth against gain, one step",
        question="Plain dense networks of width 128 on digits, one time step, surrogate atan with α = 1, independent weights "
        "of K = fan_in·Var(W) = k. Which depths learn?",
        over=("scheme.k=3,5,6,6.5,7,8,10,14,20,40", "model.depth=2,4,6,8,10,12,16,20"),
        words=(
            *("--scheme", "lecun", "--model", "mlp:depth=4,width=128", "--surrogate", "atan:alpha=1", "--steps", "1"),
            *BUDGET,
        ),
        says="The border follows the coherence of gradients: as ξ_b falls, from 12 layers at k = 6.5 to 2 at k = 40, while ξ "
        "hardly changes. Below the critical scale networks learn too, and at k = 5 the deepest ones: over so few layers "
        "activity has not died.",
    )
)
