"""Networks that were read wrongly once: each beside its plain twin, or beside autograd."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch

from ikun_validate import diagnose
from ikun_validate.models import patient
from ikun_validate.models.measuring.measure import measure
from ikun_validate.models.measuring.moments import mean_square, second, together

from . import odd_twins as odd
from . import twins as t
from .test_twins import BATCH, STEPS, gradient, layers, model, numbers_of, reading, spikes, wiring


def test_membrane_shortcuts_are_layers_and_no_steps() -> None:
    """One spike function for all layers, whose membranes go on from layer to layer: other weights, another layer. The numbers
    are autograd's of the network's own membranes."""
    net, x = model(odd.Shortcut), spikes()
    found = measure(net, x)
    assert [one.layer.steps for one in found] == [STEPS] * t.DEPTH
    torch.manual_seed(0)
    out = net(x)
    membranes, fired = net.membranes, net.spikes  # type: ignore[union-attr]
    loss = (torch.randn_like(out) * out).sum()
    for one, hs, s in zip(found, membranes, fired, strict=True):  # type: ignore[arg-type]
        grads = torch.autograd.grad(loss, hs, retain_graph=True)
        assert one.rate.mean(axis=1) == pytest.approx(torch.stack(s).mean((1, 2)).detach().numpy(), rel=1e-9)
        assert one.var_h.mean(axis=1) == pytest.approx(torch.stack(hs).detach().flatten(1).var(1, unbiased=False).numpy())
        assert one.grad.mean(axis=1) == pytest.approx(torch.stack(grads).square().mean((1, 2)).numpy())
        assert reading(one) == ("soft", t.LEAK, t.THETA, False, True)


@pytest.mark.parametrize(("one_way", "other_way"), [(odd.Shortcut, odd.ShortcutModules), (t.Net, odd.Stacked)])
def test_odd_twins_are_read_alike(one_way: type[t.Net], other_way: type[t.Net]) -> None:
    found, others = layers(one_way), layers(other_way)
    assert len(found) == len(others) == t.DEPTH
    for one, other in zip(found, others, strict=True):
        assert (reading(other), wiring(other)) == (reading(one), wiring(one))
        for key, value in numbers_of(other).items():
            assert value == pytest.approx(numbers_of(one)[key], rel=1e-5), key
        assert (other.input is None) == (one.input is None)
        if one.input is not None:
            np.testing.assert_allclose(other.input, one.input, rtol=1e-5)
    np.testing.assert_allclose(gradient(others), gradient(found), rtol=1e-5)


def test_weights_that_are_applied_step_by_step_are_written() -> None:
    net = model(odd.Stacked)
    for one, fc in zip(measure(net, spikes()), net.fcs, strict=True):  # type: ignore[arg-type]
        assert one.layer.write(torch.full_like(fc.weight, 0.25)) == ""
        assert bool((fc.weight == 0.25).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_threshold_far_below_the_membranes(dtype: torch.dtype) -> None:
    one = measure(t.made(odd.Loud).to(dtype), spikes().to(dtype))[0]
    assert math.sqrt(float(one.var_h.mean())) > 400 * t.THETA
    assert reading(one) == ("soft", t.LEAK, t.THETA, False, True)


def test_a_leak_of_zero_is_zero() -> None:
    assert {reading(one)[1] for one in layers(odd.Forgetful)} == {0.0}


def test_weights_of_zero_have_no_tiny_gain() -> None:
    net = model(t.Net)
    with torch.no_grad():
        net.fcs[1].weight.zero_()  # type: ignore[index, union-attr]
    found = diagnose(net, spikes(steps=1))
    assert found.layers[1].gain == 0
    assert found.layers[1].cause == "the weights fcs.1.weight are all zero: nothing passes"
    written = map(float, re.findall(r"\d[\d.]*e-\d+", json.dumps(found.to_dict())))
    assert not [number for number in written if 0 < number < 1e-30]


def test_the_bias_of_weights_that_no_product_shows() -> None:
    net = model(odd.ByElement)
    for one, fc in zip(measure(net, spikes()), net.fcs, strict=True):  # type: ignore[arg-type]
        assert one.layer.weight is fc.weight
        assert one.layer.bias is fc.bias
        assert one.bias_var == pytest.approx(float(fc.bias.detach().square().mean()))


def test_a_subtraction_before_a_threshold_inside_is_part_of_the_membrane() -> None:
    """Not the membrane of the step before, from which it is subtracted. The reset's gradient passes."""
    found = layers(odd.ResetLast)
    assert [one.layer.steps for one in found] == [STEPS] * t.DEPTH
    assert [reading(one) for one in found] == [("delayed", t.LEAK, t.THETA, False, False)] * t.DEPTH
    assert [one.layer.through for one in found] == [True] * t.DEPTH


def test_a_membrane_that_nothing_has_reached_is_no_step() -> None:
    assert layers(odd.LearnedStart)[0].layer.steps == STEPS - 1


def test_strong_recurrence_is_no_norm() -> None:
    assert [one.scale_free for one in layers(odd.LoudlyRecurrent)] == [False] * t.DEPTH


def test_a_factor_shows_itself_where_nothing_arrives() -> None:
    """Weights for a layer behind a silent one are planned by it."""
    net = model(t.Factor)
    with torch.no_grad():
        net.fcs[0].weight.zero_()  # type: ignore[index, union-attr]
        net.fcs[0].bias.zero_()  # type: ignore[index, union-attr]
    found = measure(net, spikes())
    assert float(found[0].rate.max()) == 0
    assert found[1].factor == 0.25


@pytest.mark.parametrize("kind", [odd.Faint, odd.FaintLayerByLayer])
def test_biases_alone_are_no_norm_and_silence_shows_no_hard_reset(kind: type[t.Net]) -> None:
    found = layers(kind)
    assert [bool(one.rate.any()) for one in found] == [True, False, False]
    assert [one.scale_free for one in found] == [False] * t.DEPTH
    assert [one.factor for one in found] == [1.0] * t.DEPTH
    assert [reading(one)[0] for one in found] == ["soft"] * t.DEPTH
    assert ["taken to be that of layer 1" in one.reading_note for one in found] == [False, True, True]


def test_where_no_layer_fires_the_reset_is_said_to_be_unknown() -> None:
    net = model(odd.Faint)
    found = measure(net, torch.zeros_like(spikes()))
    assert ["cannot be told" in one.reading_note for one in found] == [True] * t.DEPTH


def test_parts_are_put_together_in_their_order() -> None:
    """Whether or not they lie in one memory."""
    whole = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    for parts in (whole.view(3, 2, 4).unbind(0), whole.unbind(0), whole.unbind(0)[::-1], whole.unbind(1), whole.unbind(0)[:3]):
        assert torch.equal(together(parts), torch.stack(parts))
    alike = [whole[0]] * 6
    assert torch.equal(together(alike), torch.stack(alike))


@pytest.mark.parametrize("size", [1.0, 1e30, 1e-30])
def test_moments_do_not_leave_float32(size: float) -> None:
    values = torch.randn(3, BATCH, 7, generator=torch.Generator().manual_seed(0))
    exact = values.double().numpy() * size
    rows = exact.reshape(3, -1)
    np.testing.assert_allclose(mean_square(values * size), np.square(exact).mean(axis=-1), rtol=1e-5)
    np.testing.assert_allclose(second(values * size), rows @ rows.T / rows.shape[1], rtol=1e-4, atol=1e-6 * size**2)


def test_a_diagnosis_does_not_ask_every_layer_about_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cost grows with the number of layers, not with its square: all of these are silent, and each asks for a cure."""
    asked = 0

    def counted(one: object) -> object:
        nonlocal asked
        asked += 1
        return known(one)  # type: ignore[arg-type]

    known = patient.layer_model
    monkeypatch.setattr(patient, "layer_model", counted)
    net = t.made(t.Net)
    with torch.no_grad():
        for fc in net.fcs:  # type: ignore[union-attr]
            fc.weight.div_(6)
    found = diagnose(net, spikes(steps=1).float())
    assert sum(one.verdict == "silent" for one in found.layers) >= 2
    assert asked == t.DEPTH
