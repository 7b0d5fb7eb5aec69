"""The learning rate of hidden layers, divided by their number."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ikun_validate.training.recipe import Recipe


def model(depth: int) -> nn.Module:
    return nn.Sequential(*[nn.Linear(6, 6) for _ in range(depth + 1)])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_hidden_weights_move_by_a_share(optimizer: str) -> None:
    net = model(5)
    recipe = Recipe(optimizer=optimizer, layer_rates="depth", lr=1e-3, momentum=0.0)
    before = [layer.weight.detach().clone() for layer in net]  # type: ignore[union-attr]
    made = recipe.optimizer_of(net)
    for group in made.param_groups:
        group["lr"] = 1e-3 * group["factor"]
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    made.step()
    moved = [float((layer.weight.detach() - old).abs().mean()) for layer, old in zip(net, before, strict=True)]  # type: ignore[union-attr]
    assert moved[0] == pytest.approx(moved[-1], rel=0.1)
    assert moved[1:-1] == pytest.approx([moved[0] / 5] * 4, rel=0.1)


@pytest.mark.parametrize(("rates", "depth"), [("equal", 5), ("depth", 1), ("depth", 0)])
def test_where_nothing_is_hidden_all_move_alike(rates: str, depth: int) -> None:
    groups = Recipe(layer_rates=rates).optimizer_of(model(depth)).param_groups
    assert [group["factor"] for group in groups] == [1.0]
    assert sum(len(group["params"]) for group in groups) == 2 * (depth + 1)
