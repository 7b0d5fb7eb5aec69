"""Convolutions of infinitely many channels: the recursion needs what each position fires alone.

    forward:   C^{l+1}(x) = (K/k^d) Σ_τ E[S(sx + τ)[t] S(sx + τ)[s]] + σ_b²            (s the stride; nothing from outside)
    backward:  E[δS(y)[t] δS(y)[s]] = (K_out/k^d) Σ over x, τ with sx + τ = y of E[δI(x)[t] δI(x)[s]]

for weights of different taps are independent. Under zero padding the positions near the border see fewer taps; positions of
one covariance are computed once. Pools need what two positions fire together: `pooled_convolution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...catalogue.architectures import Convolution
from ...errors import NoTheoryError
from ..covariance import Floats
from ..neuron_sample import Steps
from ..transport import Transport
from .recursion import Adjoint, Passed, Recursion, pooled
from .taps import Taps

LARGEST = 2**22
"""Entries of a state: positions times the square of the steps."""

DIGITS = 11
"""Positions whose covariances agree to so many digits are one: symmetric positions differ by rounding."""


@dataclass(frozen=True, eq=False)
class Positions:
    """`kinds` [n]: one position of each kind; `of` [P]: the kind of each."""

    kinds: np.ndarray
    of: np.ndarray

    @classmethod
    def alike(cls, drives: Floats) -> Positions:
        scale = float(np.abs(drives).max()) or 1.0
        rounded = np.round(drives.reshape(len(drives), -1) / scale, DIGITS)
        _, kinds, of = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
        return cls(kinds, of.ravel())

    @property
    def share(self) -> Floats:
        return np.bincount(self.of) / len(self.of)


@dataclass(frozen=True, eq=False)
class ConvolutionRecursion(Recursion):
    """The state: E[S(x)[t] S(x)[s]] as [positions, T, T]."""

    @cached_property
    def taps(self) -> tuple[Taps, ...]:
        topology = self.model.topology
        assert isinstance(topology, Convolution)
        return tuple(Taps(topology, layer) for layer in topology.layers(self.model.depth))

    def start(self) -> Floats:
        first, model = self.taps[0], self.model
        positions = first.layer.size**first.dimensions
        if (size := positions * model.steps**2) > LARGEST:
            raise NoTheoryError(
                f"architecture {model.topology.spec}, {model.steps} steps: positions times squared steps are {size}; at most "
                f"{LARGEST} are predicted: take a smaller size"
            )
        return np.repeat(model.input_second_moment[None], positions, axis=0)

    def loss(self) -> Floats:
        last = self.taps[-1]
        return np.repeat(super().loss()[None], last.layer.output**last.dimensions, axis=0)

    def forward(self, number: int, state: Floats) -> tuple[Passed, Floats]:
        model, taps = self.model, self.taps[number - 1]
        drives = model.at_membrane(model.gains[number - 1] * taps.gather(state) + model.bias_var)
        alike = Positions.alike(drives)
        steps = [self.law.steps(drives[kind]) for kind in alike.kinds]
        passed = Passed(
            drive=drives.mean(axis=0),
            steps=pooled(steps, alike.share),
            adjoint=lambda: self._adjoint(number, taps, alike, [self.law.transport(drives[k]) for k in alike.kinds]),
            positions=shown(taps, [steps[kind] for kind in alike.of]),
        )
        return passed, np.array([one.second for one in steps])[alike.of]

    def _adjoint(self, number: int, taps: Taps, alike: Positions, transports: list[Transport]) -> Adjoint:
        def adjoint(g: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
            carried = np.array([transports[kind].apply(one) for kind, one in zip(alike.of, g, strict=True)])
            return self.returned(number, taps, carried)

        return adjoint

    def returned(self, number: int, taps: Taps, carried: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
        """From E[δH(x)[t] δH(x)[s]]."""
        below = self.model.backward_gain(number) * taps.scatter(self.model.at_weights(carried))
        by_step = np.diagonal(carried, axis1=1, axis2=2)
        return carried.mean(axis=0), below, {"grad_var": by_step.reshape((taps.layer.after,) * taps.dimensions + (-1,))}


def shown(taps: Taps, steps: list[Steps]) -> dict[str, Floats]:
    shape = (taps.layer.after,) * taps.dimensions + (-1,)
    return {
        "var_h": np.array([s.var_h for s in steps]).reshape(shape),
        "rate": np.array([s.rate for s in steps]).reshape(shape),
    }
