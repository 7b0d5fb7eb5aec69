"""The input that a model is run on: the caller's own, or random spikes of a shape and a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from ikun_sym.errors import DomainError, IkunError

if TYPE_CHECKING:
    from torch import Tensor, nn

INPUT_RATE = 0.5

INPUT, READOUT = 0, 1
"""Children of the seed: random streams apart from that of the model's weights, which is torch's own of this seed."""


def stream(seed: int, child: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence(seed, spawn_key=(child,)).generate_state(1)[0])


def example_of(
    model: nn.Module, example_input: Any, input_shape: Sequence[int] | None, input_rate: float, seed: int, *, data: bool = False
) -> Any:
    """`example_input`, or where it is None random spikes of `input_shape` (`noise`). `data`: it is called the user's own data.

    Errors (IkunError): neither is given, or both; no shape; a rate that is no probability; noise that is called data.
    """
    if (example_input is None) == (input_shape is None):
        raise IkunError("give either an example input, or input_shape=(T, B, …) for random spikes of that shape")
    if input_shape is None:
        return example_input
    if data:
        raise IkunError("data=True says that the input is your own data; give it as the example input, not input_shape")
    return noise(model, input_shape, input_rate, stream(seed, INPUT))


def noise(model: nn.Module, shape: Sequence[int], rate: float, seed: int) -> Tensor:
    """Independent entries, 1 with probability `rate`, else 0, where the model's parameters are and of their type."""
    import torch

    sizes = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else ()
    if not sizes or not all(isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise DomainError("input_shape", shape, "a tuple of positive integers", "for example (4, 32, 256)")
    check_rate("input_rate", rate)
    drawn = torch.rand(sizes, generator=torch.Generator().manual_seed(seed)) < rate
    own = next((one for one in model.parameters() if one.is_floating_point()), None)
    return drawn.to(torch.get_default_dtype()) if own is None else drawn.to(own.device, own.dtype)


def check_rate(name: str, rate: float) -> None:
    """Error (DomainError): not a probability."""
    if isinstance(rate, bool) or not isinstance(rate, Real) or math.isnan(rate) or not 0 <= rate <= 1:
        raise DomainError(name, rate, "between 0 and 1", "it is a probability of a spike")
