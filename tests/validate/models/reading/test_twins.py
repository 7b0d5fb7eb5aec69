"""Ways of writing one network give the same answer, and it is the right one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ikun_validate import diagnose, initialise_
from ikun_validate.models.measuring.measure import Measured, measure
from tests.reference.resets_by_hand import numbers

from ...networks.autograd import gradients
from . import twins as t

STEPS, BATCH = 6, 12

SOFT = ("soft", t.LEAK, t.THETA, True)


def spikes(steps: int = STEPS, batch: int = BATCH, seed: int = 0) -> Tensor:
    return (torch.rand((steps, batch, t.WIDTH), generator=torch.Generator().manual_seed(seed)) < 0.4).double()


def model(kind: type[t.Net]) -> nn.Module:
    return t.made(kind).double()


@cache
def layers(kind: type[t.Net], batch: int = BATCH) -> list[Measured]:
    """In float64: two ways to sum then agree on every spike."""
    x = spikes(batch=batch)
    return measure(model(kind), x.transpose(0, 1) if issubclass(kind, t.BatchFirst) else x)


def numbers_of(one: Measured) -> dict[str, Any]:
    """What is measured, per step; gradients are compared as parts of the last layer's."""
    return {"rate": one.rate.mean(axis=1), "var_h": one.var_h.mean(axis=1), "slope2": one.slope2, "gain": one.effective_gain}


def reading(one: Measured) -> Any:
    neuron = None if one.reading is None else one.reading.neuron
    if neuron is None:
        return None
    return neuron.reset.spec, neuron.leak, neuron.threshold, neuron.decay_input, neuron.detach


def wiring(one: Measured) -> Any:
    layer = one.layer
    return layer.index, layer.steps, layer.fan, layer.recurrent, sorted(layer.way.layers), layer.way.from_input, one.scale_free


def gradient(found: list[Measured]) -> np.ndarray[Any, Any]:
    totals = np.array([one.grad.mean(axis=1) for one in found])
    return totals / totals[-1].sum()


TWINS: dict[str, tuple[type[t.Net], type[t.Net], bool]] = {
    # two ways, and whether the gradient must be the same: it differs where the read-out is drawn in another order
    "threshold inside": (t.Net, t.ThresholdInside, True),
    "threshold as an argument": (t.Net, t.ThresholdArgument, True),
    "threshold as a tensor": (t.Net, t.ThresholdTensor, True),
    "threshold learned": (t.Net, t.ThresholdLearned, True),
    "batch first": (t.Net, t.BatchFirst, False),
    "batch first, turned": (t.Net, t.BatchFirstTurned, False),
    "weights [in, out]": (t.Net, t.Kept, True),
    "weights in einsum": (t.Net, t.KeptEinsum, True),
    "weights in addmm": (t.Net, t.KeptAddmm, True),
    "cell owns weights": (t.Net, t.CellOwned, True),
    "weight norm": (t.Net, t.WeightNorm, True),
    "factor on the current": (t.Net, t.Factor, True),
    "spikes of another height": (t.Net, t.Tall, True),
    "height inside": (t.Net, t.TallInside, True),
    "in place": (t.Net, t.InPlace, True),
    "state detached": (t.Net, t.Forgotten, False),
    "two ways to decay": (t.Decaying, t.DecayingSplit, True),
    "reset asks again": (t.Delayed, t.AskedTwice, True),
    "rec + fc": (t.Recurrent, t.RecurrentFirst, True),
    "rec later": (t.Recurrent, t.RecurrentLater, True),
    "used twice": (t.Tied, t.UsedTwice, True),
    "functional batch norm": (t.BatchNormed, t.BatchNormFunction, True),
    "batch norm by hand": (t.BatchNormed, t.BatchNormByHand, True),
    "both signs": (t.Ternary, t.TernaryAtOnce, True),
    "adaptive threshold inside": (t.Adaptive, t.AdaptiveInside, False),
}


SLOW = ("both signs",)
"""Functions that no registry holds are searched for in all of it."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in TWINS])
def test_twins_are_read_alike(name: str) -> None:
    one_way, other_way, same_gradient = TWINS[name]
    found, others = layers(one_way), layers(other_way)
    assert len(found) == len(others) == t.DEPTH
    for one, other in zip(found, others, strict=True):
        assert reading(other) == reading(one)
        assert wiring(other) == wiring(one)
        expected = numbers_of(one)
        for key, value in numbers_of(other).items():
            assert value == pytest.approx(expected[key], rel=1e-5), key
    if same_gradient:
        np.testing.assert_allclose(gradient(others), gradient(found), rtol=1e-5)


RIGHT: dict[type[t.Net], Any] = {
    t.Net: (*SOFT[:3], False, True),
    t.Decaying: (*SOFT[:3], True, True),
    t.Delayed: ("delayed", t.LEAK, t.THETA, False, True),
    t.OldFirst: ("delayed", t.LEAK, t.THETA, False, True),
    t.Normalised: (*SOFT[:3], False, True),
    t.Recurrent: (*SOFT[:3], False, True),
    t.Pooled: (*SOFT[:3], False, True),
    t.Dropped: (*SOFT[:3], False, True),
    t.BatchNormed: (*SOFT[:3], False, True),
    t.Adaptive: ("adaptive:adaptation=0.3,adaptation_leak=0.8", t.LEAK, t.THETA, False, True),
    t.AdaptiveHard: ("adaptive-hard:adaptation=0.3,adaptation_leak=0.8", t.LEAK, t.THETA, False, True),
    t.Ternary: None,
    t.Unknown: None,
}


@pytest.mark.parametrize("kind", RIGHT)
def test_the_reading_is_right(kind: type[t.Net]) -> None:
    """The constants that the network was written with; the first layer, for the others may be silent."""
    assert reading(layers(kind)[0]) == RIGHT[kind]
    assert layers(kind)[0].layer.steps == (STEPS - 1 if kind is t.OldFirst else STEPS)


def test_the_numbers_are_those_of_autograd() -> None:
    """By the library's tests' own step-by-step network: rates, variances and gradients of the network that the twins are
    compared with."""
    net, x = model(t.Net), spikes()
    torch.manual_seed(0)
    readout = torch.randn(STEPS, BATCH, t.WIDTH, dtype=torch.float64)
    hand = numbers("soft", t.LEAK, t.THETA, True)
    weights, biases = ([getattr(fc, name).detach() for fc in net.fcs] for name in ("weight", "bias"))  # type: ignore[union-attr]
    membranes, fired, grads, _ = gradients(weights, biases, x, readout, lambda u: (u.abs() < 0.5).double(), hand)
    for one, h, s, g in zip(layers(t.Net), membranes, fired, grads, strict=True):
        assert one.rate.mean(axis=1) == pytest.approx(s.mean((1, 2)).numpy(), rel=1e-9)
        assert one.var_h.mean(axis=1) == pytest.approx(h.flatten(1).var(1, unbiased=False).numpy(), rel=1e-6)
        assert one.grad.mean(axis=1) == pytest.approx(g.square().mean((1, 2)).numpy(), rel=1e-5)
        weight = weights[one.layer.index]
        assert one.effective_gain == pytest.approx(float(weight.square().mean()) * t.WIDTH, rel=1e-6)


def test_the_old_membrane_first_is_the_delayed_reset_of_the_steps_before() -> None:
    """Its spikes come one step later: the first layer does what the other one does, one step shorter."""
    old, delayed = layers(t.OldFirst)[0], layers(t.Delayed)[0]
    for key, value in numbers_of(old).items():
        expected = numbers_of(delayed)[key]
        assert value == pytest.approx(expected if key == "gain" else expected[:-1], rel=1e-9), key


@pytest.mark.parametrize("kind", [t.BatchFirst, t.BatchFirstTurned])
def test_as_many_samples_as_steps(kind: type[t.Net]) -> None:
    """Nothing but the graph tells the axes apart: E[x x] of the weights' input is that of the other order."""
    found, others = layers(t.Net, STEPS), layers(kind, STEPS)
    for one, other in zip(found, others, strict=True):
        assert reading(other) == reading(one)
        assert other.direct
        assert other.input is not None
        np.testing.assert_allclose(other.input, one.input, rtol=1e-9)
        assert not np.allclose(other.input, np.full_like(other.input, other.input.mean()), rtol=1e-3)


def test_gains_and_heights() -> None:
    """What lies between spikes and neuron, apart."""
    factor, tall, inside, dropped = (layers(kind)[1] for kind in (t.Factor, t.Tall, t.TallInside, t.Dropped))
    assert (factor.factor, factor.height) == (0.25, 1.0)
    assert (tall.factor, tall.height) == (1.0, 0.5)
    assert (inside.factor, inside.height) == (1.0, 0.5)
    assert layers(t.TallInside)[0].layer.height == 0.5
    # p = ¼ of the spikes are dropped, the rest are 4/3 high: E[x²]/E[s²] = 4/3, here of 12·48·6·rate ≈ 900 spikes, of which
    # (1 − p) ± √(p (1 − p)/900) = 0.75 ± 0.014 are kept
    assert dropped.height**2 == pytest.approx(4 / 3, abs=4 * 0.014 * 16 / 9)
    assert dropped.layer.between == ["dropout"]


@pytest.mark.parametrize(
    ("kind", "name"), [(t.BatchNormed, "batch norm"), (t.BatchNormFunction, "batch norm"), (t.BatchNormByHand, "a norm")]
)
def test_norms_cancel_the_size_of_the_weights(kind: type[t.Net], name: str) -> None:
    assert [(one.scale_free, one.factor, one.layer.between) for one in layers(kind)] == [(True, None, [name])] * t.DEPTH


def test_a_batch_norm_in_evaluation_cancels_nothing() -> None:
    """It multiplies by 1/√(running variance) = 1 here, in each channel alike."""
    net = model(t.BatchNormed).eval()
    assert [one.scale_free for one in measure(net, spikes())] == [False] * t.DEPTH


def test_dropout_that_does_nothing_is_not_there() -> None:
    found = measure(model(t.Dropped).eval(), spikes())
    for one, other in zip(layers(t.Net), found, strict=True):
        assert (reading(other), other.layer.between) == (reading(one), [])
        assert other.rate == pytest.approx(one.rate, rel=1e-12)


@pytest.mark.parametrize("kind", [t.Kept, t.KeptEinsum])
def test_weights_that_are_kept_in_out_are_written(kind: type[t.Net]) -> None:
    """fan_in and fan_out are the right way round, and what is drawn arrives: Kaiming's K is 2."""
    torch.manual_seed(0)
    net: Any = t.made(kind)
    net.ws[1] = nn.Parameter(torch.randn(t.WIDTH, 200) / t.WIDTH**0.5)
    net.bs[1] = nn.Parameter(torch.zeros(200))
    net.ws[2], rest = nn.Parameter(torch.randn(200, t.WIDTH) / 200**0.5), t.Net.rest
    net.rest = lambda x: rest(net, x) if net.asked() else torch.zeros(x.shape[0], 200)
    asked = iter([True, False, True] * 2)
    net.asked = lambda: next(asked)
    found = measure(net, spikes().float())
    assert [(one.layer.fan.fan_in, one.layer.fan.fan_out) for one in found if one.layer.fan] == [(48, 48), (48, 200), (200, 48)]
    assert [round(one.gain, 1) for one in found[1:]] == [1.0, 1.0]
    asked = iter([True, False, True] * 9)
    changed = initialise_(net, spikes().float(), scheme="kaiming")
    assert [change.gain for change in changed.changes] == pytest.approx([2.0] * 3)
    assert [len(w) * float(w.detach().var()) for w in net.ws] == pytest.approx([2.0] * 3, rel=0.1)


@pytest.mark.parametrize("kind", [t.Net, t.Kept, t.WeightNorm])
def test_weights_are_written_where_they_are_kept(kind: type[t.Net]) -> None:
    net = model(kind)
    layer = measure(net, spikes())[1].layer
    assert layer.values is not None
    wanted = torch.randn(layer.values.shape, dtype=torch.float64)
    assert layer.write(wanted) == ""
    again = measure(net, spikes())[1]
    assert again.layer.values is not None
    torch.testing.assert_close(again.layer.values.detach(), wanted)


def test_what_is_not_understood_is_said_with_its_line() -> None:
    note = diagnose(model(t.Unknown), spikes()).layers[0].note
    assert note.startswith("twins.py:")
    assert f"understood: threshold {t.THETA}" in note


def test_the_line_that_raises_is_named() -> None:
    class Broken(t.Net):
        def after(self, h: Tensor, s: Tensor) -> Tensor:
            raise ValueError("no")

    with pytest.raises(Exception, match=r"raised ValueError on input of shape .*, at test_twins.py:\d+: no"):
        diagnose(model(Broken), spikes())


def test_what_nothing_reaches_is_said_with_its_line() -> None:
    class Cut(t.Net):
        def charge(self, v: Tensor, i: Tensor) -> Tensor:
            return (t.LEAK * v + i).detach()

    with pytest.raises(Exception, match=r"nor detach what reaches the spike function at twins.py:\d+"):
        diagnose(model(Cut), spikes())


def test_bfloat16_is_no_other_neuron() -> None:
    """Four roundings of 2⁻⁸ a step are no wrong leak."""
    found = measure(t.made(t.Net).bfloat16(), spikes().bfloat16())
    for one in found:
        name, leak, threshold, *_ = reading(one)
        assert (name, leak, threshold) == ("soft", pytest.approx(t.LEAK, abs=0.01), pytest.approx(t.THETA, abs=0.01))
