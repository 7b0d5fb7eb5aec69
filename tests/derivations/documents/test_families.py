"""Which surrogates the derivation rate-targeted counts among the families of one peak, against the moments themselves."""

from __future__ import annotations

import pytest

from ikun_derivations.documents.slope_families import scaling
from ikun_sym import evaluate
from ikun_sym.catalogue.surrogates import SURROGATES

SCALED = {surrogate.name: found for surrogate in SURROGATES if (found := scaling(surrogate)) is not None}
PEAKS = [name for name, found in SCALED.items() if found.power == 0 and found.from_one_to_zero]


def moment(name: str, slope: float) -> float:
    return float(evaluate(f"{name}:{SCALED[name].parameter}={slope!r}", mean=-1.0, var=1.0, power=2))


@pytest.mark.parametrize("name", PEAKS)
def test_the_moment_of_one_peak_falls_from_one_to_zero(name: str) -> None:
    values = [moment(name, slope) for slope in (1e-6, 0.1, 1.0, 10.0, 1e6)]
    assert values[0] == pytest.approx(1, abs=1e-4)
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-4


def test_a_peak_of_another_height_or_on_a_plateau_is_of_no_such_family() -> None:
    assert "tanh" in PEAKS
    assert SCALED["tanh_spike"].falling  # 1 + sech²(kx): its moment falls from 4 to 1
    assert "tanh_spike" not in PEAKS
    assert moment("tanh_spike", 1e-6) == pytest.approx(4, abs=1e-4)
    assert moment("tanh_spike", 1e6) == pytest.approx(1, abs=1e-4)
