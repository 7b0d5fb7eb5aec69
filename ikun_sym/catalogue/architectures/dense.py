"""Every neuron sees every neuron of the layer below."""

from __future__ import annotations

from dataclasses import dataclass

from .topology import Topology, architecture


@architecture
@dataclass(frozen=True, kw_only=True)
class Dense(Topology):
    """I^l = W^l S^{l−1}."""

    name = "dense"
    summary = "fully connected layers"
