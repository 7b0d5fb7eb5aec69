"""Mean field against networks over the product of neuron, time and loss; and that a wrong theory is seen."""

from __future__ import annotations

import pytest

from ikun_validate.benchmarks.mean_field import BASE, Agreement, combinations, compare
from ikun_validate.cases.case import Case
from ikun_validate.networks.network import Architecture
from ikun_validate.verdicts.judge import Laboratory, RunSettings
from tests.selection import spread

PRODUCT = [dict(combination) for combination in combinations()]


def agreement(combination: dict, **wrong: object) -> Agreement:
    case = Case("", Architecture.of(width=512, **BASE, **combination))
    return compare(case.under(**wrong) if wrong else case, Laboratory(RunSettings(draws=24)))


@pytest.mark.parametrize("combination", spread(PRODUCT, 19), ids=str)
def test_networks_are_as_predicted(combination: dict) -> None:
    """Every layer and step of Var(H), rate and gradient, and every layer's overlap and gradient correlation of two inputs; a
    combination fails by chance with probability below 1 %, and the seed is fixed."""
    found = agreement(combination)
    assert found.comparisons == 12 * combination["steps"] + 8
    assert found.agrees, found.misses


@pytest.mark.parametrize(
    ("wrong", "quantity"),
    [
        ({"reset": "soft"}, "rate"),
        ({"leak": 0.7}, "var_h"),
        ({"detach": False}, "grad_var"),
        ({"white_currents": True}, "var_h"),
        ({"gain": 9.9}, "var_h"),
    ],
    ids=str,
)
def test_a_wrong_theory_misses(wrong: dict, quantity: str) -> None:
    right = {"reset": "hard", "detach": True, "leak": 0.9, "steps": 4, "loss": "rate"}
    missed = {name for name, _, _ in agreement(right, **wrong).misses}
    assert quantity in missed


def test_the_product_is_whole() -> None:
    assert len(PRODUCT) == 2 * 2 * 4 * 3 * 2
    assert len({tuple(one.values()) for one in PRODUCT}) == len(PRODUCT)
