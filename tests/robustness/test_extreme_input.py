"""Input at the ends of what numbers hold: an answer or one line, in seconds."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ikun_derivations.render.drawing import log_ticks, svg, written
from ikun_sym import design, export, joint, moment
from ikun_sym.errors import IkunError

ABSOLUTES = "*".join(f"abs(x-{i})" for i in range(30))


@pytest.mark.parametrize("expression", ["(x+1)**64*exp(-x**2)", "(x+1)**64", pytest.param(ABSOLUTES, marks=pytest.mark.slow)])
def test_polynomials_of_high_degree_are_enclosed_without_a_form(expression: str) -> None:
    """They took minutes to write out. The value of (x+1)**128 e^{-2x²} is checked by the moments' recurrence."""
    found = moment(f"expr:{expression}", 0, 1, power=2)
    assert found.status == "numeric-only"
    if "exp" in expression:
        # e^{-2x²} N(x; 0, 1) = N(x; 0, 1/5)/√5; E[(1+X)^n] by m_{n+1} = m_n + v n m_{n-1}
        before, now = Fraction(1), Fraction(1)
        for n in range(1, 128):
            before, now = now, now + Fraction(n, 5) * before
        assert found.value == pytest.approx(float(now) / 5**0.5, rel=1e-15)


@pytest.mark.slow
def test_a_moment_beyond_all_decimals_is_refused() -> None:
    with pytest.raises(IkunError, match="beyond 1e1000000000000000"):
        moment("exponential_escape", 1, "1e100")


def test_a_joint_solution_at_no_rate_is_refused() -> None:
    with pytest.raises(IkunError, match="below what float64 holds"):
        joint("shifted_step:window=0.001", threshold=1, fan_ratio=0.01)


@pytest.mark.parametrize("threshold", ["1e155", "1e-160"])
def test_design_at_extreme_thresholds_is_refused(threshold: str) -> None:
    with pytest.raises(IkunError, match="between 1e-150 and 1e150"):
        design(rate=0.2, surrogate="rectangular", threshold=threshold)


def test_constants_beyond_float64_are_not_exported(tmp_path: Path) -> None:
    with pytest.raises(IkunError, match="float64 ends at"):
        export("expr:1e300*exp(-x**2)", "python", tmp_path)
    assert export("expr:1e300*exp(-x**2)", "json", tmp_path).exists()


def test_an_export_is_not_overwritten_by_another_surrogate(tmp_path: Path) -> None:
    path = export("rectangular:alpha=2", "numpy", tmp_path)
    before = path.read_bytes()
    with pytest.raises(IkunError, match="does not hold rectangular:alpha=3"):
        export("rectangular:alpha=3", "numpy", tmp_path)
    assert path.read_bytes() == before
    assert export("rectangular:alpha=2", "numpy", tmp_path) == path


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan"), 1e-320, 1e308])
def test_every_number_is_written_on_an_axis(value: float) -> None:
    assert written(value)


@pytest.mark.parametrize("ends", [(1e-300, 1e300), (1.0, 1e307), (1e-320, 1.0), (5e-324, 1.7e308)])
def test_every_decade_can_be_drawn(ends: tuple[float, float]) -> None:
    """Intervals from a few draws reach this far. A warning is an error here."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], ends)
        axes.set_yscale("log")
        log_ticks(axes.yaxis)

    assert svg(draw, anchor="a", title="t", description="d").count("<path") > 1


@pytest.mark.parametrize(
    ("spec", "var"),
    [("q_pseudo_spike:alpha=1e8", "1e30"), pytest.param("q_pseudo_spike:alpha=1e8", "1", marks=pytest.mark.slow)],
)
def test_a_large_power_is_not_written_out(spec: str, var: str) -> None:
    """(1 + 2|x|/(α − 1))^−α tends to e^{−2|x|} as α grows, within 1/α; at a wide law E[f'] → 1/√(2πv)."""
    found = moment(spec, 0, var)
    v = float(var)
    wanted = math.exp(2 * v) * math.erfc(math.sqrt(2 * v)) if v == 1 else 1 / math.sqrt(2 * math.pi * v)
    assert found.value == pytest.approx(wanted, rel=1e-6)
    assert found.status == "numeric-only"


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", ",T_period=1e-8"])
def test_a_sum_of_a_thousand_waves_ends_in_one_line(more: str) -> None:
    with pytest.raises(IkunError, match="digits could be enclosed") as caught:
        moment("squarewave_fourier_series:n=1000" + more, 0, 1)
    assert "\n" not in str(caught.value)
