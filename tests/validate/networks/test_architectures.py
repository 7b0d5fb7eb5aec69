"""Networks of every architecture: adjoints against autograd, planted errors, how weights are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ikun_sym.catalogue.architectures import ARCHITECTURES
from ikun_sym.errors import DomainError, IkunError
from ikun_validate.engines.contract import Returned
from ikun_validate.networks import NETWORKS, convolution, network_of, normalisation, pooling, recurrent, residual
from ikun_validate.networks.architecture import Architecture
from ikun_validate.networks.drawing import DRAWINGS, generator
from tests.reference.resets_by_hand import numbers_of

from . import autograd_architectures as plain

TINY = Architecture.of(depth=3, width=8, threshold=0.7, gain=6.0)

CONV = {"size": 8, "stride": 1, "groups": 1, "circular": False, "pool": "none", "every": 1, "norm": "none"}

CASES: dict[str, tuple[Callable[..., plain.Images], dict[str, Any]]] = {
    "conv1d": (plain.convolution, CONV),
    "conv1d:size=9,padding=circular,stride=2,groups=2": (
        plain.convolution,
        CONV | {"size": 9, "circular": True, "stride": 2, "groups": 2},
    ),
    "conv1d:size=9,pool=max,every=2": (plain.convolution, CONV | {"size": 9, "pool": "max", "every": 2}),
    "conv1d:kernel=5,pool=average,norm=tdbn,size=11": (
        plain.convolution,
        CONV | {"size": 11, "pool": "average", "norm": "tdbn"},
    ),
    "conv2d:size=5,padding=circular": (plain.convolution, CONV | {"size": 5, "circular": True}),
    "conv2d:size=7,pool=average,groups=4": (plain.convolution, CONV | {"size": 7, "pool": "average", "groups": 4}),
    "conv2d:size=7,pool=max,norm=batch": (plain.convolution, CONV | {"size": 7, "pool": "max", "norm": "batch"}),
    "conv2d:size=6,stride=2,kernel=1": (plain.convolution, CONV | {"size": 6, "stride": 2}),
    "residual": (plain.residual, {"kind": "sew", "norm": "none"}),
    "residual:norm=tdbn": (plain.residual, {"kind": "sew", "norm": "tdbn"}),
    "residual:kind=ms": (plain.residual, {"kind": "ms", "norm": "none"}),
    "residual:kind=ms,norm=batch": (plain.residual, {"kind": "ms", "norm": "batch"}),
    "recurrent": (plain.recurrent, {}),
    "recurrent:autapses=false,recurrent_gain=3": (plain.recurrent, {}),
    "csnn:size=8,hidden=2,classes=5": (plain.csnn, {"size": 8, "norm": "batch"}),
    "csnn:size=8,hidden=2,classes=5,norm=none": (plain.csnn, {"size": 8, "norm": "none"}),
}

NEURONS = [
    {"steps": steps, "leak": 0.6 if steps > 1 else 0.0, "reset": reset, "detach": detach}
    for steps, reset, detach in itertools.product((1, 3), ("hard", "soft"), (True, False))
]
SAMPLES, SCALE = 4, 0.5


def tiny(arch: str, **fields: Any) -> Architecture:
    return TINY.but(arch=arch, depth=4 if arch.startswith("csnn") else 3, **fields)


def both_ways(architecture: Architecture, backend: str = "eager") -> tuple[list[Tensor], list[Tensor]]:
    """Σ (∂L/∂H)² per step and sample and the gradient at what a layer is given, of every layer from the last, by the product
    and by autograd in float64. The product scales gradients by SCALE at every layer, which is taken out again."""
    a = architecture
    network = network_of(a, batch=SAMPLES, dtype="float64", backend=backend)
    weights = list(network.weights(3, 0))
    source = torch.Generator().manual_seed(1)
    biases = [0.3 * torch.randn(len(weight), generator=source, dtype=torch.float64) for weight in weights]
    x = network.input(3, 0)
    readout = torch.randn(a.steps, SAMPLES, network.outputs, generator=source, dtype=torch.float64)

    write, options = CASES[a.arch]
    other = plain.Plain(numbers_of(a.neuron), a.neuron.surrogate.surrogate.name, weights, biases)
    out = torch.stack(write(other, [step.clone() for step in x], **options))
    (out * readout).sum().backward()
    wanted: list[Tensor] = []
    for given, counted in zip(reversed(other.trace.given), reversed(other.trace.counted), strict=True):
        wanted.append(torch.stack([(_grad(h) ** 2).flatten(1).sum(1) for h in counted]))
        wanted.append(torch.stack([_grad(value) for value in given]))

    with torch.no_grad():
        passage, hidden = network.passage(), []
        for layer, weight in enumerate(weights):
            network._check_shape(layer, weight, x)
            response = passage.forward(layer, x, weight, biases[layer])
            hidden.append(response.h)
            x = response.s
        assert torch.equal(x, out.detach())
        found: list[Tensor] = []
        grad, total = readout.clone(), 1.0
        for layer in range(a.depth - 1, -1, -1):
            total *= SCALE
            power, grad = passage.backward(layer, hidden[layer], grad, weights[layer], SCALE)
            found += [power / total**2, grad / total]
            grad = grad.clone()
    return found[:-1], wanted[:-1]  # what the input of the network would get is not asked for


def _grad(value: Tensor) -> Tensor:
    return torch.zeros_like(value) if value.grad is None else value.grad


def agree(found: list[Tensor], wanted: list[Tensor], tolerance: float = 1e-10) -> bool:
    """To `tolerance` of the largest entry: both are float64 sums of the same terms in another order."""
    assert all(theirs.abs().max() > 0 for theirs in wanted)
    return all(
        (ours - theirs).abs().max() <= tolerance * theirs.abs().max() for ours, theirs in zip(found, wanted, strict=True)
    )


def test_every_architecture_has_a_network_and_is_compared() -> None:
    assert set(NETWORKS.names()) == set(ARCHITECTURES.names())
    assert {arch.partition(":")[0] for arch in CASES} == set(ARCHITECTURES.names()) - {"dense"}  # in test_network


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda n: f"{n['steps']} {n['reset']} {'detached' if n['detach'] else ''}")
@pytest.mark.parametrize("arch", CASES)
def test_the_adjoint_is_autograd_s(arch: str, neuron: dict[str, Any]) -> None:
    assert agree(*both_ways(tiny(arch, **neuron)))


@pytest.mark.parametrize("arch", CASES)
def test_the_adjoint_of_the_compiled_pass_is_autograd_s(arch: str) -> None:
    assert agree(*both_ways(tiny(arch, steps=3, leak=0.6, reset="soft", detach=False, surrogate="triangular"), "auto"))


def _no_fold(self: Any, grad: Tensor, dim: int, size: int) -> Tensor:
    return grad.narrow(dim, self.before, size)


def _sum_of_window(x: Tensor) -> tuple[Tensor, Any]:
    pooled, back = pooling.average(x)
    return pooled, lambda grad: 2 ** (x.dim() - 2) * back(grad)


def _last_of_equals(x: Tensor) -> tuple[Tensor, Any]:
    axes = tuple(range(2, x.dim()))
    even = x[(..., *(slice(0, size // 2 * 2) for size in x.shape[2:]))]
    _, back = pooling.largest(even.flip(axes))

    def other(grad: Tensor) -> Tensor:
        found = torch.zeros_like(x)
        found[(..., *(slice(0, size // 2 * 2) for size in x.shape[2:]))] = back(grad.flip(axes)).flip(axes)
        return found

    return pooling.largest(x)[0], other


def _fixed_statistics(x: Tensor, over: tuple[int, ...], scale: float) -> tuple[Tensor, Any]:
    deviation = (x.var(over, correction=0, keepdim=True) + 1e-5).sqrt()
    return scale * (x - x.mean(over, keepdim=True)) / deviation, lambda grad: scale * grad / deviation


def _no_shortcut(self: Any, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
    power, grad_i = self.population.adjoint(h, grad, scale)
    return Returned(power, self.returned(layer, grad_i, weight) if layer else grad_i)


def _no_way_back_in_time(self: Any, layer: int, h: Tensor, grad: Tensor, weight: Tensor, scale: float | Tensor) -> Returned:
    below, _ = recurrent._parts(weight)
    power, grad_i = self.population.adjoint(h, grad, scale)
    return Returned(power, grad_i @ below)


PLANTED: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "a circle's borders are forgotten": (
        "conv2d:size=5,padding=circular",
        lambda patch: patch.setattr(convolution.Convolution, "_folded", _no_fold),
    ),
    "an average's gradient is not shared out": (
        "conv2d:size=7,pool=average,groups=4",
        lambda patch: patch.setitem(pooling.POOLINGS, "average", _sum_of_window),  # type: ignore[arg-type]
    ),
    "the last of equals gets a maximum's gradient": (
        "conv1d:size=9,pool=max,every=2",
        lambda patch: patch.setitem(pooling.POOLINGS, "max", _last_of_equals),  # type: ignore[arg-type]
    ),
    "statistics are taken as given": (
        "residual:kind=ms,norm=batch",
        lambda patch: patch.setattr(normalisation, "normalised", _fixed_statistics),
    ),
    "spikes' shortcut": ("residual", lambda patch: patch.setattr(residual.Sew, "backward", _no_shortcut)),
    "currents' shortcut": (
        "residual:kind=ms",
        lambda patch: patch.setattr(residual.MembraneShortcut, "backward", _no_shortcut),
    ),
    "recurrence, backward": ("recurrent", lambda patch: patch.setattr(recurrent.Passage, "backward", _no_way_back_in_time)),
}


@pytest.mark.parametrize("error", PLANTED)
def test_planted_errors_are_seen(error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arch, plant = PLANTED[error]
    plant(monkeypatch)
    assert not agree(*both_ways(tiny(arch, **NEURONS[-1])), tolerance=1e-3)


@pytest.mark.parametrize("arch", CASES)
def test_draws_repeat_and_memory_is_foreseen(arch: str) -> None:
    """Weights kept or drawn again, and draws by another network object: the same numbers."""
    a = tiny(arch, steps=2, leak=0.5, bias_var=0.2)
    kept, again = (network_of(a, batch=3, keep=keep).draw(7, 2) for keep in (True, False))
    assert (kept.log_gradient == again.log_gradient).all()
    assert (kept.var_h == again.var_h).all()
    assert (network_of(a, batch=3).draw(7, 3).log_gradient != kept.log_gradient).any()
    network = network_of(a, batch=3)
    assert network.weight_bytes == sum(weight.nbytes for weight in network.weights(0, 0))


@pytest.mark.parametrize("arch", [*CASES, "dense"])
def test_weights_have_the_variance_that_is_asked_for(arch: str) -> None:
    """500 000 weights and more at fan-ins that differ: a relative standard error of √(2/n) = 0.2 %, tested at 6."""
    a = Architecture.of(arch=arch, depth=4 if arch.startswith("csnn") else 2, width=256, gain=3.0)
    network = network_of(a)
    for layer, (weight, gain) in enumerate(zip(network.weights(0, 0), a.gains, strict=True)):
        parts = recurrent._parts(weight) if arch.startswith("recurrent") else (weight,)
        if parts[0].numel() >= 5e5:
            assert float(parts[0].double().square().mean()) * network.fan(layer).fan_in == pytest.approx(gain, rel=0.012)


@pytest.mark.parametrize("distribution", DRAWINGS)
@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (12, 8, 3), (8, 4, 3, 3)], ids=str)
def test_drawings(distribution: str, shape: tuple[int, ...]) -> None:
    """The mean square is as asked for: exactly where orthogonal, to six standard errors elsewhere."""
    weight = torch.empty(shape, dtype=torch.float64)
    DRAWINGS[distribution](weight, 0.7, generator(torch.device("cpu"), 0, 0, 3))
    exact = "orthogonal" in distribution
    spread = 1e-12 if exact else 6 * (2 / weight.numel()) ** 0.5
    loss = 1 / weight[0].numel() if distribution == "row-centred" else 0.0
    assert float(weight.square().mean()) == pytest.approx(0.49 * (1 - loss), rel=spread)
    if exact:
        taps = weight.flatten(2) if weight.dim() > 2 else weight.unsqueeze(-1)
        matrix = taps.sum(2) if distribution == "delta-orthogonal" else weight.flatten(1)
        gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
        assert torch.allclose(gram, gram[0, 0] * torch.eye(len(gram), dtype=torch.float64), atol=1e-12)
        assert distribution == "orthogonal" or int((taps.abs().amax((0, 1)) > 0).sum()) == 1
    if distribution == "row-centred":
        assert float(weight.flatten(1).sum(1).abs().max()) < 1e-12


def test_groups_are_orthogonal_each() -> None:
    network = network_of(tiny("conv1d:groups=2,kernel=1", distribution="orthogonal", width=12), dtype="float64")
    for group in network.weights(0, 0)[0].flatten(1).chunk(2):
        assert torch.allclose(group @ group.T, 6.0 * torch.eye(6, dtype=torch.float64), atol=1e-6)


def test_no_autapse_means_no_weight_from_a_neuron_to_itself() -> None:
    with_, without = (
        recurrent._parts(network_of(tiny(f"recurrent:autapses={word}")).weights(0, 0)[1])[1] for word in ("true", "false")
    )
    assert bool((without.diagonal() == 0).all())
    assert bool((with_.diagonal() != 0).all())
    assert torch.equal(with_ - with_.diagonal().diag(), without)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"arch": "conv2d:groups=3"}, DomainError, "divisor of the number of channels, 8"),
        ({"arch": "conv1d:groups=4", "widths": (8, 6)}, DomainError, "6"),
        ({"arch": "csnn", "depth": 20}, DomainError, "4 with architecture csnn"),
        ({"arch": "transformer"}, IkunError, "unknown architecture"),
        ({"distribution": "cauchy"}, IkunError, "unknown distribution"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused(fields: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        TINY.but(**fields)


def test_weights_that_do_not_fit_are_refused() -> None:
    for arch in ("conv1d", "recurrent", "residual"):
        network = network_of(tiny(arch), batch=2)
        x, readout = torch.zeros(1, 2, network.neurons(0)), torch.zeros(1, 2, network.outputs)
        with pytest.raises(IkunError, match="of layer 1 have shape"):
            network.measure([torch.zeros(3, 5)] * 3, x, readout)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="not run: no CUDA device")
@pytest.mark.parametrize("arch", CASES)
def test_cuda_measures_what_the_cpu_measures(arch: str) -> None:
    """The same weights on both devices, in float64, to the order of its sums."""
    a = tiny(arch, steps=3, leak=0.6, detach=False)
    here, there = (network_of(a, batch=SAMPLES, device=device, dtype="float64") for device in ("cpu", "cuda"))
    weights = list(here.weights(0, 0))
    x, readout = here.input(0, 0), here.readout(0, 0).contiguous()
    cpu = here.measure(weights, x, readout)
    cuda = there.measure([weight.cuda() for weight in weights], x.cuda(), readout.cuda())
    np.testing.assert_allclose(cuda.var_h, cpu.var_h, rtol=1e-10)
    np.testing.assert_allclose(cuda.log_gradient, cpu.log_gradient, atol=1e-9)
    assert np.isfinite(there.draw(0, 0).log_gradient).all()
