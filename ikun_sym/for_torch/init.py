"""Initialisation in the style of `torch.nn.init`, and the spike with its surrogate gradient. Import this module by name: the
rest of the package needs no torch.

Var(W) comes from the schemes (`init_variance`), f' from the catalogue: nothing is stated here a second time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import DomainError, IkunError
from ..reading.neuron import resolve_surrogate
from ..reading.surrogate_spec import Spec
from ..schemes.fan import Fan
from ..schemes.initialise import Initialisation, init_variance
from .copying import copy_one
from .expressions import derivative

MODES: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda into, out: into,
    "fan_out": lambda into, out: out,
    "fan_avg": lambda into, out: (into + out) / 2,
}
"""The number n in n Var(W) = K, from fan_in and fan_out."""


def fan_of(weight: Tensor, *, groups: int = 1, stride: int | Sequence[int] = 1, transposed: bool = False) -> Fan:
    """Fans of a weight in torch's layout: the true means over positions, without borders.

    Linear (out, in); convolution (out, in/groups, *kernel): fan_in = in/groups · k, fan_out = out/groups · k/strides, k and
    `strides` the products of the kernel's sizes and of the strides; transposed (in, out/groups, *kernel): fan_in = in/groups ·
    k/strides, fan_out = out/groups · k. `torch.nn.init` ignores groups and stride in fan_out, and swaps the fans of transposed
    convolutions.
    """
    if weight.ndim < 2:
        raise IkunError(f"a weight of shape {tuple(weight.shape)} has no fans; give one with at least two dimensions")
    kernel = weight.shape[2:]
    strides = [stride] * len(kernel) if isinstance(stride, int) else list(stride)
    if len(strides) != len(kernel):
        raise IkunError(f"stride {stride} does not fit a kernel of shape {tuple(kernel)}; give one number or one a dimension")
    if groups < 1 or any(step < 1 for step in strides):
        raise DomainError("groups or stride", (groups, stride), "integers of at least 1")
    if weight.shape[0] % groups:
        raise IkunError(f"groups = {groups} must divide the {weight.shape[0]} channels of the weight's first dimension")
    first, second = weight.shape[0] // groups, weight.shape[1]
    volume, skipped = math.prod(kernel), math.prod(strides)
    if transposed:
        return Fan(first * volume / skipped, second * volume, "the true mean over positions")  # type: ignore[arg-type]  # a mean need not be whole
    return Fan(second * volume, first * volume / skipped, "the true mean over positions")


@torch.no_grad()
def _fill(
    weight: Tensor,
    scheme: str,
    mode: str,
    generator: torch.Generator | None,
    layer: dict[str, Any],
    settings: dict[str, Any],
) -> Tensor:
    """Fill `weight` in place from the scheme's law, with n as its fan_in."""
    found = planned(weight, scheme, mode, **layer, **settings)
    if found.distribution == "uniform":
        bound = found.uniform_bound
        weight.uniform_(found.mean - bound, found.mean + bound, generator=generator)
    else:
        weight.normal_(found.mean, found.std, generator=generator)
    if found.copied:
        copy_one(weight, found.copied, generator)
    return weight


def planned(
    weight: Tensor,
    scheme: str,
    mode: str = "fan_in",
    *,
    groups: int = 1,
    stride: int | Sequence[int] = 1,
    transposed: bool = False,
    **settings: Any,
) -> Initialisation:
    """What `init_` functions would do to `weight`: variance, surrogate to train with, and the origin of each number."""
    if mode not in MODES:
        raise IkunError(f"mode {mode!r} is unknown; it is one of {', '.join(MODES)}")
    fan = fan_of(weight, groups=groups, stride=stride, transposed=transposed)
    size = MODES[mode](fan.fan_in, fan.fan_out)
    return init_variance(scheme, Fan(size, fan.fan_out, fan.fan_out_is), **settings)  # type: ignore[arg-type]  # likewise


def ikun_(
    weight: Tensor,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    alpha: float = 1.0,
    second_moment: float | None = None,
    amplitude: float | None = None,
    scheme: str = "ikun",
    mode: str = "fan_in",
    groups: int = 1,
    stride: int | Sequence[int] = 1,
    transposed: bool = False,
    distribution: str = "normal",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Var(W) = α/(n σ_X² E[f'(H − θ)²]) (arXiv 2411.18250, Theorem 1), at its own stationary state; in place, returns `weight`.

    n by `mode`: fan_in, fan_out or their mean. `scheme`: another reading of the theorem (`ikun-second-moment`, `backward-only`,
    …). `second_moment`: E[X²] of the layer's input, if known. `amplitude`: f' is the surrogate's times this constant. Errors: a
    setting without a stationary state; then `weight` is not changed.
    """
    settings = {"surrogate": surrogate, "threshold": threshold, "alpha": alpha, "second_moment": second_moment}
    settings["amplitude"] = amplitude
    layer = {"groups": groups, "stride": stride, "transposed": transposed}
    return _fill(weight, scheme, mode, generator, layer, {**settings, "distribution": distribution})


def critical_(
    weight: Tensor,
    rate: float = 0.2,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    mode: str = "fan_in",
    groups: int = 1,
    stride: int | Sequence[int] = 1,
    transposed: bool = False,
    distribution: str = "normal",
    generator: torch.Generator | None = None,
    **neuron: Any,
) -> Tensor:
    """Rate-targeted critical initialisation: n Var(W) = θ²/(a² p), a = Q⁻¹(p), for a firing rate p; in place, returns `weight`.

    `neuron`: leak, steps, reset, detach, amplitude … as in `init_variance`. The gradient keeps its variance if the surrogate
    has the slope that belongs to the rate, or the amplitude: `spike(x, planned(weight, "critical", rate=…).surrogate)`.
    """
    settings = {"rate": rate, "surrogate": surrogate, "threshold": threshold, "distribution": distribution, **neuron}
    layer = {"groups": groups, "stride": stride, "transposed": transposed}
    return _fill(weight, "critical", mode, generator, layer, settings)


def copy_(
    weight: Tensor,
    rate: float = 0.2,
    surrogate: Spec = "atan",
    threshold: float = 1.0,
    *,
    c: float = 0.0,
    noise: float = 0.2,
    groups: int = 1,
    stride: int | Sequence[int] = 1,
    distribution: str = "normal",
    generator: torch.Generator | None = None,
    **neuron: Any,
) -> Tensor:
    """Weights that copy: c θ at one input of each neuron, a random permutation, plus independent weights whose currents have
    the standard deviation noise · θ at the firing rate p; in place, returns `weight`. c = 0: the c at which p holds itself.

    For the weights between hidden layers of a deep plain network; the first ones encode (`critical_`). Train them with a wide
    surrogate and the amplitude of `planned(weight, "copy", surrogate="sigmoid:alpha=1", amplitude="unit")`, and with a learning
    rate divided by the number of layers. `neuron`: leak, steps, reset, … as in `init_variance`. Error: a reset that is not
    hard, over several steps.
    """
    settings = {"rate": rate, "surrogate": surrogate, "threshold": threshold, "distribution": distribution, **neuron}
    layer = {"groups": groups, "stride": stride}
    return _fill(weight, f"copy:c={c!r},noise={noise!r}", "fan_in", generator, layer, settings)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gradient: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.gradient = gradient
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * ctx.gradient(x), None


def spike_function(surrogate: Spec = "atan", amplitude: float | None = None) -> Callable[[Tensor], Tensor]:
    """x ↦ 1 where x >= 0, else 0 (x = membrane potential − threshold), with A f'(x) as its gradient, A the amplitude: 1, or
    what the SPEC says."""
    gradient = derivative(resolve_surrogate(surrogate, amplitude))
    return lambda x: _Spike.apply(x, gradient)


def spike(x: Tensor, surrogate: Spec = "atan", amplitude: float | None = None) -> Tensor:
    """`spike_function(surrogate, amplitude)(x)`. In a loop, create the function once outside."""
    return spike_function(surrogate, amplitude)(x)
