"""What a diagnosis says of pairs of the user's own samples: beside autograd by hand, and its verdict beside what is known to
train. Every network and batch has its seed, so that nothing here is random from run to run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import t as student
from torch import Tensor

from ikun_sym.torch_init import copy_
from ikun_validate import assert_healthy, diagnose

from .pair_networks import Net, Steps, digits

B = 20


def _of_pairs(rows: np.ndarray) -> np.ndarray:
    """[B, B] from [B, values], pair by pair."""
    found = np.eye(len(rows))
    for a, b in itertools.permutations(range(len(rows)), 2):
        found[a, b] = (rows[a] * rows[b]).sum() / np.sqrt((rows[a] ** 2).sum() * (rows[b] ** 2).sum())
    return found


def _mean(cosines: np.ndarray) -> float:
    return float(np.mean([cosines[a, b] for a, b in itertools.combinations(range(len(cosines)), 2)]))


def _centred(matrix: np.ndarray) -> np.ndarray:
    """Székely and Rizzo, Ann. Stat. 42, 2014: what leaves an unbiased estimate of a covariance of pairs."""
    n, out = len(matrix), matrix - np.diag(np.diag(matrix))
    rows, total = out.sum(axis=1), out.sum()
    out = out - rows[:, None] / (n - 2) - rows / (n - 2) + total / ((n - 1) * (n - 2))
    return out - np.diag(np.diag(out))


def _alignment(one: np.ndarray, other: np.ndarray) -> float:
    a, b = _centred(one), _centred(other)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def _with_interval(statistic: Any, *matrices: np.ndarray) -> tuple[float, float, float]:
    """By leaving every sample out in turn."""
    n, value = len(matrices[0]), statistic(*matrices)
    without = [statistic(*(np.delete(np.delete(m, i, 0), i, 1) for m in matrices)) for i in range(n)]
    half = student.ppf(0.995, n - 1) * np.sqrt((n - 1) * np.var(without))
    return value, value - half, value + half


def _by_hand(net: Any, x: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """(overlaps, gradient correlations) of each layer. A single output has one readout but for its size and sign, which
    correlations do not see."""
    out = net(x)
    membranes = [one if isinstance(one, list) else [one] for one in net.membranes]
    gradients = iter(
        torch.autograd.grad(out[-1].sum() if isinstance(net, Steps) else out.sum(), list(itertools.chain(*membranes)))
    )
    found = []
    for steps in membranes:
        spikes = np.concatenate([(h.detach() >= 1).double().numpy() for h in steps], axis=1)
        grads = np.concatenate([next(gradients).double().numpy() for _ in steps], axis=1)
        found.append((_of_pairs(spikes), _of_pairs(grads)))
    return found


def _compare(found: Any, by_hand: list[tuple[np.ndarray, np.ndarray]]) -> None:
    first = by_hand[0][0]
    for layer, (overlaps, gradients) in zip(found.layers, by_hand, strict=True):
        expected = {
            "overlap": _with_interval(_mean, overlaps),
            "gradient_correlation": _with_interval(_mean, gradients),
            "alignment": _with_interval(_alignment, first, overlaps),
        }
        for name, values in expected.items():
            measured = getattr(layer, name)
            assert (measured.mean, measured.low, measured.high) == pytest.approx(values, abs=2e-5), (layer.layer, name)


def test_pairs_are_those_of_autograd_by_hand() -> None:
    net, x = Net(depth=4, width=60, out=1), digits(B)
    _compare(diagnose(net, x, data=True), _by_hand(net, x))


class LastStep(Steps):
    """Its last output only: a readout that is new at each step cannot be written by hand without its draws."""

    def forward(self, xs: Tensor) -> Tensor:
        return super().forward(xs)[-1]


def test_pairs_over_steps_sum_over_them() -> None:
    x = digits(B).expand(3, B, 64).clone()
    found = diagnose(LastStep(), x, data=True)
    assert [len(layer.steps["rate"]["measured"]) for layer in found.layers] == [3] * 3
    _compare(found, _by_hand(Steps(), x))


@pytest.mark.parametrize("steps", [3, B])
def test_samples_are_found_behind_the_steps(steps: int) -> None:
    """[T, B, 1] out, also where T = B. With readouts of their own the last layer's correlation would be 0 ± 0.1."""
    x = digits(B).expand(steps, B, 64).clone()
    assert diagnose(Steps(), x, data=True).layers[-1].gradient_correlation.low > 0.15


@pytest.mark.parametrize("seed", [0, 1])
def test_a_deep_critical_network_is_uninformative_and_with_shortcuts_healthy(seed: int) -> None:
    x = digits(64)
    found = diagnose(Net(seed=seed), x, data=True)
    told, agree = found.information.told_to, found.information.agree_from
    assert found.verdict == "uninformative"
    assert not found.healthy
    # slope 0.51 from layer 1's differences, coherence 0.45 from the last layer's agreement
    assert (4 <= told <= 7, 16 <= agree <= 21) == (True, True), (told, agree)
    assert found.at == told + 1
    assert {layer.verdict for layer in found.layers} == {"uninformative"}
    for word in (f"from layer {told + 1} on", f"below layer {agree}", "0.51", "0.45"):
        assert word in found.cause
    for word in ("fewer layers", "shortcuts", "amplitude", "more steps", "copy"):
        assert word in found.advice
    with pytest.raises(AssertionError, match="uninformative at layer"):
        assert_healthy(Net(seed=seed), x, data=True)
    shortcuts = diagnose(Net(shortcut=True, seed=seed), x, data=True)
    assert (shortcuts.verdict, shortcuts.information.told_to, shortcuts.information.agree_from) == ("healthy", 24, 1)
    assert len(shortcuts.layers) == 24
    assert all(layer.information.overlap is None and layer.information.reason for layer in shortcuts.layers[1:])


@pytest.mark.parametrize(("depth", "verdict"), [(3, "healthy"), (8, "healthy"), (16, "uninformative"), (30, "uninformative")])
def test_the_verdict_is_on_the_right_side_of_what_trains(depth: int, verdict: str) -> None:
    """THEORY 7: accuracy 0.98 at depth 3, 0.97 at 8, 0.28 at 16, chance at 30."""
    assert diagnose(Net(depth), digits(64), data=True).verdict == verdict


def test_noise_gets_no_verdict_on_information() -> None:
    found = diagnose(Net(), digits(64))
    assert found.verdict == "healthy"
    assert "noise" in found.information.reason
    document = found.to_dict()
    assert document["information"]["told_to"] is None
    for layer in document["layers"]:
        assert layer["overlap"]["mean"] is layer["gradient_correlation"]["mean"] is layer["information"]["overlap"] is None
        assert layer["information"]["reason"]


def test_one_input_twice_is_not_a_pair() -> None:
    x = digits(32)
    once, twice = (diagnose(Net(depth=4), batch, data=True) for batch in (x, torch.cat([x, x])))
    assert once.information.samples == twice.information.samples == 32
    assert twice.layers[3].overlap.mean == pytest.approx(once.layers[3].overlap.mean, abs=1e-6)


def test_few_samples_say_nothing() -> None:
    found = diagnose(Net(), digits(8), data=True)
    assert found.verdict == "healthy"
    assert "at least 16" in found.information.reason


def test_theory_stands_beside_the_layers() -> None:
    """THEORY 7: p = 0.20 has ρ* = 0.3609, s = 0.5070, coherence 0.450. Layers' own K differ by 0.5 %."""
    for layer in diagnose(Net(depth=3), digits(32), data=True).to_dict()["layers"][1:]:
        said = layer["information"]
        assert (said["overlap"], said["slope"], said["coherence"]) == pytest.approx((0.3609, 0.5070, 0.450), abs=0.005)
        assert said["trainable_depth"] is None
        assert "calibrated" in said["reason"]


def test_sizes_come_first() -> None:
    net = Net()
    torch.nn.init.zeros_(list(net.weights.parameters())[1])
    assert diagnose(net, digits(64), data=True).verdict == "silent"


def test_layers_that_copy_are_measured_only() -> None:
    """c = 2 θ, noise 0.2 θ: the law of independent weights of the same K = 4.2 would fall silent within ten layers. What is
    measured goes on, and the first layer, which the input feeds, is no part of the trend."""
    net = Net(depth=12)
    for index, weight in enumerate(list(net.weights.parameters())[1:]):
        copy_(weight, c=2.0, noise=0.2, generator=torch.Generator().manual_seed(index))
    found = diagnose(net, digits(64), data=True)
    assert found.halves["forward"] is None
    assert found.layers[0].rate.predicted is not None
    for layer in found.layers[1:]:
        assert layer.rate.mean > 0.05
        assert layer.rate.predicted is None
        assert "it copies" in (layer.information.reason or "")
