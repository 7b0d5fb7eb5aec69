"""Which network draws which architecture of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ikun_sym.catalogue.architectures import Dense, Topology
from ikun_sym.catalogue.registry import Registry

from ..architecture import Architecture
from ..network import Network


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """`name`: the architecture's."""

    name: str
    network: type[Network]


NETWORKS: Registry[Drawn] = Registry("network of architecture")

N = TypeVar("N", bound=type[Network])


def draws(*topologies: type[Topology]) -> Callable[[N], N]:
    """The decorated network is that of these architectures."""

    def register(network: N) -> N:
        for topology in topologies:
            NETWORKS.register(Drawn(name=topology.name, network=network))
        return network

    return register


draws(Dense)(Network)


def network_of(architecture: Architecture, **options: Any) -> Network:
    """The network of this architecture; `options` are those of `Network`."""
    return NETWORKS[architecture.topology.name].network(architecture, **options)
