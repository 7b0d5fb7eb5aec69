"""What the readers of the libraries rest on, measured on the libraries; and that a wrong reading is noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from ikun_validate import diagnose
from ikun_validate.models.libraries import LIBRARIES
from ikun_validate.models.measuring.surrogate_match import recognise
from ikun_validate.models.measuring.surrogate_probe import Probe

from . import user_models as users
from .user_models import layer, neuron, norse, snntorch, snntorch_surrogate, surrogate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def test_every_reader_is_registered() -> None:
    """And that of the models that are trained here, once they are imported."""
    assert set(LIBRARIES.names()) - {"ikun"} == {"norse", "snntorch", "spikingjelly"}


class Tall(users.Bump):
    """3 exp(−(1.7 x)²): erf's shape at another height."""

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> Any:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return grad * 3 * torch.exp(-((1.7 * x) ** 2)), None


RECOGNISED = {
    "declared": (surrogate.ATan(3.0), ("spikingjelly.ATan:alpha=3.0",), "spikingjelly.ATan:alpha=3"),
    "undeclared": (surrogate.ATan(3.0), (), "atan:alpha=3"),
    "a jump": (surrogate.Rect(), (), "rectangular:alpha=1"),
    "two parameters": (surrogate.S2NN(), (), "s2nn:alpha=4,beta=1"),
    "wrongly declared": (surrogate.Sigmoid(4.0), ("spikingjelly.ATan:alpha=2",), "sigmoid:alpha=4"),
    "another height": (lambda x: Tall.apply(x, 1.0), (), "× erf:alpha=1.7"),
    "a closure": (snntorch_surrogate.fast_sigmoid(7), (), "fast_sigmoid:slope=7"),
    "unknown": (lambda x: users.spike(x, 0.4), (), "unknown function"),
    "random": (snntorch_surrogate.SSO(), (), "unknown function"),
}


SLOW = ("another height", "wrongly declared")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in RECOGNISED])
def test_surrogates_are_recognised_by_their_values(name: str) -> None:
    function, declared, label = RECOGNISED[name]
    found = recognise(Probe(function), declared)
    assert label in found.label
    assert (found.bound is None) == (name in ("unknown", "random"))
    assert any("declared as" in note for note in found.notes) == (name == "wrongly declared")
    assert any("random" in note for note in found.notes) == (name == "random")
    if found.bound is not None:
        x = np.array([-1.3, -0.3, 0.2, 0.44, 2.1])
        from ikun_sym.gaussian.moment import float_function

        assert float_function(found.bound, "fprime", 1)(x) == pytest.approx(Probe(function).gradient(x), abs=1e-6)


def test_fused_paths_are_bypassed_without_a_change() -> None:
    """SpikingJelly's fused surrogates never call the surrogate module; the tapped run sees each step, and the same spikes."""
    torch.manual_seed(0)
    node, x = neuron.IFNode(step_mode="m"), 2 * torch.rand(5, 3, 7)
    called: list[int] = []
    handle = node.surrogate_function.register_forward_hook(lambda *_: called.append(1))
    plain = node(x)
    handle.remove()
    assert called == []
    found = diagnose(nn.Sequential(layer.Linear(7, 7, step_mode="m"), node), x)
    assert len(found.layers[0].steps["rate"]["measured"]) == 5
    node.reset()
    assert torch.equal(node(x), plain)


class Misleading(neuron.SimpleLIFNode):
    """Leaks half as much as its tau says."""

    def neuronal_charge(self, x: Tensor) -> None:
        self.v = self.v + (self.v_reset - self.v) / (2 * self.tau) + x


def test_a_neuron_that_does_something_else_is_not_predicted() -> None:
    torch.manual_seed(0)
    for node, told in ((neuron.SimpleLIFNode, False), (Misleading, True)):
        parts = [layer.Linear(64, 64, step_mode="m"), node(tau=2.0, decay_input=False, step_mode="m")]
        report = diagnose(nn.Sequential(*parts), (torch.rand(4, 16, 64) < 0.5).float()).layers[0]
        assert ("does not behave as its attributes say" in report.note) == told
        assert (report.rate.predicted is None) == told


@pytest.mark.parametrize(
    ("module", "spec", "refusal"),
    [
        (neuron.IFNode(), "spikingjelly.ATan:alpha=3", ""),
        (snntorch.Leaky(beta=0.5), "snntorch.fast_sigmoid:slope=7", ""),
        (norse.LIF(), "norse.heavi_tanh_fn:k=2", ""),
        (norse.LIF(), "norse.superspike_fn:alpha=3", "ignores its alpha"),
        (neuron.IFNode(), "atan:alpha=3", "no surrogate of spikingjelly"),
    ],
)
def test_surrogates_are_set_on_one_neuron(module: nn.Module, spec: str, refusal: str) -> None:
    library = next(entry for entry in LIBRARIES if entry.loaded and entry.owns(module))
    before = Probe(library.spike_function(module)).values
    answer = library.set_surrogate(module, spec)
    assert refusal in answer
    assert bool(answer) == bool(refusal)
    after = Probe(library.spike_function(module))
    if refusal:
        assert np.array_equal(before, after.values)
    else:
        assert recognise(after, (spec,)).label == spec


def test_the_cost_is_measured() -> None:
    from ikun_validate.benchmarks.diagnose import command

    arguments = ["--width", "32", "--depth", "4", "--batch", "8", "--steps", "2", "--repetitions", "1", "--json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.count('"measure"') == 2
