"""Which learning rate suits which initialisation."""

from __future__ import annotations

from .diagram import DIAGRAMS, Diagram

DIAGRAMS.register(
    Diagram(
        name="lr-scheme",
        title="Learning rate against initialisation",
        question="Four layers of width 128 on digits, one time step, Adam. Is a scheme's advantage one of its learning rate?",
        says="The order of the schemes hardly depends on the rate: Kaiming's, Xavier's and orthogonal weights, all below the "
        "critical scale, learn four layers, for activity does not die so soon. `critical`, which sets the slope that keeps the "
        "gradient's size (α = 2.4 here), learns less at every rate, and IKUN's weights (K = 777) nothing.",
        over=("lr=0.0003,0.001,0.003,0.01,0.03", "scheme=torch-default,kaiming,xavier,orthogonal,critical,ikun"),
        words=(
            *("--model", "mlp:depth=4,width=128", "--steps", "1", "--epochs", "30", "--seeds", "2", "--target", "0.8"),
            *("--surrogate", "atan:alpha=1"),
        ),
    )
)
