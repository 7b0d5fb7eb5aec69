"""The connection between layers: drawn weights, or the law of their sums at finite width; LSUV or a norm on top.

The law. Given the spikes x [T, n] of the layer below, the n currents of a layer are independent Gaussians with covariance
K x xᵀ/n over the steps. This is exact for normal weights. Backward, the gradient δ takes the place of x, independent of the
forward pass, as mean-field theory assumes. So a layer costs n random numbers instead of n², and keeps every effect of finite
width over any number of steps: random spike counts, silence, the log-normal spread of the gradient. Samples that share weights
are treated as further steps.

 * centred rows: x − mean x takes the place of x
 * orthogonal weights preserve x xᵀ: the sample covariance of the Gaussians is divided out
 * weights of mean m add m Σ x; biases are added
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ikun_sym.catalogue.schemes.scheme import INDEPENDENT

from ..engines.population import Population
from ..engines.products import times
from ..networks import lsuv
from ..networks.drawing import BIAS, DRAWINGS, WEIGHTS, generator
from ..networks.normalisation import threshold_dependent
from .forward_backward import Between
from .grid import THRESHOLD, Forward

JITTER = 1e-9
"""Added to covariances, relative to their trace: steps without spikes make them singular. It changes σ by 3e-5 of σ."""

AIMS = {"deviation": lsuv.deviation, "rate": lsuv.rate}
"""What LSUV rescales each layer to, by the catalogue's `aim`."""


ORTHOGONAL = ("orthogonal", "delta-orthogonal")
"""Two words of the catalogue that mean the same for a dense layer: its kernel has one tap, the centre."""


def drawing(forward: Forward) -> str:
    """The key of DRAWINGS for these weights."""
    if forward.weights in ORTHOGONAL:
        return ORTHOGONAL[0]
    return forward.distribution if forward.weights == INDEPENDENT else forward.weights


class Matrices:
    """The standard matrices of a draw, shared by all schemes that draw the same way. One kind is held at a time."""

    def __init__(self, width: int, seed: int, index: int, device: torch.device) -> None:
        self.width, self.key, self.device = width, (seed, index), device
        self._kind = ""
        self._held: dict[int, Tensor] = {}

    def __call__(self, forward: Forward, layer: int) -> Tensor:
        """A [width, width] matrix of mean square 1."""
        if (kind := drawing(forward)) != self._kind:
            self._kind, self._held = kind, {}
        if layer not in self._held:
            made = torch.empty(self.width, self.width, device=self.device)
            DRAWINGS[kind](made, 1.0, generator(self.device, *self.key, WEIGHTS, layer))
            self._held[layer] = made
        return self._held[layer]


def wakes(forward: Forward) -> bool:
    """Whether a layer may spike when the one below is silent: with biases."""
    return bool(forward.bias or forward.bias_bound)


class Drawn:
    """The drawn weights of one network, which all samples share."""

    def __init__(self, forward: Forward, matrices: Matrices, group: int = 1) -> None:
        self.forward, self.matrices, self.group, self.wakes = forward, matrices, group, wakes(forward)
        self._std = math.sqrt(forward.gain / matrices.width)

    def currents(self, x: Tensor, layer: int) -> Tensor:
        made = times(x, self.matrices(self.forward, layer).T).mul_(self._std)
        if self.forward.mean:
            made += self.forward.mean * x.sum(dim=-1, keepdim=True)
        return self._biased(made, layer)

    def _biased(self, current: Tensor, layer: int) -> Tensor:
        if self.forward.bias:
            current += self.forward.bias
        if bound := self.forward.bias_bound:
            source = generator(self.matrices.device, *self.matrices.key, BIAS, layer)
            current += torch.empty(current.shape[-1], device=current.device).uniform_(-bound, bound, generator=source)
        return current

    def returned(self, grad_i: Tensor, layer: int) -> Tensor:
        made = times(grad_i, self.matrices(self.forward, layer)).mul_(self._std)
        return made + self.forward.mean * grad_i.sum(dim=-1, keepdim=True) if self.forward.mean else made


class Law:
    """The law of the sums; each group of samples is a network."""

    def __init__(self, forward: Forward, source: torch.Generator, group: int = 1) -> None:
        self.forward, self.source, self.group, self.wakes = forward, source, group, wakes(forward)

    def currents(self, x: Tensor, layer: int) -> Tensor:
        shape, given = x.shape, self.forward
        centred = x - x.mean(dim=-1, keepdim=True) if given.weights == "row-centred" else x
        made = self._gaussian(centred)
        if given.mean:
            made += given.mean * x.sum(dim=-1, keepdim=True)
        if given.bias_bound:  # one per neuron, the same at each step
            bias = torch.empty(shape[1] // self.group, shape[2], device=x.device)
            bias.uniform_(-given.bias_bound, given.bias_bound, generator=self.source)
            made += bias.repeat_interleave(self.group, dim=0)
        return made.add_(given.bias) if given.bias else made

    def returned(self, grad_i: Tensor, layer: int) -> Tensor:
        made = self._gaussian(grad_i)
        return made + self.forward.mean * grad_i.sum(dim=-1, keepdim=True) if self.forward.mean else made

    def _gaussian(self, x: Tensor) -> Tensor:
        """[T, B, n]: Gaussians of covariance K x xᵀ/n over the steps and samples of a network."""
        steps, samples, count = x.shape
        rows = x.reshape(steps, -1, self.group, count).transpose(0, 1).reshape(-1, steps * self.group, count)
        made = self._rows(rows).reshape(-1, steps, self.group, count).transpose(0, 1)
        return made.reshape(steps, samples, count)

    def _rows(self, x: Tensor) -> Tensor:
        """The same for [networks, rows, n]."""
        z = torch.empty_like(x).normal_(generator=self.source)
        if x.shape[1] == 1:  # a 1 × 1 covariance: the root of a number
            size = x.square().mean(dim=-1, keepdim=True, dtype=torch.float64)
            if self._keeps:
                size = size / z.square().mean(dim=-1, keepdim=True, dtype=torch.float64)
            return z * (self.forward.gain * size).sqrt().to(z.dtype)
        root = _root(_gram(x)) * math.sqrt(self.forward.gain)
        if self._keeps:
            root = torch.linalg.solve_triangular(_root(_gram(z)), root, upper=False, left=False)
        return root.to(x.dtype) @ z

    @property
    def _keeps(self) -> bool:
        return self.forward.weights in ORTHOGONAL


def _gram(x: Tensor) -> Tensor:
    """x xᵀ/n of each network, in float64."""
    return (x @ x.transpose(1, 2)).double() / x.shape[-1]


def _root(gram: Tensor) -> Tensor:
    """Lower triangular root (Cholesky); zero for a silent network."""
    trace = gram.diagonal(dim1=1, dim2=2).sum(dim=-1)
    unit = torch.where(trace > 0, trace, 1.0)
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    root, failed = torch.linalg.cholesky_ex(gram / unit[:, None, None] + JITTER * eye)
    if bool(failed.any()):  # rounding of float32 products
        root = torch.linalg.cholesky(gram / unit[:, None, None] + 1e4 * JITTER * eye)
    return root * torch.sqrt(torch.where(trace > 0, trace, 0.0))[:, None, None]


class Normalised:
    """Threshold-dependent batch normalisation: each neuron's currents, over the steps and samples of its network."""

    def __init__(self, inner: Between) -> None:
        self.inner, self.group, self.wakes = inner, inner.group, inner.wakes
        self.back: dict[int, Callable[[Tensor], Tensor]] = {}

    def currents(self, x: Tensor, layer: int) -> Tensor:
        made, back = threshold_dependent(self._by_neuron(self.inner.currents(x, layer)), THRESHOLD)
        self.back[layer] = lambda grad: self._by_sample(back(self._by_neuron(grad)), grad.shape)
        return self._by_sample(made, x.shape)

    def returned(self, grad_i: Tensor, layer: int) -> Tensor:
        return self.inner.returned(self.back[layer](grad_i), layer)

    def _by_neuron(self, x: Tensor) -> Tensor:
        """[T, samples of a network, neurons of all networks, 1]."""
        steps, samples, count = x.shape
        return x.reshape(steps, samples // self.group, self.group, count).transpose(1, 2).reshape(steps, self.group, -1, 1)

    def _by_sample(self, x: Tensor, shape: torch.Size) -> Tensor:
        steps, samples, count = shape
        return x.reshape(steps, self.group, samples // self.group, count).transpose(1, 2).reshape(shape).contiguous()


class Rescaled:
    """LSUV: each layer is multiplied by the factor that brings its neurons to the aim on this very input."""

    def __init__(self, inner: Between, neurons: Population, aim: str, wanted: float) -> None:
        self.inner, self.neurons, self.group, self.wakes = inner, neurons, inner.group, inner.wakes
        self.excess: lsuv.Excess = AIMS[aim](wanted)
        self.factors: dict[int, Tensor] = {}

    def currents(self, x: Tensor, layer: int) -> Tensor:
        current = self.inner.currents(x, layer)
        found = [self._factor(current[:, b : b + self.group], layer) for b in range(0, x.shape[1], self.group)]
        factors = torch.tensor(found, device=x.device, dtype=x.dtype).repeat_interleave(self.group)
        self.factors[layer] = factors[None, :, None]
        return current * self.factors[layer]

    def _factor(self, current: Tensor, layer: int) -> float:
        """The factor for one network's samples; 1 for a silent layer."""
        return lsuv.factor(self.neurons, current, self.excess, f"layer {layer + 1}") if bool(current.any()) else 1.0

    def returned(self, grad_i: Tensor, layer: int) -> Tensor:
        return self.inner.returned(grad_i, layer) * self.factors[layer]
