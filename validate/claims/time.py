"""Several time steps: the covariance theory, theories without the covariance, and the effects of loss and reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..cases.case import Case
from ..cases.observables import OBSERVABLES
from .claim import CLAIMS, Claim, Criterion, Setting, on

COVARIANCE = "ikun: infinite-width theory with the whole covariance over time"
SPIKEINIT = "Shi & Yu 2026, SpikeInit (ICML)"


def expected(observable: str, **theory: Any) -> Callable[[Case], float]:
    """The prediction of an observable by the covariance theory, or by that theory with some fields overridden."""
    return lambda case: OBSERVABLES[observable].expected(case.under(**theory) if theory else case).value


def without_decay(observable: str) -> Callable[[Case], float]:
    """The prediction for the network without decay_input and with gain K/τ²."""

    def value(case: Case) -> float:
        a = case.architecture
        plain = a.but(decay_input=False, gain=a.gain * a.neuron.input_factor**2)
        return OBSERVABLES[observable].expected(Case("", plain)).value

    return value


RATE = Criterion(observable="rate", claimed=expected("rate"), tolerance=0.1, relative=True)
GRADIENT = Criterion(observable="gradient_ratio", claimed=expected("gradient_ratio"), tolerance=0.15, relative=True)


def lif(**network: Any) -> Setting:
    return on(**({"steps": 5, "leak": 0.8, "depth": 8, "width": 640, "gain": 9.0} | network))


CLAIMS.register(
    Claim(
        id="time.covariance",
        statement="Firing rates and gradients of LIF networks over several steps are those of the covariance theory.",
        why="Frozen weights make the currents a Gaussian process with covariance K E[S[t] S[s]]; backward likewise.",
        source=COVARIANCE,
        derivation="lif-over-time",
        criteria=(RATE, GRADIENT),
        settings=(
            lif(),
            lif(detach=False, loss="rate"),
            lif(reset="soft"),
            lif(reset="soft", detach=False, loss="rate"),
            lif(steps=2, leak=1.0),
            lif(bias_var=0.3),
        ),
        expected="confirmed",
    )
)
DEEP = on(steps=30, leak=0.5, gain=6.648, input_rate=0.1, depth=16, samples=16)
CLAIMS.register(
    Claim(
        id="time.white-noise",
        statement="At κ = ½, θ = 1, hard reset, K = 6.648 every layer fires at 0.1, as currents white in time would.",
        why="A neuron's current is partly static: what fires today fires tomorrow. Rates climb with depth, to 0.18.",
        source=SPIKEINIT,
        derivation="lif-over-time",
        criteria=(Criterion(observable="rate", claimed=expected("rate", white_currents=True), tolerance=0.1, relative=True),),
        settings=(DEEP,),
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="time.drift",
        statement="In the same network the rate climbs with depth as the covariance theory says.",
        why="The covariance of the spikes is carried from layer to layer.",
        source=COVARIANCE,
        derivation="lif-over-time",
        criteria=(RATE,),
        settings=(DEEP,),
        expected="confirmed",
    )
)
SLOPE = on(steps=8, leak=0.5, depth=16, samples=16, input_rate=0.1, surrogate="exponential", scheme="spikeinit")
FACTOR = Criterion(observable="backward_factor")
CLAIMS.register(
    Claim(
        id="time.white-noise.slope",
        statement="At SpikeInit's weights and slope, E[f'²] = (1 − (1 − p)κ²)/(σλ)², gradients keep their size at any depth.",
        why="The condition holds at the rate p of currents white in time; the rate climbs with depth, and E[f'²] with it.",
        source=SPIKEINIT,
        derivation="lif-over-time",
        criteria=(FACTOR,),
        settings=(SLOPE,),
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="time.drift.slope",
        statement="In the same network gradients grow as the covariance theory says.",
        why="It carries the covariance of the spikes forward and that of the gradients back.",
        source=COVARIANCE,
        derivation="lif-over-time",
        criteria=(replace(FACTOR, claimed=expected("backward_factor")),),
        settings=(SLOPE,),
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="time.decay-input",
        statement="With decay_input the weights act as if their gain were K/τ², τ = 1/(1 − κ).",
        why="The current is multiplied by 1/τ forward, and its gradient backward.",
        source="SpikingJelly, LIFNode(decay_input=True)",
        derivation="lif-over-time",
        criteria=(
            replace(RATE, claimed=without_decay("rate")),
            replace(GRADIENT, claimed=without_decay("gradient_ratio")),
        ),
        settings=(lif(leak=0.5, decay_input=True, gain=36.0),),
        expected="confirmed",
    )
)
CLAIMS.register(
    Claim(
        id="time.delayed-reset",
        statement="snnTorch's delayed reset can be taken for the soft one.",
        why="It subtracts the threshold one step later and unleaked: H[t] = κ H[t−1] − θ S[t−1] + I[t], another recursion.",
        source="snnTorch, Leaky(reset_delay=True)",
        derivation="lif-over-time",
        criteria=(replace(RATE, claimed=expected("rate", reset="soft")),),
        settings=(lif(reset="delayed", leak=0.5),),
        expected="refuted",
    )
)
SUMMED = (on(steps=1, gain=7.5, depth=8, loss="summed"), lif(leak=0.5, gain=8.0, loss="summed"))
CLAIMS.register(
    Claim(
        id="loss.summed-spikes.zero-mean",
        statement="The gradients of the number of spikes are those of a random readout.",
        why="Its gradient is 1 everywhere: below the last layer it has a part that is linear in the spikes, which is left out.",
        source="ikun: the assumption of a readout of zero mean, as mean-field theories make it",
        derivation="lif-over-time",
        criteria=(replace(GRADIENT, claimed=expected("gradient_ratio", loss="rate")),),
        settings=SUMMED,
        expected="refuted",
    )
)
CLAIMS.register(
    Claim(
        id="loss.summed-spikes.with-its-term",
        statement="With the term Σ_s fan_out Var(W) E[∂δ[t]/∂I[s]] S[s] they are predicted.",
        why="Wᵀδ is Gaussian but for its correlation with W through the forward pass, which is this term.",
        source=COVARIANCE,
        derivation="lif-over-time",
        criteria=(GRADIENT,),
        settings=SUMMED,
        expected="confirmed",
    )
)
