"""The fused kernel against plain tensors: on CUDA where there is one, else run by Triton's interpreter on the CPU."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from ikun_sym.catalogue.resets import RESETS
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_validate.engines import triton_kernel
from ikun_validate.engines.population import ENGINES, Population
from ikun_validate.networks.network import Architecture, Network

from ...selection import spread

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
needs_triton = pytest.mark.skipif(bool(triton_kernel.missing()), reason=f"Triton's kernels: {triton_kernel.missing()}")

STEPS, SAMPLES, WIDTH = 4, 2, 37
LIF = Population.of(leak=0.6, threshold=0.7, detach=False, backend="triton")


def both(population: Population, dtype: torch.dtype, width: int = WIDTH, scale: Any = 0.5) -> list[tuple[torch.Tensor, ...]]:
    """(what the kernel gives, what plain tensors give, tolerance) for everything that an engine hands out."""
    given = torch.Generator().manual_seed(0)
    current, grad = (torch.randn(STEPS, SAMPLES, width, generator=given).to(DEVICE, dtype) for _ in range(2))
    plain = population.but(backend="eager")
    fused, eager = (p.forward(current.clone()) for p in (population, plain))
    assert population.choice(DEVICE).name == "triton"
    wide = eager.h.dtype
    epsilon = torch.finfo(wide).eps
    # a membrane is a few sums of numbers of size 1; Σ h² and Σ s of `width` of them
    pairs = [(fused.h, eager.h, 30 * epsilon), (fused.power, eager.power, 30 * epsilon)]
    if population.smooth:
        pairs.append((fused.s, eager.s, 100 * epsilon + torch.finfo(dtype).eps))
    else:
        near = (eager.h - population.neuron.threshold).abs() < 1e-5  # where rounding decides
        pairs.append((fused.s.masked_fill(near, 0), eager.s.masked_fill(near, 0), 0.0))
        pairs.append((fused.activity, eager.activity, 1e-9 if not near.any() else 0.1))
    back, again = (p.adjoint(eager.h.clone(), grad.clone(), scale) for p in (population, plain))
    pairs += [(back.grad_i, again.grad_i, 300 * epsilon + torch.finfo(dtype).eps), (back.power, again.power, 600 * epsilon)]
    return pairs


def agree(pairs: list[tuple[Any, ...]]) -> bool:
    return all(
        ours.shape == theirs.shape
        and ours.dtype == theirs.dtype
        and bool(((ours - theirs).abs() <= bound * (1 + theirs.abs())).all())
        for ours, theirs, bound in pairs
    )


NEURON_CASES = list(itertools.product(({}, {"synaptic_leak": 0.4, "decay_input": True}), RESETS.names(), (True, False)))


@needs_triton
@pytest.mark.parametrize(("more", "reset", "detach"), spread(NEURON_CASES, share=2))
def test_every_neuron_in_float64(more: dict[str, Any], reset: str, detach: bool) -> None:
    assert agree(both(LIF.but(reset=reset, detach=detach, **more), torch.float64))


@needs_triton
@pytest.mark.parametrize("surrogate", spread([n for n in SURROGATES.names() if n != "q_pseudo_spike"], share=4))
def test_every_surrogate_in_float64(surrogate: str) -> None:
    """Pieces, one-sided ones and tails that recur for ever."""
    assert agree(both(LIF.but(surrogate=surrogate, reset="soft"), torch.float64))


@needs_triton
@pytest.mark.parametrize("surrogate", spread(["erf", "sigmoid", "circ"]))
def test_smooth_networks(surrogate: str) -> None:
    """A function that this Triton's language lacks is refused by its name, and such a network is not run."""
    try:
        found = both(LIF.but(surrogate=surrogate, smooth=True), torch.float64)
    except IkunError as refused:
        if "Triton's language has no" not in str(refused):
            raise
        pytest.skip(f"not run: {refused}")
    assert agree(found)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_to_float_error(dtype: torch.dtype) -> None:
    """Wider than a block; membranes are float32. The scale may stay on the device."""
    scale = torch.tensor(0.5, dtype=torch.float64, device=DEVICE)
    assert agree(both(LIF, dtype, width=triton_kernel.BLOCK + 9, scale=scale))


@needs_triton
@pytest.mark.parametrize("plant", ["detach", "leak", "reset"])
def test_a_wrong_kernel_is_caught(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of another neuron fails the comparison."""
    changes: dict[str, Any] = {"detach": {"detach": True}, "leak": {"leak": 0.6001}, "reset": {"reset": "soft"}}
    other = triton_kernel.build(LIF.but(**changes[plant]).statement, DEVICE, True)
    monkeypatch.setitem(ENGINES, "triton", lambda statement, device, asked: other)
    assert not agree(both(LIF.but(threshold=0.7), torch.float64))


@needs_triton
def test_a_whole_draw() -> None:
    """Float64 through four layers: the same spikes, sums in another order."""
    a = Architecture.of(depth=4, width=24, steps=3, leak=0.6, threshold=0.7, gain=8.0, detach=False)
    one, other = (Network(a, batch=3, dtype="float64", backend=b, device=DEVICE.type).draw(0, 0) for b in ("triton", "eager"))
    assert (one.rate == other.rate).all()
    torch.testing.assert_close(torch.tensor(one.var_h), torch.tensor(other.var_h), rtol=1e-12, atol=0)
    torch.testing.assert_close(torch.tensor(one.log_gradient), torch.tensor(other.log_gradient), rtol=1e-9, atol=1e-9)


@needs_triton
@pytest.mark.parametrize(
    ("population", "why"),
    spread(
        [
            (LIF.but(surrogate="q_pseudo_spike"), "Triton's language has no pow"),
            (LIF.but(smooth=True), "Triton's language has no atan"),
        ]
    ),
)
def test_what_triton_cannot_spell_runs_on_plain_tensors_and_says_so(population: Population, why: str) -> None:
    cuda = torch.device("cuda")  # nothing is put there
    choice = population.but(backend="auto").choice(cuda)
    assert (choice.name, choice.refused["triton"]) == ("eager", why)
    assert LIF.but(backend="auto").choice(cuda).name == "triton"
    with pytest.raises(IkunError, match=f"backend triton: {why}; use auto or eager"):
        population.choice(cuda)


def test_without_triton_plain_tensors_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_kernel, "missing", lambda: "no module named triton; pip install triton")
    choice = LIF.but(backend="auto").choice(torch.device("cuda"))
    assert choice.name == "eager"
    assert "pip install triton" in choice.refused["triton"]
    with pytest.raises(IkunError, match="pip install triton"):
        LIF.choice(torch.device("cuda"))


def test_auto_never_interprets() -> None:
    """On the CPU the interpreter is for those who ask for it by name."""
    choice = LIF.but(backend="auto").choice(torch.device("cpu"))
    assert choice.name in ("compiled", "eager")
    assert choice.refused.get("triton", "CUDA").endswith(("CUDA", "a CUDA device", "pip install triton"))


@needs_triton
@pytest.mark.slow
def test_kernels_compile_for_cuda_without_one() -> None:
    """To machine code of an H100 (sm_90), in a process that does not interpret."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.validate.engines.compiled_kernels"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4 * 3 * 2 * 2, "neurons, types, directions, sizes"
