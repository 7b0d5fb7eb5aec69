"""Library surrogates that the catalogue cannot state, one statement each, with the reason. Their backward pass does not
evaluate a function f'(x) of the membrane potential alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from .registry import Registry
from .surrogate import qualified


@dataclass(frozen=True, kw_only=True)
class Unsupported:
    """A library function; fields as in `Equivalent`. `reason` completes "… is not supported: "."""

    library: str
    version: str
    path: str
    reason: str
    variant: str = ""
    tag: str = ""

    @property
    def name(self) -> str:
        return qualified(self.library, self.path, self.variant, self.tag)


UNSUPPORTED: Registry[Unsupported] = Registry("library function")

UNSUPPORTED.register(
    Unsupported(
        library="spikingjelly",
        version="0.0.0.0.14",
        path="spikingjelly.activation_based.surrogate:NonzeroSignLogAbs",
        tag="0.0.0.0.14",
        reason="its backward pass always raises RuntimeError in this release; spikingjelly.NonzeroSignLogAbs is the fixed one",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="snntorch",
        version="1.0.0",
        path="snntorch.surrogate:SSO",
        reason="below the threshold its gradient is drawn at random in every backward pass",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="snntorch",
        version="1.0.0",
        path="snntorch.surrogate:LSO",
        reason="it raises TypeError when called; leaky_k_relu:leak=0.1 is what it documents",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="snntorch",
        version="1.0.0",
        path="snntorch.surrogate:custom_surrogate",
        reason="its gradient is the user's own code; write the formula as expr:EXPRESSION",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="lava-dl",
        version="0.7.0.dev0 (git d825ac5)",
        path="lava.lib.dl.slayer.spike.complex:Spike",
        variant="real",
        reason="the gradient to the real part depends on the imaginary part too",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="lava-dl",
        version="0.7.0.dev0 (git d825ac5)",
        path="lava.lib.dl.slayer.spike.complex:Spike",
        variant="imag",
        reason="the gradient to the imaginary part depends on the real part too",
    )
)
UNSUPPORTED.register(
    Unsupported(
        library="stork",
        version="0.1 (git 258a2d6)",
        path="stork.activations:SuperSpike_norm",
        reason="it divides by a norm of the whole batch's gradients",
    )
)
