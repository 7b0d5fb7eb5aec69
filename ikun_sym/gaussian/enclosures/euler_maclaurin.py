"""The density summed over all cells of a periodic tail, in ball arithmetic, where σ is not short against the period.

Where the values depend on r alone, the place in the cell, E[g(X) 1_tail] = ∫_0^T g(r) K(r) dr with K(r) = Σ_{n>=0} N(start + r
+ nT; mean, var). By the Euler–Maclaurin formula, with t = r/T, z = (start − mean)/σ and N^{(j)} = (−1)ʲ σ^{−j} He_j N,

    K = Q(z)/T − Σ_{k=1}^p B_k(t)/k! T^{k−1} N^{(k−1)}(start) + rest,   |rest| <= 4 √p! (T/2πσ)^p / T,

as |B_p(t)| <= 2 ζ(p) p!/(2π)^p <= 4 p!/(2π)^p on [0, 1] for even p >= 2, by its Fourier series, and ∫|N^{(p)}| = σ^{−p} E|He_p|
<= σ^{−p} √p!. However many the periods are. DLMF 2.10(i), 24.8(i).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from flint import acb, acb_poly, arb, ctx, fmpq

from ...expressions.lowering import precision

MOST = 200
"""Terms, at most: with σ twice the period 100 digits take as many."""


@dataclass(frozen=True)
class Kernel:
    """√(2πv) K as a polynomial in t = r/T, and a bound of the rest."""

    polynomial: acb_poly
    period: arb
    rest: arb

    def __call__(self, r: acb, analytic: bool = False) -> acb:
        return self.polynomial(r / self.period)


def kernel(start: arb, period: arb, mean: arb, var: arb) -> Kernel | None:
    """None where the rest cannot be made small against K at the working precision: σ short, or the tail far away."""
    sigma = var.sqrt()
    z = (start - mean) / sigma
    terms = _terms(float((period / sigma).log().mid()), float(z.mid()))
    if terms is None:
        return None
    norm = (2 * arb.pi() * var).sqrt()
    with precision(ctx.prec + terms + 30):  # He_k(z) cancels
        factor = (-z * z / 2).exp() / norm
        before, last = arb(0), arb(1)
        derivatives = [arb(0)]  # of K, D_k = T^{k−1} N^{(k−1)}(start)
        for k in range(terms):
            derivatives.append(last * factor)
            before, last = last, z * last - k * before
            factor *= -period / sigma
        coefficients = [
            -sum((derivatives[k] * _bernoulli(k - j) for k in range(max(1, j), terms + 1) if _bernoulli(k - j)), arb(0))
            / arb(math.factorial(j))
            for j in range(terms + 1)
        ]
        coefficients[0] += (z / arb(2).sqrt()).erfc() / (2 * period)
        scaled = [c * norm for c in coefficients]
    ratio = period / (2 * arb.pi() * sigma)
    rest = 4 * arb(math.factorial(terms)).sqrt() * ratio**terms / period
    return Kernel(acb_poly(scaled), period, (rest * norm).upper())


def _terms(log_ratio: float, z: float) -> int | None:
    """The least p for which the rest is below 2^{−precision} of K, or about that: it guides the effort, the error is bounded
    whatever p. By the logarithm of T/σ, for T/σ itself may lie below float64."""
    depth = z * z / 2 + math.log(z + 2) if z > 0 else 0.0
    goal = -(ctx.prec + 8) * math.log(2) - depth
    for p in range(4, MOST + 1, 2):
        if math.lgamma(p + 1) / 2 + p * (log_ratio - math.log(2 * math.pi)) < goal:
            return p
    return None


@cache
def _bernoulli(i: int) -> fmpq:
    """B_i/i!, B_1 = −1/2."""
    return fmpq(-1, 2) if i == 1 else fmpq.bernoulli(i) / math.factorial(i)
