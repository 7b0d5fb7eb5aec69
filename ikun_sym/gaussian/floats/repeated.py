"""Scaled repeated integrals of the complementary error function, I_k(z) = e^{z²} iᵏerfc(z), z >= 0.

k! I_k(z) √π/2 = ∫₀^∞ tᵏ e^{−2zt − t²} dt > 0, and I_k(z) = 2^{−k} U((k + 1)/2, ½, z²)/√π with Tricomi's U. As z^{k+1} I_k
tends to a constant, (z + c)^{k+1} I_k(z) is a smooth function of q = (z − c)/(z + c) on all of [−1, 1]: one polynomial in q,
of degree 25 to 50, is right to the rounding everywhere. Its coefficients come from its Chebyshev series, computed in ball
arithmetic when an order is first used. (The recurrence 2k I_k = I_{k−2} − 2z I_{k−1} needs no table, but cancels upwards
and takes up to 64 steps downwards.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from flint import acb, arb, arb_poly

from ...expressions.lowering import precision
from .route import Floats

CENTRES = (3.0, 2.0)
"""c for orders up to 2, and above: a larger one takes fewer coefficients and loses more of their digits (order 2: 25 with 49
roundings, against 29 with 16; order 4: 28 with 900, against 32 with 46)."""

NODES = 72
"""Chebyshev nodes for the coefficients: enough for order `MAX_ORDER`."""

MAX_ORDER = 16

_BITS = 300
"""Working precision for the coefficients: from Chebyshev polynomials to powers 72 bits or so cancel."""

_NEGLECT = 2.0**-54


def centre(orders: Sequence[int]) -> float:
    """c for polynomials of several orders at one z."""
    return CENTRES[max(orders) > 2]


def _scaled(k: int, z: arb, c: float) -> arb:
    """(z + c)^{k+1} I_k(z)."""
    half = acb(1) / 2
    tricomi = acb(z * z).hypgeom_u(acb(k + 1) / 2, half).real
    return (z + c) ** (k + 1) * tricomi / (arb(2) ** k * arb.pi().sqrt())


@cache
def coefficients(k: int, c: float) -> tuple[float, ...]:
    """Of the polynomial in q, the highest power first."""
    with precision(_BITS):
        angles = [arb.pi() * (2 * j + 1) / (2 * NODES) for j in range(NODES)]
        values = [_scaled(k, c * (1 + angle.cos()) / (1 - angle.cos()), c) for angle in angles]
        smallest = min(abs(float(value.mid())) for value in values)
        chebyshev = []
        for i in range(NODES):
            total = sum((value * (i * angle).cos() for value, angle in zip(values, angles, strict=True)), arb(0))
            chebyshev.append(total * (2 if i else 1) / NODES)
        rest = 0.0
        while rest + abs(float(chebyshev[-1].mid())) < _NEGLECT * smallest:
            rest += abs(float(chebyshev.pop().mid()))
        return tuple(reversed(_powers(chebyshev)))


def _powers(chebyshev: Sequence[arb]) -> list[float]:
    """The coefficients of Σ c_i T_i in powers of q, from the constant upwards."""
    total, before, last = arb_poly(), arb_poly([0, 1]), arb_poly([1])  # T_{−1} = T_1
    for weight in chebyshev:
        total += weight * last
        before, last = last, arb_poly([0, 2]) * last - before
    return [float(x.mid()) for x in total.coeffs()]


@cache
def roundings(k: int, c: float) -> float:
    """The relative error of I_k, in units of the rounding: of the polynomial's terms against its sum, where that is smallest,
    and of 1/(z + c) to the power k + 1."""
    q = np.linspace(-1, 1, 41)
    return float(np.max(np.polyval(np.abs(coefficients(k, c)), np.abs(q)) / np.polyval(coefficients(k, c), q))) + 4 * (k + 1)


def scaled_integrals(z: Floats, orders: Sequence[int]) -> tuple[Floats, list[Floats]]:
    """1/(z + c), and for each order k the value (z + c)^k I_k(z), at z >= 0."""
    c = centre(orders)
    inverse = z + c
    np.divide(1.0, inverse, out=inverse)
    q = inverse * (-2 * c)
    q += 1.0
    found = []
    for k in orders:
        first, second, *others = coefficients(k, c)
        value = q * first
        value += second
        for coefficient in others:
            value *= q
            value += coefficient
        value *= inverse
        found.append(value)
    return inverse, found
