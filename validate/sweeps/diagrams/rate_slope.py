"""Which slope of the surrogate learns, by firing rate."""

from __future__ import annotations

from .diagram import BUDGET, DIAGRAMS, Diagram

DIAGRAMS.register(
    Diagram(
        name="rate-slope",
        title="Rate against the surrogate's slope, eight layers",
        question="Eight layers of width 128 on digits, one time step. The gain k sets the firing rate p (on hover), α the "
        "slope of atan, and both the gradient's factor C and the coherence s_b. What is learnt?",
        over=("scheme.k=6.1,6.5,7,8,10,14,20,40", "surrogate.alpha=0.25,0.5,1,2,4,8"),
        says="A wide one: α = 0.5 up to k = 10, α = 0.25 beyond, and little is learnt where the gradient keeps its size (C = "
        "1, α about 2). The border is one of coherence alone, at a depth of about 4.4 ξ_b, whatever the rate.",
        words=("--scheme", "lecun", "--model", "mlp:depth=8,width=128", "--steps", "1", *BUDGET),
    )
)
