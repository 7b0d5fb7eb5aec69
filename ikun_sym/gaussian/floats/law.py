"""What the density makes of one exponent: a Gaussian in x again, e^{E(x)} with E'(x) = −(x − r)/w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .route import Floats
from .segments import Point, Summand


@dataclass(frozen=True)
class Law:
    """For e^{ax² + bx + c} and arrays of means and variances v: decay = 1 − 2av, root = √(2w), w = v/decay, and narrowing =
    1/√decay; decay and narrowing are None for a = 0, where they are 1."""

    exponent: Summand
    mean: Floats
    var: Floats
    root: Floats
    decay: Floats | None = None
    narrowing: Floats | None = None

    @classmethod
    def of(cls, exponent: Summand, mean: Floats, var: Floats, root: Floats) -> Law:
        """`root`: √(2v)."""
        if not exponent.a:
            return cls(exponent, mean, var, root)
        decay = 1 - 2 * exponent.a * var
        narrowing = 1 / np.sqrt(decay)
        return cls(exponent, mean, var, root * narrowing, decay, narrowing)

    def at(self, index: NDArray[np.intp]) -> Law:
        """For some of the points."""
        arrays = (None if x is None else x[index] for x in (self.mean, self.var, self.root, self.decay, self.narrowing))
        return Law(self.exponent, *arrays)  # type: ignore[arg-type]  # None stays where None was

    @property
    def width(self) -> Floats:
        """w."""
        return self.var if self.decay is None else self.var / self.decay

    @property
    def peak(self) -> Floats:
        """r."""
        shifted = self.mean + self.exponent.b * self.var if self.exponent.b else self.mean
        return shifted if self.decay is None else shifted / self.decay

    def place(self, y: Floats, at: Point) -> tuple[Floats, Floats | float]:
        """z = (x_i − r)/√(2w) of a breakpoint at distance y from the mean, and how many roundings z brings into I_0: where the
        exponent has a slope, z is a difference of two parts."""
        a, b = self.exponent.a, self.exponent.b
        slope = 2 * a * at.high + b
        if not (a or b):
            return y / self.root, 0.0
        z = y - slope * self.var
        size = np.abs(y)
        size += (abs(2 * a * at.high) + abs(b)) * self.var
        if self.narrowing is None:
            z /= self.root
            size /= self.root
        else:
            scale = self.root / (2 * self.var)
            z *= scale
            size *= scale
        size /= 1 + np.abs(z)
        return z, size

    def top(self) -> tuple[Floats | float, Floats | float]:
        """E(r) without the density's norm, and the size of its parts."""
        a, b, c = self.exponent.a, self.exponent.b, self.exponent.c
        if self.decay is None:
            if not b:
                return c, abs(c)
            half = 0.5 * b * self.var
            return c + b * (self.mean + half), abs(c) + abs(b) * (np.abs(self.mean) + np.abs(half))
        centre = -b / (2 * a)
        distance = self.mean - centre
        peak = a * distance * distance / self.decay
        rest = c + 0.5 * b * centre
        if not centre:  # the distance is exact
            return peak + rest, np.abs(peak) + abs(rest)
        far = (abs(centre) + np.abs(self.mean)) / np.maximum(np.abs(distance), 1e-300)
        return peak + rest, np.abs(peak) * (1 + far) + abs(rest)
