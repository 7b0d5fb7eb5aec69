"""Residual blocks, one layer of spiking neurons each.

    sew:  I^l = W^l x^l,            x^{l+1} = x^l + S^l,   x^1 the input           (SEW ADD: Fang et al. 2021, arXiv:2102.04159)
    ms:   I^l = I^{l−1} + W^l S^{l−1},   I^0 = 0,   S^0 the input       (membrane shortcut: Hu et al. 2021, arXiv:2112.08954)

The loss is at x^{depth+1} (sew), at S^depth (ms). The gradient of layer l is ∂L/∂H^l (sew), or ∂L/∂I^l with the
shortcut's part included (ms). With one step the latter is ∂L/∂H^l too.

What `gain` K means. scaling=constant: fan_in · Var(W^l) = K in every block. scaling=depth: K is the gain of a dense layer with
firing rate p = `rate` (Var(H) = K p), and

    sew:  fan_in · Var(W^l) = K p/M_l,   M_l = E[x_l²] if all blocks fire at the rate p:
          M_l = E[x²] + (l − 1)(2 p E[x] + p) + (l − 1)(l − 2) p²,      so that Var(H^l) = K p in each block
    ms:   K p/E[x²] into layer 1, then K/depth: Var(H) starts at K p and grows by at most a factor 1 + 1/(2p)

E[x], E[x²] belong to the network's input, averaged over the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import DomainError
from . import norm as normalisation
from .option import choice, real
from .topology import Topology, architecture

Gains = tuple[float, ...]


def _sew(gain: float, depth: int, rate: float, mean: float, second: float) -> Gains:
    held = gain * rate
    moments = (second + n * (2 * rate * mean + rate) + n * (n - 1) * rate**2 for n in range(depth))
    return tuple(held / moment if moment > 0 else gain for moment in moments)


def _ms(gain: float, depth: int, rate: float, mean: float, second: float) -> Gains:
    first = gain * rate / second if second > 0 else gain
    return (first, *(gain / depth for _ in range(depth - 1)))


SCALED: dict[str, Callable[[float, int, float, float, float], Gains]] = {"sew": _sew, "ms": _ms}
"""fan_in · Var(W) of the blocks under scaling=depth."""


@architecture
@dataclass(frozen=True, kw_only=True)
class Residual(Topology):
    """`rate`: the firing rate that scaling=depth is made for."""

    name = "residual"
    summary = "residual blocks: SEW ADD or membrane shortcut"

    kind: str = choice("sew", "ms")
    scaling: str = choice("constant", "depth")
    rate: float = real(0.2, lambda p: 0 < p < 1, "between 0 and 1")
    norm: str = normalisation.norm()

    @property
    def measured_only(self) -> str:
        return normalisation.reason(self.norm)

    def check(self, depth: int, widths: Sequence[int]) -> None:
        if len(set(widths)) > 1:
            raise DomainError("widths", tuple(widths), "all equal", "a shortcut adds one block's values to another's")

    def gains(self, gain: float, depth: int, input_mean: float, input_second: float) -> Gains:
        if self.scaling == "constant":
            return (gain,) * depth
        return SCALED[self.kind](gain, depth, self.rate, input_mean, input_second)
