"""Layers whose neurons also receive their own layer's spikes of the previous step."""

from __future__ import annotations

from dataclasses import dataclass

from .option import real, truth
from .topology import Topology, architecture


@architecture
@dataclass(frozen=True, kw_only=True)
class Recurrent(Topology):
    """I^l[t] = W^l S^{l−1}[t] + R^l S^l[t−1],   S^l[−1] = 0.

    recurrent_gain: n · Var(R), n neurons in the layer, whatever the autapses; `gain` is fan_in · Var(W) of W alone
    autapses:       whether a neuron may see itself; if not, the diagonal of R is zero
    """

    name = "recurrent"
    summary = "layers with recurrent weights"

    recurrent_gain: float = real(1.0, lambda k: k >= 0, "zero or a positive number")
    autapses: bool = truth(True)
