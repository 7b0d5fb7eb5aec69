"""Two inputs of a drawn network: what they share of their spikes, and how far their gradients agree."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

torch = pytest.importorskip("torch")

from ikun_sym.errors import IkunError  # noqa: E402
from ikun_validate.benchmarks.mean_field import architecture_of, compare  # noqa: E402
from ikun_validate.cases.case import Case  # noqa: E402
from ikun_validate.claims import CLAIMS  # noqa: E402
from ikun_validate.networks import NETWORKS, network_of  # noqa: E402
from ikun_validate.networks.architecture import Architecture  # noqa: E402
from ikun_validate.verdicts.journal import draw_of, row  # noqa: E402
from ikun_validate.verdicts.judge import Laboratory, RunSettings, judge  # noqa: E402

from .autograd import SURROGATES, gradients  # noqa: E402

PAIRED = {"input_overlap": 0.8, "samples": 6, "gain": 9.0, "input_rate": 0.3}


def by_hand(values: list) -> list[float]:
    """Σ v v'/√(Σ v² Σ v'²) by layer, pair by pair with plain sums."""
    found = []
    for layer in values:
        between = own = other = 0.0
        for i in range(0, layer.shape[1], 2):
            a, b = layer[:, i].flatten().tolist(), layer[:, i + 1].flatten().tolist()
            between += math.fsum(x * y for x, y in zip(a, b, strict=True))
            own += math.fsum(x * x for x in a)
            other += math.fsum(y * y for y in b)
        found.append(between / math.sqrt(own * other))
    return found


@pytest.mark.parametrize(
    "neuron",
    [
        {},
        {"steps": 3, "leak": 0.6},
        {"steps": 3, "leak": 0.6, "reset": "soft", "detach": False},
        {"steps": 2, "leak": 0.5, "decay_input": True, "gain": 36.0},
    ],
    ids=str,
)
def test_beside_autograd(neuron: dict) -> None:
    """Spikes and ∂L/∂H of a network written out plainly, with the same weights, inputs and loss."""
    a = Architecture.of(width=30, depth=3, surrogate="sigmoid", **(PAIRED | neuron))
    network = network_of(a)
    weights, x, readout = list(network.weights(3, 0)), network.input(3, 0), network.readout(3, 0)
    assert torch.equal(readout[:, ::2], readout[:, 1::2])
    copies = [one.double() for one in weights]
    own = SimpleNamespace(**(a.neuron.to_dict() | {"reset": a.neuron.reset.rule.name}))
    _, spikes, deltas, _ = gradients(
        copies, [torch.zeros(30, dtype=torch.float64)] * 3, x.double(), readout.double(), SURROGATES["sigmoid"], own
    )
    draw = network.measure(weights, x.clone(), readout.clone())
    np.testing.assert_allclose(draw.overlap, by_hand(spikes), rtol=1e-6)
    np.testing.assert_allclose(draw.gradient_correlation, by_hand(deltas), rtol=1e-4, atol=1e-5)


def test_the_inputs_share_what_they_should() -> None:
    """n = 2·40·500 pairs of spikes: E[x x'] = ρ p, E[x] = p, each within five standard errors (false alarm 1e-6); steps and
    neighbouring pairs are independent."""
    p, shared = 0.3, 0.8
    x = network_of(Architecture.of(width=500, depth=2, steps=2, **(PAIRED | {"samples": 80}))).input(0, 0)
    n = 2 * 40 * 500
    for value, wanted in (
        ((x[:, ::2] * x[:, 1::2]).mean(), shared * p),
        (x[:, ::2].mean(), p),
        (x[:, 1::2].mean(), p),
        ((x[:, 1:-1:2] * x[:, 2::2]).mean(), p * p),
        ((x[0, ::2] * x[1, 1::2]).mean(), p * p),
    ):
        assert float(value) == pytest.approx(wanted, abs=5 * math.sqrt(wanted * (1 - wanted) / (n / 2)))


@pytest.mark.parametrize("arch", [drawn.compared[0].arch if drawn.compared else drawn.name for drawn in NETWORKS])
def test_one_input_twice_agrees_with_itself(arch: str) -> None:
    """In every architecture each layer is looked at once, upwards and downwards, and in the right order: what is the same stays
    the same, and what is not is below 1."""
    steps = 2 if arch.startswith("recurrent") else 1
    a = Architecture.of(arch=arch, width=8 if arch == "csnn" else 32, depth=4, steps=steps, **(PAIRED | {"input_overlap": 1.0}))
    draw = network_of(a).draw(0, 0)
    for found in (draw.overlap, draw.gradient_correlation):
        assert found is not None
        np.testing.assert_allclose(found, np.ones(4), rtol=1e-6)
    other = network_of(a.but(input_overlap=0.5)).draw(0, 0)
    assert other.overlap is not None
    assert other.gradient_correlation is not None
    assert (other.overlap < 0.95).all()
    # the two gradients start as one at the loss, and part on the way down
    assert other.gradient_correlation[-1] > other.gradient_correlation[0]


def test_the_overlap_map() -> None:
    """ρ ↦ Φ₂(a, a; ρ)/p, by scipy: 16 draws of width 1024, five standard errors."""
    p = 0.2
    a = float(norm.isf(p))
    made = Architecture.of(width=1024, depth=3, gain=1 / (a * a * p), input_rate=p, input_overlap=0.8, samples=16)
    found = np.array([network_of(made).draw(5, i).overlap for i in range(16)])
    rho = 0.8
    for layer in range(3):
        rho = float(multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-a, -a])) / p
        error = found[:, layer].std(ddof=1) / 4
        assert found[:, layer].mean() == pytest.approx(rho, abs=5 * error)
        assert error < 0.01


@pytest.mark.parametrize(
    ("wrong", "missed"), [({}, None), ({"surrogate": "atan:alpha=4"}, "gradient_correlation"), ({"threshold": 1.2}, "overlap")]
)
def test_the_mean_field_is_followed_and_a_wrong_one_is_not(wrong: dict, missed: str | None) -> None:
    combination = {"reset": "soft", "detach": True, "leak": 0.5, "steps": 4, "loss": "white"}
    case = Case("", architecture_of(combination, 512))
    found = compare(case.under(**wrong) if wrong else case, Laboratory(RunSettings(draws=24)), combination)
    assert found.comparisons == 12 * 4 + 8
    assert found.agrees if missed is None else missed in {name for name, _, _ in found.misses}


def test_shortcuts_are_followed() -> None:
    """With a membrane shortcut the gradient that counts has the shortcut's part."""
    combination = {"arch": "residual:kind=ms", "reset": "hard", "steps": 1}
    found = compare(Case("", architecture_of(combination, 512)), Laboratory(RunSettings(draws=24)), combination)
    assert found.agrees, found.misses


def test_a_claim_that_size_is_information_is_refuted() -> None:
    claim = CLAIMS["information.gradient.any-depth"]
    found = judge(claim, claim.cases(Architecture()), Laboratory(RunSettings(most=8)), expected=claim.expected)
    assert found.verdict == claim.expected == "refuted"


def test_a_row_keeps_pairs_and_lacks_them_elsewhere() -> None:
    a = Architecture.of(width=20, depth=2, **PAIRED)
    draw = network_of(a).draw(0, 0)
    back = draw_of(json.loads(json.dumps(row(a, draw, {}))))
    np.testing.assert_array_equal(back.overlap, draw.overlap)
    np.testing.assert_array_equal(back.gradient_correlation, draw.gradient_correlation)
    plain = a.but(input_overlap=None)
    written = row(plain, network_of(plain).draw(0, 0), {})
    assert "overlap" not in written
    assert draw_of(written).overlap is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input_overlap": 0.2}, "between the input rate, 0.3, and 1"),
        ({"input_overlap": 1.1}, "between the input rate"),
        ({"input": "constant"}, "poisson with input_overlap"),
        ({"samples": 5}, "an even number"),
        ({"reset": "adaptive"}, "one state and no synapse"),
        ({"synaptic_leak": 0.5}, "one state and no synapse"),
    ],
)
def test_what_is_no_pair_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(IkunError, match=said) as caught:
        Architecture.of(**(PAIRED | wrong))
    assert "\n" not in str(caught.value)


def test_an_odd_batch_has_no_pairs() -> None:
    with pytest.raises(IkunError, match="even number"):
        network_of(Architecture.of(**(PAIRED | {"samples": None})), batch=7)
