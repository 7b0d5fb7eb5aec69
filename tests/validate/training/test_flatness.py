"""Curvature against full matrices that autograd writes out for the same network, and against finite differences of the true
loss where it is smooth; sharpness against a loss that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ikun_sym.errors import IkunError
from ikun_sym.reading.neuron import Neuron
from ikun_validate.training import flatness as module
from ikun_validate.training.flatness import Landscape, flatness, spectrum
from ikun_validate.training.models import build_model

from ..networks.autograd import SURROGATES, Spike

STEPS, BATCH, INPUTS, CLASSES, WIDTH = 4, 8, 6, 3, 7
SIZES = ((WIDTH, INPUTS), (WIDTH, WIDTH), (CLASSES, WIDTH))


def drawn(seed: int = 0) -> tuple[list[Tensor], Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    weights = [torch.randn(*size, generator=source, dtype=torch.float64) * (6 / size[1]) ** 0.5 for size in SIZES]
    x = (torch.rand(STEPS, BATCH, INPUTS, generator=source) < 0.5).double()
    return weights, x, torch.randint(CLASSES, (BATCH,), generator=source)


def loss_of(y: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda z: nn.functional.cross_entropy(4 * z, y)


def ours(slope: float = 2.0, readout: str = "rate", **words: Any) -> tuple[nn.Module, Tensor, Tensor]:
    weights, x, y = drawn()
    neuron = Neuron.of(surrogate=f"atan:alpha={slope}", leak=0.75, **words)
    model = build_model(f"mlp:depth=2,width={WIDTH}", (INPUTS,), CLASSES, neuron, readout=readout).double()
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(weight)
    return model, x, y


def by_hand(detach: bool = True) -> tuple[Tensor, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """(all weights in one vector, its loss, its answers): the same network step by step, with a spike of the tests' own."""
    weights, x, y = drawn()

    def answers(flat: Tensor) -> Tensor:
        layers, begin, inputs = [], 0, x
        for rows, columns in SIZES:
            layers.append(flat[begin : begin + rows * columns].view(rows, columns))
            begin += rows * columns
        for weight in layers:
            v, out = torch.zeros(BATCH, len(weight), dtype=torch.float64), []
            for step in inputs:
                h = 0.75 * v + step @ weight.T
                s = Spike.apply(h - 1.0, SURROGATES["atan"])
                v = h * (1 - (s.detach() if detach else s))
                out.append(s)
            inputs = torch.stack(out)
        return inputs.mean(0)

    return torch.cat([weight.reshape(-1) for weight in weights]), lambda flat: loss_of(y)(answers(flat)), answers


def matrix(product: Callable[[np.ndarray], np.ndarray], size: int) -> np.ndarray:
    return np.stack([product(row) for row in np.eye(size)])


@pytest.mark.parametrize("detach", [True, False])
def test_both_matrices_are_those_of_a_network_written_by_hand(detach: bool) -> None:
    flat, loss, answers = by_hand(detach)
    _, x, y = drawn()
    landscape = Landscape(ours(detach=detach)[0], x, loss_of(y))
    wanted = torch.autograd.functional.hessian(loss, flat).numpy()
    found = matrix(landscape.hessian(), landscape.size)
    scale = abs(wanted).max()
    assert scale > 1e-3
    assert abs(found - wanted).max() < 1e-10 * scale
    jacobian = torch.autograd.functional.jacobian(answers, flat).reshape(-1, len(flat))
    z = answers(flat).detach()
    middle = torch.autograd.functional.hessian(loss_of(y), z).reshape(z.numel(), z.numel())
    newton = (jacobian.T @ middle @ jacobian).numpy()
    found = matrix(landscape.gauss_newton(), landscape.size)
    assert abs(found - newton).max() < 1e-10 * abs(newton).max()
    assert np.linalg.eigvalsh(newton)[0] > -1e-12


def library_models() -> dict[str, Callable[[], tuple[nn.Module, Callable[[nn.Module], Any]]]]:
    def jelly() -> Any:
        from spikingjelly.activation_based import functional, layer, neuron

        model = nn.Sequential(layer.Linear(INPUTS, WIDTH), neuron.LIFNode(), layer.Linear(WIDTH, CLASSES), neuron.IFNode())
        functional.set_step_mode(model, "m")
        return nn.Sequential(model, Mean()), functional.reset_net

    def snn() -> Any:
        import snntorch

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.last = nn.Linear(INPUTS, WIDTH), nn.Linear(WIDTH, CLASSES)
                self.neurons = nn.ModuleList([snntorch.Leaky(beta=0.8, spike_grad=atan) for _ in range(2)])

            def forward(self, x: Tensor) -> Tensor:
                states, out = [torch.zeros(1), torch.zeros(1)], []
                for step in x:
                    s, states[0] = self.neurons[0](self.first(step), states[0])
                    s, states[1] = self.neurons[1](self.last(s), states[1])
                    out.append(s)
                return torch.stack(out).mean(0)

        return Net(), lambda model: None

    def norse() -> Any:
        from norse.torch import LIFBoxCell, SequentialState

        cell = SequentialState(nn.Linear(INPUTS, WIDTH), LIFBoxCell(), nn.Linear(WIDTH, CLASSES), LIFBoxCell())

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.cell = cell

            def forward(self, x: Tensor) -> Tensor:
                state, out = None, []
                for step in x:
                    s, state = self.cell(step, state)
                    out.append(s)
                return torch.stack(out).mean(0)

        return Net(), lambda model: None

    return {"spikingjelly": jelly, "snntorch": snn, "norse": norse}


def atan(x: Tensor) -> Tensor:
    """snnTorch's own surrogates hand out float32."""
    found: Tensor = Spike.apply(x, SURROGATES["atan"])
    return found


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["spikingjelly", "snntorch", "norse"])
def test_a_library_s_network_has_the_eigenvalues_of_its_full_matrix(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library, reason="needs the extra `interop`")
    torch.manual_seed(1)
    model, fresh = library_models()[library]()
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    _, x, y = drawn()
    parameters = dict(model.named_parameters())
    names, sizes = list(parameters), [p.numel() for p in parameters.values()]

    def loss(flat: Tensor) -> Tensor:
        fresh(model)
        parts = {n: part.view_as(parameters[n]) for n, part in zip(names, flat.split(sizes), strict=True)}
        return loss_of(y)(functional_call(model, parts, (x,)))

    flat = torch.cat([p.detach().reshape(-1) for p in parameters.values()])
    wanted = np.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat).numpy())
    assert abs(wanted).max() > 1e-4
    monkeypatch.setattr(module, "SMALL", 0)
    found = flatness(model, x, loss_of(y), radii=(0.01,), draws=2, probes=2).hessian
    for end, want in ((found.largest, wanted[-1]), (found.smallest, wanted[0])):
        assert end.value == pytest.approx(want, abs=1e-8 * abs(wanted).max())
        assert abs(end.value - want) <= end.residual + 1e-12


def test_the_readout_s_block_is_the_curvature_of_the_true_loss() -> None:
    """The loss is smooth in the weights of a read-out that never fires: central differences of the loss itself, h = 1e-4, error
    h² and 1e-16/h²."""
    model, x, y = ours(readout="membrane")
    landscape = Landscape(model, x, loss_of(y))
    begin, h = landscape.size - CLASSES * WIDTH, 1e-4
    (*_, weight) = model.parameters()
    flat, origin = weight.detach().view(-1), weight.detach().clone().view(-1)

    def at(*moves: tuple[int, float]) -> float:
        flat.copy_(origin)
        for place, move in moves:
            flat[place] += move
        return landscape.loss()

    found = matrix(landscape.hessian(), landscape.size)[begin:, begin:]
    for i, j in ((0, 0), (3, 3), (2, 9), (20, 4)):
        wanted = (at((i, h), (j, h)) - at((i, h), (j, -h)) - at((i, -h), (j, h)) + at((i, -h), (j, -h))) / (4 * h * h)
        assert found[i, j] == pytest.approx(wanted, abs=1e-6)
    flat.copy_(origin)


def test_eigenvalues_depend_on_the_surrogate_and_the_loss_does_not() -> None:
    """The same weights: the sentence of flat minima is about the surrogate."""
    found = [flatness(*_arguments(ours(slope)), draws=4, probes=2) for slope in (1.0, 2.0, 5.0, 10.0)]
    assert len({one.loss for one in found}) == 1
    assert len({str(one.sharpness) for one in found}) == 1
    largest = [one.hessian.largest.value for one in found]
    assert largest[-1] > 3 * largest[0] > 0
    assert all(one.gauss_newton.smallest.value > -1e-10 > one.hessian.smallest.value for one in found)


def _arguments(given: tuple[nn.Module, Tensor, Tensor]) -> tuple[nn.Module, Tensor, Callable[[Tensor], Tensor]]:
    return given[0], given[1], loss_of(given[2])


def test_traces_and_densities_of_a_known_matrix() -> None:
    """A diagonal of 300 numbers: a trace is exact for signs (Hutchinson), the density's shares within 4 standard errors and
    what 40 steps of Lanczos smooth, 0.02."""
    values = np.concatenate([np.linspace(-1, 0, 100), np.linspace(0, 3, 200)])
    found = spectrum(lambda v: values * v, 300, 16, np.random.default_rng(0))
    assert found.trace.value == pytest.approx(values.sum())
    assert found.largest.value == pytest.approx(3.0)
    assert found.smallest.value == pytest.approx(-1.0)
    for low, high in ((-2.0, 0.0), (1.0, 2.0)):
        share = found.density.share(low, high)
        assert share.value == pytest.approx(np.mean((values >= low) & (values <= high)), abs=4 * share.se + 0.02)


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 2, 30, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x


def test_sharpness_of_a_loss_that_is_known() -> None:
    """L = Σ w²: E[rise] = ρ² Σ w², worst = (2ρ + ρ²) Σ w², at the corner where |w| grows. n = 200 draws: 5 standard errors,
    false alarms 6e-7."""
    model = Linear()
    x = torch.ones(30, dtype=torch.float64)
    found = flatness(model, x, lambda z: z.square().sum(), radii=(0.1,), draws=200, probes=2).sharpness[0]
    total = float(model.w.detach().square().sum())
    assert found.mean.value == pytest.approx(0.01 * total, abs=5 * found.mean.se)
    assert 0.4 * 0.21 * total < found.worst <= 0.21 * total * (1 + 1e-12)


def test_the_model_is_left_as_it_was() -> None:
    model, x, y = ours()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    first = flatness(model, x, loss_of(y), draws=3, probes=2)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert flatness(model, x, loss_of(y), draws=3, probes=2).to_dict() == first.to_dict()


@pytest.mark.parametrize(
    ("words", "said"),
    [({"radii": (0.0,)}, "radius = 0"), ({"draws": 1}, "draws = 1"), ({"probes": 1}, "probes = 1")],
)
def test_what_cannot_be_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(IkunError, match=said):
        flatness(*_arguments(ours()), **words)


def test_a_loss_that_is_not_finite_and_a_model_without_weights_are_refused() -> None:
    model, x, _ = ours()
    with pytest.raises(IkunError, match="the loss is nan"):
        flatness(model, x, lambda z: z.sum() * float("nan"))
    with pytest.raises(IkunError, match="no weights that are trained"):
        flatness(nn.Identity(), x, lambda z: z.sum())
