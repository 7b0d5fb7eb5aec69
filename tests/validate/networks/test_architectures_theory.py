"""Networks of every architecture against the mean field, a wrong theory that is seen, and what has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ikun_sym.catalogue.architectures import ARCHITECTURES
from ikun_sym.errors import DomainError, IkunError, NoTheoryError
from ikun_validate.benchmarks.mean_field import ELSEWHERE, Agreement, architecture_of, combinations, compare, everything
from ikun_validate.cases.case import Case, build
from ikun_validate.cases.observables import OBSERVABLES
from ikun_validate.claims import CLAIMS
from ikun_validate.networks.architecture import Architecture
from ikun_validate.networks.network import Draw
from ikun_validate.networks.normalisation import NORMS
from ikun_validate.verdicts.judge import Laboratory, RunSettings
from ikun_validate.verdicts.layer_table import layer_rows
from tests.selection import spread

PRODUCT = [dict(combination) for combination in combinations(ELSEWHERE)]


def agreement(combination: dict, **wrong: object) -> Agreement:
    case = Case("", architecture_of(combination, width=512))
    return compare(case.under(**wrong) if wrong else case, Laboratory(RunSettings(draws=24)))


def test_every_architecture_with_a_theory_is_compared() -> None:
    predicted = {name for name in ARCHITECTURES.names() if not ARCHITECTURES[name]().measured_only}
    assert {one.get("arch", "dense").partition(":")[0] for one in everything()} == predicted
    assert {one["arch"] for one in everything("conv2d")} < {one["arch"] for one in PRODUCT}
    with pytest.raises(IkunError, match="compared architecture"):
        everything("transformer")


@pytest.mark.parametrize("combination", spread(PRODUCT, 9), ids=str)
def test_networks_are_as_predicted(combination: dict) -> None:
    """Every layer and step of Var(H), rate and gradient, and where two inputs have a theory theirs; a combination fails by
    chance with probability below 1 %, and the seed is fixed."""
    found = agreement(combination)
    of_pairs = 0 if "pool" in combination["arch"] or "recurrent" in combination["arch"] else 8
    assert found.comparisons == 12 * combination["steps"] + of_pairs
    assert found.agrees, found.misses


WRONG = [
    ("conv1d:size=6", {"arch": "dense"}, "var_h"),
    ("conv1d:pool=max,every=2", {"arch": "conv1d"}, "grad_var"),
    ("residual:kind=ms", {"arch": "residual"}, "var_h"),
    ("recurrent:recurrent_gain=3", {"arch": "dense"}, "rate"),
]


@pytest.mark.parametrize(("arch", "wrong", "quantity"), spread(WRONG, 2))
def test_a_wrong_theory_misses(arch: str, wrong: dict, quantity: str) -> None:
    missed = {name for name, _, _ in agreement({"arch": arch, "reset": "hard", "steps": 4}, **wrong).misses}
    assert quantity in missed


MEASURED_ONLY = (
    {"arch": "conv1d:norm=batch"},
    {"arch": "residual:norm=tdbn"},
    {"arch": "csnn", "depth": 4},
    {"distribution": "row-centred"},
    {"arch": "conv1d", "distribution": "delta-orthogonal"},
    {"arch": "conv1d", "widths": (8, 16)},
)


@pytest.mark.parametrize("fields", MEASURED_ONLY, ids=str)
def test_what_has_no_theory_is_measured_and_says_so(fields: dict) -> None:
    a = Architecture.of(**({"depth": 3, "width": 16, "gain": 9.0, "samples": 4} | fields))
    with pytest.raises(NoTheoryError, match="measured only"):
        _ = a.model
    case = Case("", a)
    assert case.prediction is None
    draws = Laboratory(RunSettings(draws=2)).draws(a, 2)
    rows = layer_rows(case, draws, 0.01)
    assert all(row["var_h"]["predicted"] is None for row in rows)
    assert all(row["var_h"]["mean"] > 0 for row in rows)


def test_rotations_have_the_theory_of_independent_weights_but_not_of_how_draws_differ() -> None:
    case = build(Architecture.of(depth=4, width=64), "orthogonal:gain=3")
    assert case.architecture.distribution == "orthogonal"
    assert case.architecture.gain == pytest.approx(9.0)
    assert case.prediction is not None
    assert np.isnan(case.log_gradient_variance)
    assert np.isnan(case.rate_spread.value)


@pytest.mark.parametrize(
    ("arch", "gain"), [("conv2d:groups=4,stride=2", 2.0), ("csnn", 2.0), ("recurrent", 2.0), ("residual", 2.0)]
)
def test_a_scheme_sees_the_fan_in(arch: str, gain: float) -> None:
    depth = 4 if arch == "csnn" else 3
    assert build(Architecture.of(arch=arch, depth=depth, width=16), "kaiming").architecture.gain == pytest.approx(gain)


def test_a_scheme_that_sees_the_fan_out_sees_stride_and_groups() -> None:
    """kaiming-fan-out: Var(W) = 2/fan_out, fan_out = out/groups · (k/stride)^d: K = 2 stride^d with equal channels."""
    case = build(Architecture.of(arch="conv1d:size=9,stride=1,groups=4", depth=2, width=16), "kaiming-fan-out")
    assert case.architecture.gain == pytest.approx(2.0)
    with pytest.raises(IkunError, match="several gains"):
        build(Architecture.of(arch="conv1d:size=9,stride=2,every=2,groups=4", depth=2, width=16), "kaiming-fan-out")


def test_shortcuts_need_equal_widths() -> None:
    with pytest.raises(DomainError, match="all equal"):
        Architecture.of(arch="residual", widths=(8, 9))


def test_labels_name_the_architecture() -> None:
    labels = [case.label for case in CLAIMS["architecture.convolution.border"].cases(Architecture())]
    assert len(set(labels)) == len(labels)
    assert "conv2d" in labels[1]


@pytest.mark.parametrize(
    ("observable", "law"), [("gradient_exponent", np.log), ("gradient_root", np.sqrt)], ids=["power", "exponential of a root"]
)
def test_growth_is_measured(observable: str, law: Any) -> None:
    """Gradients that follow the law exactly, and 5 % off it."""
    case = Case("", Architecture.of(arch="residual", depth=40, width=8, gain=4.0))
    flat, layers = np.ones((40, 1)), np.arange(1, 41)
    draw = Draw(index=0, var_h=flat, rate=flat, gradient=flat, alive=1.0, log_gradient=-1.7 * law(layers))
    assert OBSERVABLES[observable].measure(draw, case) == pytest.approx(1.7, rel=1e-12)
    other = replace(draw, log_gradient=1.05 * draw.log_gradient)
    assert OBSERVABLES[observable].measure(other, case) == pytest.approx(1.05 * 1.7, rel=1e-12)


@pytest.mark.parametrize(("name", "rate"), [("convolution", 0.3), ("zero-padding", 0.2), ("recurrent", 0.3)])
def test_the_solved_weights_hold_rate_and_gradient_at_depth_300(name: str, rate: float) -> None:
    """By the theory: the rate at the last layer, and the factor far from either end."""
    for case in CLAIMS[f"architecture.rate-targeted.{name}"].cases(Architecture()):
        assert case.architecture.depth == 300
        assert case.expect(lambda run: run.rate[-1].mean()).value == pytest.approx(rate, abs=5e-4)
        middle = case.expect(lambda run: (run.log_gradient[50] - run.log_gradient[150]) / 100)
        assert abs(middle.value) < 1e-3 + 4 * middle.se


def test_norms_are_those_of_torch() -> None:
    """To 1e-12 of the scale: float64 sums in another order. Each step by itself, or all together and times the threshold."""
    x = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    each = torch.stack([F.batch_norm(step, None, None, training=True, eps=1e-5) for step in x])
    whole = 0.7 * F.batch_norm(x.flatten(0, 1), None, None, training=True, eps=1e-5).view(x.shape)
    assert torch.allclose(NORMS["batch"](x, 0.7)[0], each, atol=1e-12)
    assert torch.allclose(NORMS["tdbn"](x, 0.7)[0], whole, atol=1e-12)
