"""Route: A/(x² + y²)ⁿ on the whole line, by the trapezoidal rule in z = (x − mean)/(σ√2) and one residue.

With t = σ√2, ξ = mean/t and η = y/t the integrand is f(z) = e^{−z²}/((ξ + z)² + η²)ⁿ, poles at −ξ ± iη. The contour of the
trapezoidal sum with nodes s + jh, moved to height c = π/h, gives for η < c

    ∫ f = h Σ f(s + jh) − 2 Re 2πi Res_{z = −ξ + iη} f(z) Q(z),   Q = q/(1 − q),   q = e^{2πi(z − s)/h},

up to e^{−π²/h²}, 5e-18 here; for η > c without the residue. The residue is the coefficient of δ^{n−1} in
e^{−(z+δ)²} (2iη + δ)^{−n} Q(z + δ), multiplied out as power series. Of two sets of nodes half a step apart, the one is used
whose nearest node is at least h/4 away from −ξ: then 1 − q and the sum are harmless. No function but exp, sin and cos.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from ...catalogue.piecewise import PiecewiseFunction, U
from .route import SMALLEST, Booleans, Floats, Values, exact

STEP = 0.5
OMEGA = 2 * math.pi / STEP
REACH, FAR_REACH = 6.75, 9.75
"""The first node that is left out is at least this far, of weight e^{−REACH²} <= 2e-20. A pole of high order beyond the reach
makes much of a small weight: the few points to which this matters take the far reach."""

NEGLECT = 1e-15
"""What is left out, relative to the value."""

MAX_ORDER = 4
"""The strip is no wider than the poles of higher order need."""

CANCELLATION = 40.0

_BATCH = 2048
"""Points whose residues are taken together: complex temporaries of twice that size no longer come from the allocator's heap but
from the system, which takes longer than the arithmetic."""


def match(function: PiecewiseFunction, values: Values) -> tuple[sp.Expr, sp.Expr, int] | None:
    """(A, y², n) as numbers, or None if the function is not of this class."""
    if not function.is_even or function.tails or len(function.pieces) != 2:
        return None
    numbers = exact(values)
    constant, quadratic, order = sp.S.One, None, 0
    for base, power in sp.sympify(function.pieces[0].value.subs(numbers)).as_powers_dict().items():  # type: ignore[union-attr, attr-defined]
        exponent = sp.sympify(power)
        if U not in base.free_symbols | exponent.free_symbols:
            constant *= base**exponent
        elif quadratic is None and exponent.is_Integer and exponent < 0 and base.is_polynomial(U):
            quadratic, order = sp.Poly(base, U), -int(exponent)
        else:
            return None
    if quadratic is None or quadratic.degree() != 2 or quadratic.coeff_monomial(U) != 0:
        return None
    lead, rest = quadratic.coeff_monomial(U**2), quadratic.coeff_monomial(1)
    square = rest / lead
    return (constant * lead ** (-order), square, order) if square.is_positive else None


class Rational:
    """E[A/(X² + y²)ⁿ]."""

    def __init__(self, scale: float, distance: float, order: int, reach: float) -> None:
        self.scale, self.distance, self.order, self.reach = scale, distance, order, reach
        half = round((reach - 0.25) / STEP)
        centred, shifted = range(-half, half + 1), range(-half, half)
        self.nodes = [STEP * j for j in centred], [STEP * (j + 0.5) for j in shifted]

    @classmethod
    def far(cls, function: PiecewiseFunction, values: Values) -> Rational | None:
        """For what `of` leaves out."""
        return cls.of(function, values, FAR_REACH)

    @classmethod
    def of(cls, function: PiecewiseFunction, values: Values, reach: float = REACH) -> Rational | None:
        found = match(function, values)
        if found is None or found[2] > MAX_ORDER:
            return None
        scale, distance = (float(sp.N(e, 30)) for e in (found[0], sp.sqrt(found[1])))
        return cls(scale, distance, found[2], reach) if math.isfinite(scale) and math.isfinite(distance) else None

    def __call__(self, mean: Floats, var: Floats) -> tuple[Floats, Booleans]:
        t = np.sqrt(2 * var)
        xi, eta = np.abs(mean) / t, self.distance / t  # even in the mean
        square = eta * eta
        position = xi * (1 / STEP)
        shifted = np.abs(position - np.rint(position)) < 0.25  # −ξ is near a node of the first set
        total = np.empty(mean.shape)
        for which, mask in enumerate((~shifted, shifted)):
            some = np.flatnonzero(mask)
            if len(some):
                total[some] = self._sum(xi[some], square[some], which)
        value, size = total, total
        near = (eta < math.pi / STEP) & (xi * xi + (OMEGA - eta) * eta < np.where(eta < 1, 150.0, 48.0 + 2.0 * self.order))
        near = np.flatnonzero(near)
        if len(near):
            value, size = total.copy(), total.copy()
            for start in range(0, len(near), _BATCH):
                some = near[start : start + _BATCH]
                correction, magnitude = self._residue(xi[some], eta[some], np.where(shifted[some], 0.5 * STEP, 0.0))
                value[some] -= correction
                size[some] += magnitude
        # nodes beyond the reach: the weight of the first times the largest factor there
        nearest = np.maximum(self.reach - xi, 0.0)
        left_out = math.exp(-(self.reach**2)) / self._power(nearest * nearest + square)
        result = value * (self.scale / math.sqrt(math.pi)) / self._power(t * t)
        good = (size <= CANCELLATION * value) & (left_out <= NEGLECT * value) & (np.abs(result) > SMALLEST)
        return result, good & (value < 1 / SMALLEST)

    def _power(self, base: Floats) -> Floats:
        result = base * base if self.order > 1 else base
        for _ in range(self.order - 2):
            result *= base
        return result

    def _sum(self, xi: Floats, square: Floats, which: int) -> Floats:
        total, x = np.zeros(xi.shape), np.empty(xi.shape)
        for z in self.nodes[which]:
            np.add(xi, z, out=x)
            x *= x
            x += square
            if self.order > 1:
                x = self._power(x)
            np.divide(STEP * math.exp(-z * z), x, out=x)
            total += x
        return total

    def _residue(self, xi: Floats, eta: Floats, shift: Floats) -> tuple[Floats, Floats]:
        """2 Re 2πi Res and the magnitude of its terms. At z = −ξ + iη, −z² = η² − ξ² + 2iξη."""
        n = self.order
        turn = xi + shift
        turn *= -OMEGA
        decay = np.exp(-OMEGA * eta)
        # 1/(1 − q) by real arithmetic: a complex division takes as long as the rest
        q = _polar(decay, turn)
        real, imaginary = 1 - q.real, q.imag
        norm = real * real
        norm += imaginary * imaginary
        above = _complex(real / norm, imaginary / norm)
        # e^{−z²} q with its magnitude from one exponent: e^{η²} alone may be large where q is small
        size = eta - OMEGA
        size *= eta
        size -= xi * xi
        np.exp(size, out=size)
        turn += 2 * xi * eta
        front = _polar(size, turn)
        front *= above
        lengths = (xi + eta, 0.5 / eta, 1 / np.sqrt(norm))
        value = front if n == 1 else front * _coefficient(_complex(-xi, eta), _complex(0.0, -lengths[1]), above, q, n, -1)
        magnitude = size * lengths[2]
        if n > 1:
            magnitude *= _coefficient(-lengths[0], lengths[1], lengths[2], decay, n, 1)
        scale = 4 * math.pi * lengths[1] ** n
        # 2πi (−i)ⁿ times the real or imaginary part
        part = value.real if n % 2 else value.imag
        return scale * (part if n % 4 in (1, 2) else -part), scale * magnitude


def _complex(real: Floats | float, imaginary: Floats) -> Any:
    result = np.empty(imaginary.shape, dtype=complex)
    result.real, result.imag = real, imaginary
    return result


def _polar(length: Floats, angle: Floats) -> Any:
    return _complex(length * np.cos(angle), length * np.sin(angle))


def _coefficient(z: Any, inverse: Any, above: Any, q: Any, n: int, sign: int) -> Any:
    """Σ g_i r_j κ_k over i + j + k = n − 1, from the Taylor coefficients of e^{z² − (z+δ)²}, (1 + δ/2iη)^{−n} and
    Q(z + δ)/Q(z), all of which begin with 1; `inverse` is 1/(2iη) and `above` 1/(1 − q). With magnitudes for all of them,
    −|z| for z, and `sign` +1 instead of −1: a bound of the sum of the magnitudes."""
    turn = 1j * OMEGA if sign < 0 else OMEGA
    gauss, rest, kernel = [1.0, -2 * z], [1.0, inverse * (sign * n)], [1.0, turn * above]
    for k in range(1, n - 1):  # (k + 1) g_{k+1} = −2 z g_k − 2 g_{k−1}
        gauss.append((gauss[1] * gauss[k] + 2 * sign * gauss[k - 1]) / (k + 1))
        rest.append(rest[k] * inverse * (sign * (n + k) / (k + 1)))
    start = q * above
    for k in range(1, n - 1):  # Q' = i ω Q (1 + Q)
        square = 2.0 * kernel[k] + sum(kernel[j] * kernel[k - j] for j in range(1, k))
        kernel.append(turn * (kernel[k] + start * square) / (k + 1))
    first = [1.0, *(_convolved(gauss, rest, m) for m in range(1, n))]
    return _convolved(first, kernel, n - 1)


def _convolved(left: Any, right: Any, m: int) -> Any:
    """Coefficient m > 0 of the product of two power series that begin with 1."""
    total = left[m] + right[m]
    for i in range(1, m):
        total += left[i] * right[m - i]
    return total
