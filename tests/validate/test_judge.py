"""Verdicts on real networks, small ones: right on what is true, right on what is false, and caught when the harness lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ikun_sym.errors import IkunError
from ikun_sym.theory.meanfield import propagate
from ikun_validate import validate
from ikun_validate.case import Case, build
from ikun_validate.claims import CLAIMS, Claim, select
from ikun_validate.judge import Laboratory, RunSettings, Verdict, cases_of, judge
from ikun_validate.network import Architecture, Network

SMALL = Architecture(depth=16, width=256)
SETTINGS = RunSettings(batch=32)


def verdict_on(claim: Claim, cases: list[Case]) -> Verdict:
    return judge(claim, cases, Laboratory(SETTINGS), expected=claim.expected)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_gets_its_expected_verdict(claim: Claim) -> None:
    """By design a verdict is wrong with probability at most 1 % (SETTINGS.confidence); the seed is fixed."""
    found = verdict_on(claim, cases_of(claim, SMALL))
    assert found.verdict == claim.expected
    assert all(result.outcome == result.predicted_outcome for result in found.results)


def test_alpha_one_grows_by_the_inverse_variance_of_the_spikes() -> None:
    found = verdict_on(CLAIMS["theorem1.backward.alpha-one"], cases_of(CLAIMS["theorem1.backward.alpha-one"], SMALL))
    for result in found.results:
        state = result.case.state
        assert state is not None
        factor = result.checks[0].interval
        assert factor.low <= 1 / state.variance_x <= factor.high


@pytest.mark.parametrize("plant", ["weights", "adjoint", "prediction"])
def test_a_lying_harness_is_caught(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A true claim is refuted, or the verdict departs from the prediction, when one part is wrong by ten per cent."""
    claim = CLAIMS["theorem1.backward.alpha-matched"]
    case = build(replace(SMALL, threshold=0.0), claim.scheme)
    if plant == "weights":
        right = Network._weights
        monkeypatch.setattr(Network, "_weights", lambda self, *given: right(self, *given) * 1.1**0.5)
    elif plant == "adjoint":
        from ikun_validate.neuron import Population, Returned

        right_adjoint = Population.adjoint
        monkeypatch.setattr(
            Population,
            "adjoint",
            lambda self, *given: Returned(*(x * 1.1**0.5 for x in right_adjoint(self, *given))),
        )
    else:
        import ikun_validate.case

        monkeypatch.setattr(
            ikun_validate.case.meanfield,
            "propagate",
            lambda layer, gain, *rest: replace(propagate(layer, gain, *rest), chi=propagate(layer, gain, *rest).chi * 1.1),
        )
    result = verdict_on(claim, [case]).results[0]
    assert result.outcome != result.predicted_outcome


def test_wrong_slope_is_refuted() -> None:
    """Weights for one surrogate, gradients of another: a claim known to be false."""
    claim = CLAIMS["theorem1.backward.alpha-matched"]
    right = build(replace(SMALL, threshold=0.0), claim.scheme)
    wrong = replace(right.architecture, surrogate="atan:alpha=1.5")
    assert verdict_on(claim, [Case("wrong slope", wrong)]).verdict == "refuted"


def test_silence_refutes() -> None:
    """Kaiming's scale lies below the critical one: the claim of stability fails because activity dies."""
    claim = CLAIMS["theorem1.forward.spiking"]
    case = build(replace(SMALL, depth=30), "kaiming")
    found = verdict_on(claim, [case])
    checks = {check.name: check for check in found.results[0].checks}
    assert found.verdict == "refuted"
    assert checks["survival"].holds is False
    assert checks["survival"].predicted == pytest.approx(0, abs=1e-6)


def test_leaky_networks_over_time_run_without_a_prediction() -> None:
    claim = CLAIMS["theorem1.backward.alpha-matched"]
    case = build(replace(SMALL, steps=4, leak=0.5, reset="soft", detach=False), claim.scheme)
    result = verdict_on(claim, [case]).results[0]
    assert result.case.prediction is None
    assert result.predicted_outcome is None
    assert result.outcome in ("confirmed", "refuted", "inconclusive")
    assert np.isfinite([row["grad_var"]["mean"] for row in result.layers]).all()


def test_measured_layers_follow_the_prediction() -> None:
    """Var(H), rate and gradient of every layer inside 99.9 % intervals of 24 draws, allowing the O(L/n) bias of finite width
    (here 16/256); 48 comparisons, false-alarm rate about 5 %; the seed is fixed."""
    case = build(SMALL, "backward-only")
    laboratory = Laboratory(replace(SETTINGS, draws=24, confidence=0.998))
    result = judge(CLAIMS["theorem1.backward.alpha-matched"], [case], laboratory).results[0]
    for row in result.layers:
        for quantity in ("var_h", "rate", "grad_var"):
            entry = row[quantity]
            slack = 16 / 256 * entry["predicted"]
            assert entry["low"] - slack <= entry["predicted"] <= entry["high"] + slack, (row["layer"], quantity)


def test_draws_are_shared_between_claims() -> None:
    laboratory = Laboratory(SETTINGS)
    architecture = build(SMALL, "ikun").architecture
    first = laboratory.draws(architecture, 3)
    again = laboratory.draws(architecture, 2)
    assert [id(draw) for draw in again] == [id(draw) for draw in first[:2]]


def test_select() -> None:
    assert [claim.id for claim in select("theorem1.backward.alpha-one")] == ["theorem1.backward.alpha-one"]
    assert {claim.id for claim in select("theorem1.forward")} == {c.id for c in CLAIMS if c.id.startswith("theorem1.forward.")}
    with pytest.raises(IkunError, match="did you mean"):
        select("theorem1.backward.alpha-won")


def test_the_python_function() -> None:
    found = validate("theorem1.backward.alpha-one", architecture=SMALL, draws=4)
    assert found.expected is None
    assert found.to_dict()["draws"] == 4
    with pytest.raises(IkunError, match="give one id"):
        validate("theorem1.backward")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="not run: no CUDA device")
def test_cuda_measures_what_the_cpu_measures() -> None:
    """The same weights on both devices, in float64."""
    network = Network(SMALL, batch=8, dtype="float64")
    generator = torch.Generator().manual_seed(0)
    weights = [network._weights(generator) for _ in range(SMALL.depth)]
    x, readout = network._input(generator), network._readout(generator)
    here = network.measure(weights, x, readout)
    there = Network(SMALL, batch=8, device="cuda", dtype="float64").measure(
        [w.cuda() for w in weights], x.cuda(), readout.cuda()
    )
    np.testing.assert_allclose(there.var_h, here.var_h, rtol=1e-10)
    np.testing.assert_allclose(there.log_gradient, here.log_gradient, atol=1e-9)
