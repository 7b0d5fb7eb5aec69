"""How flat the loss is around the weights of a spiking network: what of it is the network's, and what the surrogate's.

The loss L is a step function of the hidden weights: its Hessian there is 0 almost everywhere. So there are three readings.

    adaptive sharpness     E or max of L(w + ρ |w| ∘ z) − L(w): the true loss, no derivative, the same whatever the surrogate
    Gauss–Newton           Jᵀ H_z J, H_z the Hessian of the loss in the outputs z, J = ∂z/∂w through surrogates; no negative
                           eigenvalue where the loss is convex in z
    surrogate Hessian      the derivative of the surrogate gradient: that of a smooth function which shares value, f' and f''
                           with the network at this point. It depends on the surrogate, and compares nothing between slopes

Perturbations in proportion to |w|: ASAM (Kwon et al. 2021, arXiv:2102.11600), as in Andriushchenko et al. 2023,
arXiv:2302.07011. Eigenvalues: Lanczos (scipy's eigsh), each with the residual |A u − λ u|, within which an eigenvalue lies.
Traces: Hutchinson's estimate. Density: stochastic Lanczos quadrature (Ghorbani et al. 2019, arXiv:1901.10159).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor, nn

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.told import Result, Told

from ..models.libraries import LIBRARIES
from .twice import twice_differentiable

Floats = np.ndarray
Product = Callable[[Floats], Floats]
"""v ↦ A v, of a symmetric A."""

RADII = (0.001, 0.01, 0.1)
SMALL = 64
"""Up to so many weights a matrix is written out."""
LANCZOS_STEPS = 40
TOLERANCE = 1e-10
"""Of an eigenvalue, relative to the largest; in single precision, where products have errors of their own, LOOSE."""
LOOSE = 1e-4
RESTARTS = 300


@dataclass(frozen=True, kw_only=True)
class Mean(Told):
    """An average over random draws, and its standard error; 0 where it is exact."""

    value: float
    se: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Mean:
        values = np.asarray(values, dtype=float)
        return cls(value=float(values.mean()), se=float(values.std(ddof=1) / math.sqrt(len(values))))


@dataclass(frozen=True, kw_only=True)
class Eigenvalue(Told):
    """An eigenvalue lies within `residual` of `value`."""

    value: float
    residual: float


@dataclass(frozen=True, kw_only=True)
class Density(Told):
    """The spectrum by stochastic Lanczos quadrature: `nodes` and `weights` [probe, step]; each probe's weights sum to 1."""

    shown = ("probes",)

    nodes: Floats
    weights: Floats

    @property
    def probes(self) -> int:
        return len(self.nodes)

    def share(self, low: float, high: float) -> Mean:
        """Of the eigenvalues in [low, high]."""
        inside = (self.nodes >= low) & (self.nodes <= high)
        return Mean.of((self.weights * inside).sum(axis=1))


@dataclass(frozen=True, kw_only=True)
class Sharpness(Told):
    """At one radius ρ: `mean`, of z ~ N(0, 1); `worst`: the largest rise found with |z| ≤ 1, of which the true one is at
    least that."""

    radius: float
    mean: Mean
    worst: float


@dataclass(frozen=True, kw_only=True)
class Spectrum(Told):
    """`largest`, `smallest`: eigenvalues at both ends."""

    largest: Eigenvalue
    smallest: Eigenvalue
    trace: Mean
    density: Density


@dataclass(frozen=True, kw_only=True)
class Flatness(Result):
    """`gauss_newton`, `hessian`: through the surrogate."""

    shown = ("loss", "sharpness", "gauss_newton", "hessian")

    loss: float
    weights: int
    sharpness: tuple[Sharpness, ...]
    gauss_newton: Spectrum
    hessian: Spectrum

    def to_dict(self) -> dict[str, Any]:
        def mean(found: Mean) -> dict[str, float]:
            return {"value": found.value, "se": found.se}

        def spectrum(found: Spectrum) -> dict[str, Any]:
            ends = {name: vars(getattr(found, name)) for name in ("largest", "smallest")}
            return ends | {"trace": mean(found.trace), "share_negative": mean(found.density.share(-math.inf, 0.0))}

        return {
            "loss": self.loss,
            "weights": self.weights,
            "sharpness": [{"radius": one.radius, "mean": mean(one.mean), "worst": one.worst} for one in self.sharpness],
            "gauss_newton": spectrum(self.gauss_newton),
            "hessian": spectrum(self.hessian),
        }


class Landscape:
    """The loss of a model on one batch, every pass from rest. `loss_of`: from the model's answer to a number."""

    def __init__(self, model: nn.Module, x: Any, loss_of: Callable[[Tensor], Tensor]) -> None:
        self.model, self.x, self.loss_of = model, x, loss_of
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not self.parameters:
            raise IkunError("the model has no weights that are trained; give one whose parameters require gradients")
        self.size = sum(parameter.numel() for parameter in self.parameters)

    def answer(self) -> Tensor:
        for library in LIBRARIES:
            if library.loaded:
                library.fresh(self.model)
        return self.model(self.x)

    def loss(self) -> float:
        with torch.no_grad():
            return float(self.loss_of(self.answer()))

    # ------------------------------------------------------------------------------------------------- linear algebra

    def hessian(self) -> Product:
        with torch.enable_grad(), twice_differentiable():
            grads = self._grads(self.loss_of(self.answer()), create_graph=True)

        def product(v: Floats) -> Floats:
            return self._flat(self._grads(grads, at=self._shaped(v)))

        return product

    def gauss_newton(self) -> Product:
        with torch.enable_grad(), twice_differentiable():
            z = self.answer()
            dummy = torch.zeros_like(z, requires_grad=True)
            back = self._grads(z, at=dummy, create_graph=True)  # Jᵀ u, linear in u: its derivative times v is J v
            outputs = z.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.loss_of(outputs), outputs, create_graph=True)

        def product(v: Floats) -> Floats:
            used = [(b, s) for b, s in zip(back, self._shaped(v), strict=True) if b.requires_grad]
            (forward,) = torch.autograd.grad([b for b, _ in used], dummy, [s for _, s in used], retain_graph=True)
            if not slope.requires_grad:  # a loss that is linear in the outputs
                return np.zeros(self.size)
            (middle,) = torch.autograd.grad(slope, outputs, forward, retain_graph=True)
            return self._flat(self._grads(z, at=middle))

        return product

    def _grads(self, value: Any, at: Any = None, create_graph: bool = False) -> list[Tensor]:
        found = torch.autograd.grad(value, self.parameters, at, retain_graph=True, create_graph=create_graph, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, found, strict=True)]

    def _shaped(self, v: Floats) -> list[Tensor]:
        parts, begin = [], 0
        for parameter in self.parameters:
            part = torch.from_numpy(np.ascontiguousarray(v[begin : begin + parameter.numel()], dtype=np.float64))
            parts.append(part.to(parameter).view_as(parameter))
            begin += parameter.numel()
        return parts

    def _flat(self, parts: Sequence[Tensor]) -> Floats:
        return torch.cat([part.detach().reshape(-1) for part in parts]).double().cpu().numpy()

    # ------------------------------------------------------------------------------------------------- the true loss

    def sharpness(self, radius: float, draws: int, generator: np.random.Generator) -> Sharpness:
        """The worst rise is searched from corners |z| = 1: from the best of the drawn ones, flipping a share of the signs as
        long as that rises."""
        weights = [parameter.detach().clone() for parameter in self.parameters]
        base = self.loss()

        def rise(z: Floats) -> float:
            with torch.no_grad():
                for parameter, weight, part in zip(self.parameters, weights, self._shaped(z), strict=True):
                    parameter.copy_(weight + radius * weight.abs() * part)
                return self.loss() - base

        try:
            mean = Mean.of([rise(generator.standard_normal(self.size)) for _ in range(draws)])
            corners = [generator.choice((-1.0, 1.0), self.size) for _ in range(draws)]
            found = [rise(corner) for corner in corners]
            place = int(np.argmax(found))
            corner, worst = corners[place], found[place]
            for trial in range(draws):
                share = 0.5 / (1 + trial % 8)
                other = np.where(generator.random(self.size) < share, -corner, corner)
                if (risen := rise(other)) > worst:
                    corner, worst = other, risen
        finally:
            with torch.no_grad():
                for parameter, weight in zip(self.parameters, weights, strict=True):
                    parameter.copy_(weight)
        return Sharpness(radius=radius, mean=mean, worst=max(worst, 0.0))


def flatness(
    model: nn.Module,
    x: Any,
    loss_of: Callable[[Tensor], Tensor],
    *,
    radii: Sequence[float] = RADII,
    draws: int = 32,
    probes: int = 8,
    seed: int = 0,
) -> Flatness:
    """Around the model's weights, on one batch `x`; `loss_of`: from the answer to a number. The model is left as it was.

    `draws`: of each sharpness; `probes`: of traces and densities. Neurons start at rest in every pass. Errors (IkunError): a
    radius that is not positive, fewer than 2 draws or probes, a model without weights, a loss that is not finite.
    """
    for radius in radii:
        if not (math.isfinite(radius) and radius > 0):
            raise DomainError("radius", radius, "a positive number", "weights move by this share of themselves")
    for name, value in (("draws", draws), ("probes", probes)):
        if value < 2:
            raise DomainError(name, value, "at least 2", "an error needs two")
    landscape, generator = Landscape(model, x, loss_of), np.random.default_rng(seed)
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        loss = landscape.loss()
        if not math.isfinite(loss):
            raise IkunError(f"the loss is {loss}; flatness is defined where it is finite")
        sharpness = tuple(landscape.sharpness(radius, draws, generator) for radius in radii)
        exact = all(parameter.dtype == torch.float64 for parameter in landscape.parameters)
        known = (landscape.size, probes, generator, TOLERANCE if exact else LOOSE)
        spectra = [spectrum(product, *known) for product in (landscape.gauss_newton(), landscape.hessian())]
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
    return Flatness(loss=loss, weights=landscape.size, sharpness=sharpness, gauss_newton=spectra[0], hessian=spectra[1])


def spectrum(
    product: Product, size: int, probes: int, generator: np.random.Generator, tolerance: float = TOLERANCE
) -> Spectrum:
    """Of a symmetric matrix that is known by its products."""
    if size <= SMALL:
        values = np.linalg.eigvalsh(_symmetric(product, size))
        ends = [Eigenvalue(value=float(values[place]), residual=0.0) for place in (-1, 0)]
        trace = Mean(value=float(values.sum()))
        whole = np.tile(values, (2, 1))
        return Spectrum(
            largest=ends[0], smallest=ends[1], trace=trace, density=Density(nodes=whole, weights=np.full_like(whole, 1 / size))
        )
    signs = generator.choice((-1.0, 1.0), (probes, size))
    farthest = _farthest(product, 0.0, size, generator, tolerance)
    scale = abs(farthest.value)
    return Spectrum(
        # seen from the other end, an eigenvalue 0 is as far away as any
        largest=_farthest(product, -scale, size, generator, tolerance),
        smallest=_farthest(product, scale, size, generator, tolerance),
        trace=Mean.of([float(sign @ product(sign)) for sign in signs]),
        density=_density(product, signs, min(LANCZOS_STEPS, size)),
    )


def _symmetric(product: Product, size: int) -> Floats:
    matrix = np.stack([product(row) for row in np.eye(size)])
    return (matrix + matrix.T) / 2


def _farthest(product: Product, origin: float, size: int, generator: np.random.Generator, tolerance: float) -> Eigenvalue:
    """The eigenvalue that is farthest from `origin`."""
    start = generator.standard_normal(size)
    if not np.any(product(start) - origin * start):
        return Eigenvalue(value=origin, residual=0.0)
    shifted: Any = LinearOperator((size, size), matvec=lambda v: product(v.ravel()) - origin * v.ravel(), dtype=np.float64)  # type: ignore[call-arg]  # its own way to be made
    try:
        values, vectors = eigsh(shifted, k=1, which="LM", v0=start, tol=tolerance, maxiter=RESTARTS)  # type: ignore[arg-type]  # stubs
    except ArpackNoConvergence as error:
        raise IkunError("Lanczos did not converge: the eigenvalues at one end lie too close together") from error
    value, vector = float(values[0]) + origin, vectors[:, 0]
    return Eigenvalue(value=value, residual=float(np.linalg.norm(product(vector) - value * vector)))


def _density(product: Product, probes: Floats, steps: int) -> Density:
    nodes, weights = zip(*(_quadrature(product, probe / np.linalg.norm(probe), steps) for probe in probes), strict=True)
    return Density(nodes=np.array(nodes), weights=np.array(weights))


def _quadrature(product: Product, start: Floats, steps: int) -> tuple[Floats, Floats]:
    """Nodes and weights of the Gauss quadrature of vᵀ g(A) v: Lanczos, every vector orthogonal to all before. Where it ends
    early the last node is repeated with weight 0."""
    basis, diagonal, beside = [start], [], []
    for _ in range(steps):
        w = product(basis[-1])
        diagonal.append(float(w @ basis[-1]))
        for _ in range(2):
            w = w - np.array(basis).T @ (np.array(basis) @ w)
        length = float(np.linalg.norm(w))
        if length < 1e-12 * max(1.0, max(map(abs, diagonal))):
            break
        beside.append(length)
        basis.append(w / length)
    count = len(diagonal)
    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside[: count - 1]))
    padding = steps - count
    return np.append(values, np.full(padding, values[-1])), np.append(vectors[0] ** 2, np.zeros(padding))
