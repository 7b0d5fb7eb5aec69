"""The compiled pass against plain tensors, weights drawn twice against weights kept, the libraries' own gradients, and
what bad data is told."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from ikun_sym.catalogue.resets import RESETS
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_validate.networks.network import Architecture, Draw, Network

from ..conftest import require

SMALL = Architecture.of(depth=4, width=40, steps=4, leak=0.6, threshold=0.7, gain=8.0, detach=False)


def same(one: Draw, other: Draw) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("var_h", "rate", "log_gradient", "gradient", "alive")
    )


# each is a run of the C compiler: every reset with one surrogate and a spread of the others with one reset
PAIRS = [
    *(pytest.param("atan", reset) for reset in RESETS.names()),
    *(pytest.param(name, "soft", marks=() if k % 6 == 0 else pytest.mark.slow) for k, name in enumerate(SURROGATES.names())),
    *(pytest.param(name, reset, marks=pytest.mark.slow) for name in SURROGATES.names() for reset in ("hard", "delayed")),
]


@pytest.mark.parametrize(("surrogate", "reset"), PAIRS)
def test_compiled_is_eager(surrogate: str, reset: str) -> None:
    """Every surrogate of the registry, in float64 to rounding: the spikes are the same, the sums are in another order."""
    require("compiled")
    a = SMALL.but(surrogate=surrogate, reset=reset, synaptic_leak=0.3)
    one, other = (Network(a, batch=3, dtype="float64", backend=b).draw(0, 0) for b in ("compiled", "eager"))
    np.testing.assert_array_equal(one.rate, other.rate)
    np.testing.assert_allclose(one.var_h, other.var_h, rtol=1e-12)
    np.testing.assert_allclose(one.log_gradient, other.log_gradient, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("surrogate", ["atan", "sigmoid", "triangular"])
def test_compiled_is_eager_in_a_smooth_network(surrogate: str) -> None:
    require("compiled")
    a = SMALL.but(surrogate=surrogate, forward="smooth")
    one, other = (Network(a, batch=3, dtype="float64", backend=b).draw(0, 0) for b in ("compiled", "eager"))
    np.testing.assert_allclose(one.rate, other.rate, rtol=1e-11)
    np.testing.assert_allclose(one.log_gradient, other.log_gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_compiled_is_eager_to_float_error(dtype: str) -> None:
    """One layer wider than a block, so that no spike can amplify a rounding; bfloat16 hands over the same rounded numbers."""
    require("compiled")
    a = SMALL.but(depth=1, width=1500)
    engines = [Network(a, batch=3, dtype=dtype, backend=b) for b in ("compiled", "eager")]
    current = torch.randn(4, 3, 1500, generator=torch.Generator().manual_seed(0)).to(engines[0].dtype)
    grad = torch.randn(4, 3, 1500, generator=torch.Generator().manual_seed(1)).to(engines[0].dtype)
    one, other = (engine.population.forward(current.clone()) for engine in engines)
    torch.testing.assert_close(one.h, other.h, rtol=1e-6, atol=1e-6)
    assert float((one.s != other.s).double().mean()) < 1e-3
    np.testing.assert_allclose(one.power, other.power, rtol=1e-5)
    back, again = (engine.population.adjoint(other.h.clone(), grad.clone(), 0.5) for engine in engines)
    np.testing.assert_allclose(back.power, again.power, rtol=1e-4)
    torch.testing.assert_close(back.grad_i, again.grad_i, rtol=1e-2 if dtype == "bfloat16" else 1e-4, atol=1e-5)


def test_backend_is_seen_and_needs_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    network = Network(SMALL, batch=2)
    assert network.backend == "eager"
    assert network.draw(0, 0).alive == 1
    with pytest.raises(IkunError, match=r"no C compiler is found .*no-such-compiler"):
        Network(SMALL, batch=2, backend="compiled").draw(0, 0)
    with pytest.raises(IkunError, match="known: auto"):
        Network(SMALL, backend="magic").draw(0, 0)


@pytest.mark.parametrize("widths", [(), (30, 60)])
def test_weights_drawn_again_are_the_weights_kept(widths: tuple[int, ...]) -> None:
    a = SMALL.but(widths=widths, bias_var=0.1)
    kept, again = (Network(a, batch=3, keep=keep).draw(7, 2) for keep in (True, False))
    assert same(kept, again)
    assert not same(kept, Network(a, batch=3, keep=False).draw(7, 3))


def test_layers_inputs_and_readouts_have_streams_of_their_own() -> None:
    network = Network(SMALL, batch=2)
    first, second = network.weights(0, 0)[:2]
    assert not torch.equal(first, second)
    deeper = Network(SMALL.but(depth=9), batch=2).weights(0, 0)
    assert torch.equal(deeper[0], first)
    assert torch.equal(deeper[1], second)


def test_fans_that_differ_show_in_the_backward_factor() -> None:
    """χ = fan_out Var(W) m2 at one step, and the straight-through slope makes m2 = 1: with gain 1 and widths 100, 400, 100, …
    the factors are 4 and 1/4 but for O(1/n). 60 draws: the relative error of a factor's mean is at most √(5/100/60) = 3 %;
    a band of 5 of them, one false alarm in a million."""
    a = Architecture.of(depth=4, widths=(100, 400), threshold=0.0, surrogate="linear", gain=1.0)
    network = Network(a, batch=4)
    logs = np.array([network.draw(0, i).log_gradient for i in range(60)])
    # δ of layer l is Wᵀ of layer l + 1, [n_{l+1}, n_l]: Var(W) = 1/n_l, n_{l+1} of them
    np.testing.assert_allclose(np.exp(logs[:, :-1] - logs[:, 1:]).mean(axis=0), [0.25, 4.0, 0.25], rtol=0.15)


def test_biases_have_their_variance() -> None:
    """θ so high that nothing fires: H of the second layer is its bias alone; 4000 neurons, standard error √(2/4000) = 2.2 %,
    a band of 5."""
    a = Architecture.of(depth=1, width=4000, threshold=100.0, gain=1.0, bias_var=0.3, input_rate=0.0, loss="summed")
    network = Network(a, batch=1)
    bias = network._bias(network._stream(0, 0, 2, 0), 0)
    assert float(bias.var()) == pytest.approx(0.3, rel=0.11)
    h = network.population.forward(bias.expand(1, 1, -1).contiguous()).h
    assert float(h.var()) == pytest.approx(float(bias.var()))


@pytest.mark.parametrize("library", ["SpikingJelly", "snnTorch"])
@pytest.mark.parametrize("detach", [True, False])
def test_gradients_are_the_libraries_own(library: str, detach: bool) -> None:
    """float64, where no spike is decided by rounding. snnTorch detaches its delayed reset whatever it is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip({"SpikingJelly": "spikingjelly", "snnTorch": "snntorch"}[library])
        from ikun_validate.benchmarks.contestants import LIBRARIES, agreement_of

        make, reset = LIBRARIES[library]
        a = Architecture.of(depth=3, width=32, steps=5, leak=0.5, gain=10.0, reset=reset, detach=detach)
        network = Network(a, batch=4, dtype="float64")
        found = agreement_of(library, make, network)
    assert found.spikes == 0
    if library == "snnTorch" and not detach:
        assert found.gradient > 1e-3
    else:
        assert found.gradient < 1e-6  # the libraries hold their slopes as float32 constants


def given(network: Network) -> dict[str, Any]:
    return {
        "weights": list(network.weights(0, 0)),
        "x": network.input(0, 0),
        "grad_s": network.readout(0, 0),
    }


def _nan(tensor: torch.Tensor) -> torch.Tensor:
    changed = tensor.clone()
    changed.view(-1)[0] = float("nan")
    return changed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda g: g["weights"].__setitem__(2, _nan(g["weights"][2])), "weights of layer 3 hold NaN"),
        (lambda g: g["weights"].__setitem__(1, g["weights"][1][:, 1:]), "weights of layer 2 have shape"),
        (lambda g: g["weights"].pop(), "3 weight matrices for depth 4"),
        (lambda g: g.update(x=g["x"][0]), "the input has shape"),
        (lambda g: g.update(x=_nan(g["x"])), "the input holds NaN"),
        (lambda g: g.update(grad_s=g["grad_s"][..., 1:]), "the gradient has shape"),
    ],
)
def test_bad_data_gets_one_clear_line(change: Any, told: str) -> None:
    network = Network(SMALL, batch=2)
    arguments = given(network)
    network.measure(**arguments)
    change(arguments)
    with pytest.raises(IkunError, match=told) as caught:
        network.measure(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="not run: what a process held is asked of Linux")
def test_a_thousand_layers_fit_in_six_gibibytes() -> None:
    """Weights alone are 4 GiB, membranes 2 GiB: kept together they would not fit. The process is this test's own."""
    program = (
        "import resource, torch; torch.set_num_threads(2)\n"
        "from ikun_validate.networks.network import Architecture, Network\n"
        "n = Network(Architecture.of(depth=1000, width=1024, steps=8, leak=0.5, gain=10.0), batch=64)\n"
        "assert not n.keep and n.draw(0, 0).alive == 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 6
