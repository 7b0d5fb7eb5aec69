"""The random numbers of one draw: each layer, the input and the readout have streams of their own.

So a layer's weights can be drawn again whenever they are needed, bit for bit, and a deeper network begins like a shallower.
How a weight is drawn from them is an entry of `DRAWINGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..engines.buffers import BUFFERS

INPUT, READOUT, BIAS, WEIGHTS = range(4)


def generator(device: torch.device, seed: int, index: int, stream: int, layer: int = 0) -> torch.Generator:
    """The random numbers of one stream of draw `index`."""
    state = np.random.SeedSequence((seed, index, stream, layer)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


class Regenerated(Sequence[Tensor]):
    """Tensors that are made when asked for. Each is valid until the next one is asked for: their memory is one."""

    def __init__(self, count: int, make: Callable[[int], Tensor]) -> None:
        self._count, self._make = count, make
        self._last: Tensor | None = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, layer: int) -> Tensor:  # type: ignore[override]  # no slices
        if not -self._count <= layer < self._count:
            raise IndexError(layer)
        if self._last is not None:
            BUFFERS.give(self._last)
        self._last = self._make(layer % self._count)
        return self._last

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.__getitem__, range(self._count))


def orthonormal(fan_out: int, fan_in: int, source: torch.Generator) -> Tensor:
    """Rows (or columns, where there are fewer of those) of length 1 and at right angles, uniformly drawn: Q of a Gaussian
    matrix, its signs such that R has a positive diagonal."""
    shape = max(fan_out, fan_in), min(fan_out, fan_in)
    tall = torch.randn(*shape, generator=source, dtype=torch.float64, device=source.device)
    q, r = torch.linalg.qr(tall)
    q = q * torch.sign(torch.diagonal(r))
    return q if fan_out >= fan_in else q.T


def normal(weight: Tensor, std: float, source: torch.Generator) -> None:
    weight.normal_(0.0, std, generator=source)


def uniform(weight: Tensor, std: float, source: torch.Generator) -> None:
    weight.uniform_(-std * 3**0.5, std * 3**0.5, generator=source)


def row_centred(weight: Tensor, std: float, source: torch.Generator) -> None:
    """Normal, then the mean of what feeds a neuron subtracted."""
    normal(weight, std, source)
    weight -= weight.mean(dim=tuple(range(1, weight.dim())), keepdim=True)


def orthogonal(weight: Tensor, std: float, source: torch.Generator) -> None:
    """A convolution's kernel as one matrix [out channels, in channels · taps]. Entries of an orthonormal m × n matrix have mean
    square 1/max(m, n)."""
    rows, columns = len(weight), weight[0].numel()
    weight.copy_(orthonormal(rows, columns, source).view(weight.shape) * (std * max(rows, columns) ** 0.5))


def delta_orthogonal(weight: Tensor, std: float, source: torch.Generator) -> None:
    """Orthogonal at the tap over the position itself, zero elsewhere; std² is the mean square over all taps."""
    taps = weight.shape[2:]
    centre = (..., *((size - 1) // 2 for size in taps))
    tap = torch.empty_like(weight[centre])
    orthogonal(tap, std * taps.numel() ** 0.5, source)
    weight.zero_()
    weight[centre] = tap


DRAWINGS: Mapping[str, Callable[[Tensor, float, torch.Generator], None]] = {
    "normal": normal,
    "uniform": uniform,
    "row-centred": row_centred,
    "orthogonal": orthogonal,
    "delta-orthogonal": delta_orthogonal,
}
"""How weights [out, in, taps…] of mean zero and this standard deviation are drawn, in place."""
