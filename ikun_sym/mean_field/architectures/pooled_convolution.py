"""Convolutions with pools: up to the last pool the recursion carries what any two positions fire together.

    forward:   Cov(I(x)[t], I(x')[s]) = (K/k^d) Σ_τ E[X(sx + τ)[t] X(sx' + τ)[s]] + σ_b²,   X what the pool below sends
    backward:  positions apart: δX is white over positions at the output, a pool gives each neuron one window's δX, and a
               convolution's diagonal needs diagonals alone

At one step spikes of two positions fire together with a bivariate normal probability, so average pools are exact. Over time,
and under max pools, the field of all positions and steps is sampled: X's second moments, and E[A_i m_i G m_iᵀ A_iᵀ] with m_i
what neuron i gets of its window's gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...catalogue.architectures import Convolution
from ...errors import NoTheoryError
from ..covariance import Floats, square_root
from ..infinite_network import TimeModel
from ..layer_law import LEAST, exact_backward, exact_forward
from ..neuron_sample import Array, Steps, Trajectory
from ..normal_law import upper_tail
from ..orthant import orthant
from ..transport import SampledTransport, Transport
from .convolution import ConvolutionRecursion, Positions, shown
from .pool import POOLS, Pool, Windows
from .recursion import Adjoint, Passed, Theory, pooled, refuse_summed, refuse_two_inputs, theory_of
from .taps import OUTSIDE, Taps

LARGEST = 1024
"""Positions times steps of a sampled field."""

ENTRIES = 2**21
"""Normal numbers that a run's fields are sampled with, at least LEAST for each position and step."""

EXACT_SITES = 64
"""Positions, at most, of a field whose pairs' probabilities are computed one by one."""

DIGITS = 12


def last_pool(topology: Convolution, depth: int) -> int:
    """The number of the last layer with a pool; 0 if there is none."""
    return max((n for n, layer in enumerate(topology.layers(depth), 1) if layer.pool != "none"), default=0)


def in_pairs(model: TimeModel, sites: int) -> bool:
    """Whether spikes of any two positions of a field are computed, not sampled."""
    return model.steps == 1 and sites <= EXACT_SITES


@dataclass(frozen=True, eq=False)
class FieldRecursion(ConvolutionRecursion):
    """The state: E[X(x)[t] X(x')[s]] as [positions, positions, T, T]; after the last pool that of a convolution."""

    @staticmethod
    def theory(model: TimeModel, special: int) -> Theory:
        topology = model.topology
        assert isinstance(topology, Convolution)
        if model.forward != "spiking" or model.white_currents:
            raise NoTheoryError("pools have an infinite-width theory for spikes and their whole covariance only")
        size = topology.size**topology.dimensions * model.steps
        if size > LARGEST:
            raise NoTheoryError(
                f"architecture {topology.spec}, {model.steps} steps: positions times steps are {size}; with pools at most "
                f"{LARGEST} are predicted: take a smaller size"
            )
        fields = topology.layers(model.depth)[: last_pool(topology, model.depth)]
        sites = max(layer.after for layer in fields) ** topology.dimensions
        exact = topology.pool != "max" and in_pairs(model, sites)
        return Theory(make=FieldRecursion, dimension=size, exact=exact, special=special)

    @cached_property
    def last(self) -> int:
        topology = self.model.topology
        assert isinstance(topology, Convolution)
        return last_pool(topology, self.model.depth)

    @property
    def field_points(self) -> Array:
        """The first points of the sequence, a power of 2 and so balanced on their own: a field takes one for each position and
        step, and its products grow with the square of these."""
        size, samples = self.points.shape
        return self.points[:, : min(samples, max(LEAST, 2 ** int(np.log2(ENTRIES / size))))]

    def start(self) -> Floats:
        sites = super().start()
        state = np.full((len(sites), *sites.shape), self.model.input_elsewhere)
        state[np.arange(len(sites)), np.arange(len(sites))] = sites
        return state

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        if number > self.last:
            return super().forward(number, state)
        taps = self.taps[number - 1]
        cov = self._currents(number, taps, state)
        layer = _Layer(self, taps, cov)
        site = layer.site_steps
        passed = Passed(
            drive=np.mean([cov[i, i] for i in range(len(cov))], axis=0),
            steps=pooled(site),
            adjoint=lambda: self._pooled_adjoint(number, taps, layer),
            positions=shown(taps, site),
        )
        sent = layer.sent
        return passed, sent if number < self.last else sent[np.arange(len(sent)), np.arange(len(sent))]

    def _currents(self, number: int, taps: Taps, state: Floats) -> Floats:
        """[x, x', t, s] at the membranes."""
        inputs, steps = len(state), self.model.steps
        padded = np.zeros((inputs + 1, inputs + 1, steps, steps))
        padded[:inputs, :inputs] = state
        total = np.zeros((taps.layer.after**taps.dimensions,) * 2 + (steps, steps))
        for seen in taps.places:
            at = np.where(seen == OUTSIDE, inputs, seen)
            total += padded[at[:, None], at[None, :]]
        return self.model.at_membrane(self.model.gains[number - 1] / len(taps.places) * total + self.model.bias_var)

    def _pooled_adjoint(self, number: int, taps: Taps, layer: _Layer) -> Adjoint:
        transports = layer.transports

        def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
            given: Floats = np.zeros((len(transports), *g.shape[1:]))
            if layer.windows is None:
                given[:] = g
            else:
                for row in layer.windows.places:
                    given[row] = g
            carried = np.array([one.apply(each) for one, each in zip(transports, list(given), strict=True)])
            return self.returned(number, taps, carried)

        return adjoint


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer's field, cov [x, x', t, s] of the currents at its membranes."""

    recursion: FieldRecursion
    taps: Taps
    cov: Floats

    @property
    def model(self) -> TimeModel:
        return self.recursion.model

    @cached_property
    def pool(self) -> Pool | None:
        return None if self.taps.layer.pool == "none" else POOLS[self.taps.layer.pool]

    @cached_property
    def windows(self) -> Windows | None:
        return Windows(self.taps.layer, self.taps.dimensions) if self.pool else None

    @property
    def sites(self) -> int:
        return len(self.cov)

    @cached_property
    def exact(self) -> bool:
        return in_pairs(self.model, self.sites)

    @cached_property
    def _alone(self) -> Positions:
        return Positions.alike(self.cov[np.arange(self.sites), np.arange(self.sites)])

    @cached_property
    def site_steps(self) -> list[Steps]:
        """Each position's neurons on their own: as a convolution's, for a field has the same marginals."""
        found = [self.recursion.law.steps(self.cov[kind, kind]) for kind in self._alone.kinds]
        return [found[kind] for kind in self._alone.of]

    @cached_property
    def sent(self) -> Floats:
        """[y, y', t, s]: second moments of what the next layer sees."""
        linear = self.pool is None or self.pool.linear
        if self.exact and linear:
            spikes = self._pairs[:, :, None, None]
        elif linear:
            spikes = _second(self._spikes)
        else:
            assert self.pool is not None
            return _second(self.pool.send(self._windowed(self._spikes)))
        if self.windows is None:
            return spikes
        mean = self.windows.mean
        return np.einsum("yi,zj,ijts->yzts", mean, mean, spikes, optimize=True)

    @cached_property
    def _pairs(self) -> Floats:
        """P(S_i = S_j = 1) at one step."""
        model, cov = self.model, self.model.dynamics.input_gain**2 * self.cov[:, :, 0, 0]
        variance, found, known = np.diag(cov), np.empty(cov.shape), {}
        scale = float(variance.max()) or 1.0
        for i in range(self.sites):
            for j in range(i + 1):
                key = tuple(np.round(np.array([*sorted((variance[i], variance[j])), cov[i, j]]) / scale, DIGITS))
                if key not in known:
                    theta = model.neuron.threshold
                    known[key] = orthant(theta, theta, float(variance[i]), float(variance[j]), float(cov[i, j]))
                found[i, j] = found[j, i] = known[key]
        for i in range(self.sites):
            found[i, i] = float(upper_tail(model.neuron.threshold / np.sqrt(variance[i]))) if variance[i] > 0 else 0.0
        return found

    def _currents(self, points: Array) -> Array:
        """[T, positions · samples]."""
        sites, steps = self.sites, self.model.steps
        flat = self.cov.transpose(0, 2, 1, 3).reshape(sites * steps, sites * steps)
        current = (square_root(flat).astype(points.dtype) @ points[: sites * steps]).reshape(sites, steps, -1)
        return np.ascontiguousarray(current.transpose(1, 0, 2)).reshape(steps, -1)

    def _apart(self, values: Array) -> Array:
        """[positions, T, samples]."""
        return values.reshape(self.model.steps, self.sites, -1).transpose(1, 0, 2)

    @cached_property
    def _spikes(self) -> Array:
        return self._apart(self.model.dynamics.fire(self._currents(self.recursion.field_points))[1])

    def _windowed(self, values: Array) -> Array:
        """[place in the window, outputs, …]."""
        assert self.windows is not None
        return values[self.windows.places]

    @cached_property
    def transports(self) -> list[Transport]:
        """From the gradient at its window's X to that at each neuron."""
        if self.pool is None or self.pool.linear:
            share = 1.0 if self.windows is None else 1 / len(self.windows.places) ** 2
            alone = [self.recursion.law.transport(self.cov[kind, kind]) for kind in self._alone.kinds]
            # the odd last row or column that no window covers gets no gradient: `given` is zero there
            return [_Scaled(alone[kind], share) for kind in self._alone.of]
        points = self.recursion.field_points
        found = self.model.dynamics.run(self._currents(points[:, : max(LEAST, points.shape[1] // 2)]))
        s = self._apart(found.s)
        weight = np.zeros_like(s)
        assert self.windows is not None
        for row, factor in zip(self.windows.places, self.pool.back(self._windowed(s)), strict=True):
            weight[row] = factor
        samples = weight.shape[-1]
        parts = [found.of(slice(site * samples, (site + 1) * samples)) for site in range(self.sites)]
        return [_Masked(part, mask) for part, mask in zip(parts, weight, strict=True)]


def _second(x: Array) -> Floats:
    """[i, T, samples] to E[x_i[t] x_j[s]] as [i, j, T, T]."""
    sites, steps, samples = x.shape
    flat = np.ascontiguousarray(x).reshape(sites * steps, samples)
    return ((flat @ flat.T).astype(float) / samples).reshape(sites, steps, sites, steps).transpose(0, 2, 1, 3)


@dataclass(frozen=True)
class _Scaled(Transport):
    alone: Transport
    share: float

    def apply(self, g: Floats) -> Floats:
        return self.share * self.alone.apply(g)


@dataclass(frozen=True)
class _Masked(Transport):
    """E[A m G m Aᵀ], m [T, samples] what each step's spike gets of its window's gradient: A is linear in what enters at each
    step, so that A m is A with that times m."""

    trajectory: Trajectory
    mask: Array

    def apply(self, g: Floats) -> Floats:
        return SampledTransport(replace(self.trajectory, entering=self.trajectory.entering * self.mask)).apply(g)


@theory_of.register
def _(topology: Convolution, model: TimeModel) -> Theory:
    if topology.measured_only:
        raise NoTheoryError(f"architecture {topology.spec}: {topology.measured_only}")
    refuse_summed(model)
    layers = topology.layers(model.depth)
    special = max((n for n, layer in enumerate(layers, 1) if layer.output != layer.size), default=0)
    if last_pool(topology, model.depth):
        refuse_two_inputs(model)
        return FieldRecursion.theory(model, special)
    exact = exact_forward(model) and exact_backward(model)
    return Theory(make=ConvolutionRecursion, dimension=model.steps, exact=exact, special=special)
