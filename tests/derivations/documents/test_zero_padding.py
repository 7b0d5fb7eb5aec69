"""The bounds of derivation zero-padding against its own iteration, where they are equalities."""

from __future__ import annotations

import pytest

from ikun_derivations.documents.d15_zero_padding import lasts
from ikun_sym.schemes.critical_scale import critical


@pytest.mark.parametrize(("size", "taps"), [(1, 3), (2, 3), (1, 5), (2, 5), (3, 5)])
def test_a_map_inside_the_kernel_needs_the_inverse_of_its_share(size: int, taps: int) -> None:
    """n <= (k + 1)/2 positions see each other: K_c = c* θ² k/n, above c* θ² 2k/(k + 1) where n is smaller."""
    least = critical().scale.value * taps / size
    assert not lasts(0.999 * least, size, taps)
    assert lasts(1.001 * least, size, taps)
    assert size == (taps + 1) / 2 or not lasts(critical().scale.value * 2 * taps / (taps + 1), size, taps)
