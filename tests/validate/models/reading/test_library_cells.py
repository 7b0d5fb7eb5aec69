"""Library neurons that are no plain LIF: counted right, read where the registry holds them, and left as they were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ikun_validate.models.measuring.measure import Measured, measure
from ikun_validate.models.measuring.surrogate_match import Found

from ..user_models import layer, neuron, norse, snntorch, surrogate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

STEPS, BATCH, WIDTH = 8, 12, 40


def spikes() -> Tensor:
    return (torch.rand((STEPS, BATCH, WIDTH), generator=torch.Generator().manual_seed(0)) < 0.4).float()


def jelly(node: Any, gain: float = 3.0) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(*(part for _ in range(2) for part in (layer.Linear(WIDTH, WIDTH, step_mode="m"), node())))
    return louder(net, gain)


def louder(net: nn.Module, gain: float) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 2:
                parameter.mul_(gain)
    return net


class Looped(nn.Module):
    """Norse's cells, stepped by hand; `weights`: each behind a linear layer."""

    def __init__(self, cells: list[Any], weights: bool) -> None:
        super().__init__()
        self.fcs = nn.ModuleList(nn.Linear(WIDTH, WIDTH) if weights else nn.Identity() for _ in cells)
        self.cells = nn.ModuleList(cells)

    def forward(self, x: Tensor) -> Tensor:
        states: list[Any] = [None] * len(self.cells)
        out = []
        for s in x:
            for k, cell in enumerate(self.cells):
                s, states[k] = cell(self.fcs[k](s), states[k])
            out.append(s)
        return torch.stack(out)


def rates(found: list[Measured]) -> list[float]:
    return [float(one.rate.mean()) for one in found]


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (lambda: neuron.ILIFNode(step_mode="m"), "it sends round(H/θ) spikes at once"),
        (lambda: neuron.TernaryIFNode(step_mode="m", surrogate_function=surrogate.ATan()), "it sends spikes of both signs"),
    ],
)
def test_spikes_that_are_not_zero_or_one_are_counted(node: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps, and every spike of the model's own output, whatever its sign and height; no prediction."""
    # a search for I-LIF's surrogate takes seconds, and finds nothing
    monkeypatch.setattr(f"{measure.__module__}.recognise", lambda probe, declared: Found(probe, None, "not looked for"))
    net = jelly(node)
    found = measure(net, spikes())
    for module in net:  # type: ignore[attr-defined]
        if hasattr(module, "reset"):
            module.reset()
    with torch.no_grad():
        out = net(spikes())
    assert [one.layer.steps for one in found] == [STEPS, STEPS]
    assert found[1].rate.mean(axis=1) == pytest.approx(out.abs().mean((1, 2)).numpy(), rel=1e-6)
    assert out.unique().numel() > 2
    for one in found:
        assert one.reading is not None
        assert one.reading.neuron is None
        assert why in one.reading_note
    assert type(net[1]) is type(node())  # type: ignore[index]


def test_held_back_spikes_are_not_counted() -> None:
    """Norse asks its spike function about the refractory state too: one step each, and the rate of what is sent."""
    torch.manual_seed(0)
    net = louder(Looped([norse.LIFRefracCell() for _ in range(2)], weights=True), 20)
    found = measure(net, spikes())
    with torch.no_grad():
        out = net(spikes())
    assert [one.layer.steps for one in found] == [STEPS, STEPS]
    assert rates(found)[1] == pytest.approx(float(out.mean()), rel=1e-6)
    assert float(out.mean()) > 0
    assert "it holds back some of the spikes" in found[0].reading_note


def test_recurrence_inside_a_cell_is_seen() -> None:
    """The cell owns both weights: the one that gets the input is the layer's, the other makes it recurrent."""
    torch.manual_seed(0)
    p = norse.LIFParameters(tau_mem_inv=torch.as_tensor(500.0))
    net = louder(Looped([norse.LIFRecurrentCell(WIDTH, 56, p=p), norse.LIFRecurrentCell(56, WIDTH, p=p)], weights=False), 4)
    found = measure(net, spikes())
    for one, cell in zip(found, net.cells, strict=True):  # type: ignore[arg-type]
        weight = cell.input_weights.detach()
        assert one.layer.recurrent
        assert one.layer.between == ["recurrent weights"]
        assert one.layer.weight is cell.input_weights
        assert one.gain == pytest.approx(float(weight.square().mean()) * weight.shape[1], rel=1e-5)
        assert one.reading is not None
        assert one.reading.neuron is not None
        assert (one.reading.neuron.leak, one.reading.neuron.reset.name) == (0.5, "hard")


def test_norse_s_adaptive_threshold_is_read() -> None:
    """The threshold rises by β with a spike and has decayed by ρ when it is used next: adaptation β ρ, its leak ρ."""
    torch.manual_seed(0)
    p: Any = norse.LSNNParameters(
        tau_mem_inv=torch.as_tensor(500.0),
        tau_adapt_inv=torch.as_tensor(100.0),
        beta=torch.as_tensor(0.5),
        alpha=torch.as_tensor(100.0),
    )
    found = measure(louder(Looped([norse.LSNNCell(p) for _ in range(2)], weights=True), 8), spikes())
    for one in found:
        assert one.reading is not None
        assert one.reading.neuron is not None
        reset = dict(one.reading.neuron.reset.values)
        assert one.reading.neuron.reset.name == "adaptive-hard"
        assert float(reset["adaptation"]) == pytest.approx(0.45, rel=1e-3)
        assert float(reset["adaptation_leak"]) == pytest.approx(0.9, rel=1e-3)
        assert (one.reading.neuron.leak, one.reading.threshold) == pytest.approx((0.5, 1.0), rel=1e-3)


class SameByAnotherName(neuron.SimpleBaseNode):
    """A LIF that no table holds by this name."""

    def neuronal_charge(self, x: Tensor) -> None:
        self.v = 0.8 * self.v + x


def test_a_lif_by_another_name_is_read() -> None:
    settings: dict[str, Any] = {"v_threshold": 0.9, "v_reset": None, "detach_reset": True, "step_mode": "m"}
    found = measure(jelly(lambda: SameByAnotherName(**settings, surrogate_function=surrogate.ATan())), spikes())
    for one in found:
        assert one.reading is not None
        assert one.reading.neuron is not None
        read = one.reading.neuron
        assert (read.reset.name, read.leak, read.threshold, read.detach) == ("soft", 0.8, 0.9, True)
        assert one.surrogate.label == "spikingjelly.ATan:alpha=2"


def test_graded_spikes_count_in_the_gain() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fcs = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(2))
            self.lifs = nn.ModuleList(snntorch.Leaky(beta=0.6, graded_spikes_factor=2.0) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            mems = [lif.init_leaky() for lif in self.lifs]  # type: ignore[operator]
            out = []
            for s in x:
                for k, (fc, lif) in enumerate(zip(self.fcs, self.lifs, strict=True)):
                    s, mems[k] = lif(fc(s), mems[k])
                out.append(s)
            return torch.stack(out)

    torch.manual_seed(0)
    found = measure(louder(Net(), 3), spikes())
    assert [one.height for one in found] == [1.0, 2.0]
    assert found[1].effective_gain == pytest.approx(4 * found[1].gain)
