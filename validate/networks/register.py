"""Which network draws which architecture of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ikun_sym.catalogue.architectures import Dense, Topology
from ikun_sym.catalogue.registry import Registry

from .architecture import Architecture
from .network import Network


class Variant(NamedTuple):
    """An architecture with parameters, and a width at which its networks are near infinite width and cheap."""

    arch: str
    width: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """`name`: the architecture's. `compared`: the variants whose networks are compared with the mean field."""

    name: str
    network: type[Network]
    compared: tuple[Variant, ...] = ()


NETWORKS: Registry[Drawn] = Registry("network of architecture")

N = TypeVar("N", bound=type[Network])


def draws(topology: type[Topology], *compared: Variant) -> Callable[[N], N]:
    """The decorated network is that of this architecture."""

    def register(network: N) -> N:
        NETWORKS.register(Drawn(name=topology.name, network=network, compared=compared))
        return network

    return register


draws(Dense)(Network)


def network_of(architecture: Architecture, **options: Any) -> Network:
    """The network of this architecture; `options` are those of `Network`."""
    return NETWORKS[architecture.topology.name].network(architecture, **options)
