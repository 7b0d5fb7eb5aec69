"""The search behind "which weights for this rate": on functions whose zero is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from ikun_sym.schemes.root import rising_root

FUNCTIONS: dict[str, tuple[Callable[[float], float], float]] = {
    "line": (lambda x: 3 * (x - 0.7), 0.7),
    "bent": (lambda x: math.expm1(4 * (x + 0.3)), -0.3),
    "flat, then steep": (lambda x: (x - 0.5) ** 5, 0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("guess", [-2.0, 0.1, 0.7, 3.0])
def test_zeros_are_found_from_either_side(name: str, guess: float) -> None:
    function, zero = FUNCTIONS[name]
    asked: list[float] = []

    def counted(x: float) -> float:
        asked.append(x)
        return function(x)

    found = rising_root(counted, guess, step=0.1, least=-5, most=5, close=1e-9)
    assert found == pytest.approx(zero, abs=1e-8)
    assert len(asked) == len(set(asked)) < 150


def test_enough_is_enough() -> None:
    asked: list[float] = []
    found = rising_root(lambda x: asked.append(x) or x - 1.0, 0.0, step=0.1, least=-5, most=5, close=0.0, enough=1e-3)
    assert found is not None
    assert abs(found - 1) <= 1e-3
    assert found == asked[-1]


def test_ends() -> None:
    known = {"step": 0.3, "least": -1.0, "most": 1.0, "close": 1e-6}
    assert rising_root(lambda x: x - 2, 0.0, **known) is None
    assert rising_root(lambda x: x + 2, 0.0, **known) == -1.0
    assert rising_root(lambda x: x - 1, 5.0, **known) == 1.0


def test_a_jump_out_of_silence_ends_on_its_active_side() -> None:
    """Below 0.3 nothing can be told but that it is below: halved, and the upper end is what lives."""
    found = rising_root(
        lambda x: -1.0 if x < 0.3 else x + 0.1,
        0.9,
        step=0.1,
        least=-5,
        most=5,
        close=0.0,
        blind=-0.5,
        close_if_blind=1e-5,
        widen=1.0,
    )
    assert found == pytest.approx(0.3, abs=1e-5)
    assert found is not None
    assert found >= 0.3
