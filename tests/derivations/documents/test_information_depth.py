"""The bound on the slope of the overlap map: one that is too small is refused, by whatever line."""

from __future__ import annotations

import math

import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from ikun_derivations.document import DerivationError, Document
from ikun_derivations.documents.d16_information_depth import RATES
from ikun_derivations.documents.overlap_balls import Settled
from ikun_derivations.documents.slope_bound import BOUND, X, a, independent, t, truncated, x, y


@pytest.mark.parametrize("bound", [sp.Rational(53, 100), sp.Rational(53091, 100000)])
def test_a_bound_that_is_too_small_is_refused(bound: sp.Rational) -> None:
    """The largest slope is 0.5309145: 0.53091 is below it, by a hundred-thousandth of its value."""
    document = Document(id="test", title="t", summary="s")
    document.section("here", "Here")
    document.assume("Symbols", symbols=(a, x, t, y))
    with pytest.raises(DerivationError, match=r"Range [12]: .* does not hold: it fails near"):
        independent(document, document.not_shown("nothing"), bound)


@pytest.mark.parametrize(("level", "place"), [(0.0, 0.3), (0.46, 0.516), (0.75, 1.0)])
def test_cut_series_are_below_what_they_bound(level: float, place: float) -> None:
    whole = quad(lambda s: math.exp((level * place) ** 2 * (1 - s * s) / 2) / (1 + (place * s) ** 2), 0, 1)[0]
    cut = float(truncated(sp.Float(level), (3, 8)).subs(X, place))
    assert whole * (1 - 1e-2) < cut < whole * (1 + 1e-14)
    assert whole - cut < 1e-6 or place > 0.6


@pytest.mark.parametrize("rate", RATES[::3])
def test_the_fixed_point_is_one_of_the_orthants(rate: str) -> None:
    """By one integral of the normal law, which shares nothing with the coordinates of the document."""
    p = float(rate)
    level = norm.isf(p)

    def image(rho: float) -> float:
        """Given Z₁ = z, Z₂ is N(ρz, 1 − ρ²)."""
        inner = quad(lambda z: norm.pdf(z) * norm.sf((level - rho * z) / math.sqrt(1 - rho * rho)), level, 12, epsabs=1e-13)
        return inner[0] / p

    found = brentq(lambda rho: image(rho) - rho, 0.0, 0.95, xtol=1e-12)
    assert float(Settled(rate)["overlap"].mid) == pytest.approx(found, abs=1e-9)
    assert isinstance(found, float)
    slope = (image(found + 1e-4) - image(found - 1e-4)) / 2e-4
    assert float(Settled(rate)["slope"].mid) == pytest.approx(slope, abs=1e-6)
    assert slope < BOUND
