"""How many weights feed a neuron and how many it feeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch

from ..catalogue.architectures import Convolution, Topology
from ..errors import DomainError, IkunError

WIDEST = 10**12


@dataclass(frozen=True)
class Fan:
    """`fan_in` inputs per neuron, `fan_out` neurons that each input reaches on average (not always whole: stride).
    `fan_out_is` says which fan-out that is."""

    fan_in: int
    fan_out: float
    fan_out_is: str = field(default="given, or fan_in", compare=False)

    def __post_init__(self) -> None:
        for name, value in (("fan_in", self.fan_in), ("fan_out", self.fan_out)):
            if value > WIDEST:
                raise DomainError(name, "a number above 1e12", "at most 1e12")
            if not value > 0:
                raise DomainError(name, value, "a positive number", "a layer of width zero has no weights")

    @classmethod
    def of(cls, fan_in: int, fan_out: float | None = None) -> Fan:
        """A dense layer; fan_out defaults to fan_in."""
        return cls(fan_in, fan_in if fan_out is None else fan_out)

    @classmethod
    def of_convolution(
        cls, in_channels: int, out_channels: int, groups: int, kernel: int, stride: int, dimensions: int = 2
    ) -> Fan:
        """A convolution with a cubic kernel: fan_in = in/groups · k^d, mean fan_out = out/groups · (k/stride)^d.

        PyTorch's own fan_out ignores groups and stride; this is the true mean over input positions, borders aside.
        """
        for name, value in (
            ("in channels", in_channels),
            ("out channels", out_channels),
            ("groups", groups),
            ("kernel", kernel),
            ("stride", stride),
        ):
            if value < 1:
                raise DomainError(name, value, "an integer of at least 1")
        if in_channels % groups or out_channels % groups:
            raise IkunError(f"groups = {groups} must divide in channels = {in_channels} and out channels = {out_channels}")
        volume = kernel**dimensions
        mean = out_channels / groups * volume / stride**dimensions
        own = out_channels * volume
        which = "the true mean over input positions, borders aside: out/groups · (kernel/stride)^d"
        which += f"; PyTorch's own would be {own}, out · kernel^d" if own != mean else "; PyTorch's own is the same here"
        return cls(in_channels // groups * volume, mean, which)


@singledispatch
def fan_of(topology: Topology, width: int, fan_out: float | None = None) -> Fan:
    """The fan of a layer's weights: `width` neurons, or channels, see as many and feed `fan_out`."""
    return Fan.of(width, fan_out)


@fan_of.register
def _(topology: Convolution, width: int, fan_out: float | None = None) -> Fan:
    """Of a plain layer, without stride, away from borders."""
    out = width if fan_out is None else round(fan_out)
    return Fan.of_convolution(width, out, topology.groups, topology.kernel, 1, topology.dimensions)
