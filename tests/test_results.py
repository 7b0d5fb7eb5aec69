"""What users are given shows itself in a line, in a notebook, as a dictionary: whatever a public function returns, whatever a
registry holds, and every value inside them."""

from __future__ import annotations

import importlib
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import ikun_sym
from ikun_sym.catalogue.registry import Registry
from ikun_sym.catalogue.resets import RESETS
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.reading.neuron import Neuron

SHORT = 400
"""Letters of a line."""

OURS = ("ikun_sym", "ikun_derivations", "ikun_validate")


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions whose result is a class of ours."""
    for package in OURS:
        if package == "ikun_validate":
            pytest.importorskip("torch", reason="needs the extra `validate`")
        module = importlib.import_module(package)
        for name in module.__all__:
            made = getattr(module, name)
            if inspect.isfunction(made) and is_dataclass(get_type_hints(made, localns=_extra()).get("return")):
                yield name, made


def _extra() -> dict[str, Any]:
    from torch import nn

    return {"nn": nn}


def _network() -> tuple[Any, Any]:
    import torch
    from torch import nn

    snntorch = pytest.importorskip("snntorch", reason="the network is one of snnTorch's")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(16, 16), snntorch.Leaky(beta=0.5)
            nn.init.normal_(self.fc.weight, std=0.6)

        def forward(self, x: Any) -> Any:
            return self.lif(self.fc(x), self.lif.init_leaky())[0]

    return Net(), (torch.rand(8, 16, generator=torch.Generator().manual_seed(0)) < 0.5).float()


def _validated(validate: Callable[..., Any]) -> Any:
    from ikun_validate.networks.network import Architecture

    return validate("theorem1.backward.alpha-one", architecture=Architecture.of(depth=3, width=16), draws=2, batch=2)


def _trained(train: Callable[..., Any]) -> Any:
    pytest.importorskip("sklearn", reason="needs the extra `train`")
    return train(samples=60, epochs=1, seeds=2, model="mlp:depth=1,width=8", schemes=("kaiming",), targets=(0.5,))


def _swept(sweep: Callable[..., Any]) -> Any:
    """With all cells in the journal already: no processes are begun."""
    from ikun_validate.sweeps.axes import Axis
    from ikun_validate.sweeps.cell import computed
    from ikun_validate.sweeps.grid import find_command, grid_of
    from ikun_validate.sweeps.journal import Journal
    from ikun_validate.sweeps.sweep import words_of

    grid = grid_of("meanfield", [Axis.parse("depth=3,4")], *words_of(find_command("meanfield"), {}))
    with tempfile.TemporaryDirectory() as out:
        journal = Journal(Path(out), grid, resume=False)
        for cell in grid.cells():
            journal.keep(cell, computed("meanfield", cell.flags, cell.given))
        journal.close()
        return sweep("meanfield", {"depth": [3, 4]}, out=out, resume=True)


CALLS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "moment": lambda moment: moment("sigmoid", mean=-1, var=1, power=2, digits=60),
    "constants": lambda constants: constants("atan"),
    "pair_moment": lambda pair_moment: pair_moment("erf", mean=-1, var=1, rho="0.3"),
    "train": _trained,
    "sweep": _swept,
    "design": lambda design: design(0.2, "sigmoid", fan_in=512),
    "joint": lambda joint: joint("atan"),
    "init_variance": lambda init_variance: init_variance("ikun", 512),
    "meanfield": lambda meanfield: meanfield(depth=40, steps=3, leak=0.5, samples=64, gain=7.0),
    "validate": _validated,
    "diagnose": lambda diagnose: diagnose(*_network()),
    "assert_healthy": lambda assert_healthy: assert_healthy(*_network()),
    "flatness": lambda flatness: flatness(*_network(), lambda z: z.square().mean(), draws=2, probes=2),
    "initialise_": lambda initialise_: initialise_(*_network(), scheme="kaiming"),
}
"""A call of each; a new public function that returns a result is missed here and fails the test."""


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    found = dict(functions())
    assert found.keys() == CALLS.keys()
    return {name: CALLS[name](made) for name, made in found.items()}


def inside(value: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """The value and every value of ours in it."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        for one in value.values():
            yield from inside(one, seen)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from inside(one, seen)
    elif is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith(OURS):
        yield value
        for field in fields(value):
            yield from inside(getattr(value, field.name), seen)


def is_a_line(value: Any) -> None:
    line = repr(value)
    assert "\n" not in line
    assert len(line) <= SHORT, f"{type(value).__name__}: {len(line)} letters: {line[:200]}"


class Reader(HTMLParser):
    """The open elements, which must close in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("br", "img", "meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_every_result_is_a_line_and_so_is_all_that_is_in_it(results: dict[str, Any]) -> None:
    for result in results.values():
        for value in inside(result):
            is_a_line(value)


def test_every_result_is_for_notebooks(results: dict[str, Any]) -> None:
    for name, result in results.items():
        assert hasattr(result, "_repr_html_") or hasattr(result, "_repr_latex_"), name
        if hasattr(result, "_repr_html_"):
            reader = Reader()
            reader.feed(result._repr_html_())
            assert not reader.open, f"{name}: {reader.open} stay open"
            assert "<" not in "".join(reader.text) or name == "diagnose"
        else:
            latex = result._repr_latex_()
            assert latex.startswith("$")
            assert latex.endswith("$")


def test_every_result_is_a_dictionary(results: dict[str, Any]) -> None:
    """Which JSON holds, as it holds no infinity."""
    for result in results.values():
        json.dumps(result.to_dict(), allow_nan=False)


def test_lines_name_what_matters(results: dict[str, Any]) -> None:
    for name, words in {
        "moment": ("value=0.161042", "status=proved-ftc"),
        "design": ("n_var_w=7.05889", "slope=3.64556"),
        "joint": ("rate 0.2735",),
        "meanfield": ("gain=7",),
        "init_variance": ("scheme=ikun", "std="),
        "diagnose": ("verdict=healthy",),
    }.items():
        assert all(word in repr(results[name]) for word in words), repr(results[name])


def test_long_tables_say_what_they_leave_out(results: dict[str, Any]) -> None:
    html = results["meanfield"]._repr_html_()
    assert "24 of 40 rows" in html
    assert html.count("<tr>") == 1 + 24 + len(results["meanfield"].shown)


def test_the_network_of_a_prediction_is_in_it(results: dict[str, Any]) -> None:
    found = results["meanfield"]
    assert (found.gain, found.gain_out, found.arch) == (7.0, 7.0, "dense")
    assert found.to_dict()["gain"] == 7.0


@pytest.mark.parametrize("registry", [SURROGATES, RESETS, SCHEMES], ids=lambda registry: registry.kind)
def test_entries_are_lines(registry: Registry[Any]) -> None:
    for entry in registry:
        for value in (entry, *getattr(entry, "equivalents", ())):
            is_a_line(value)
        assert entry.name in repr(entry)


def test_claims_are_lines() -> None:
    pytest.importorskip("torch", reason="needs the extra `validate`")
    from ikun_validate.claims import CLAIMS

    for claim in CLAIMS:
        is_a_line(claim)


def test_a_watch_is_a_line() -> None:
    """And not the whole network that it watches."""
    model, x = _network()
    from ikun_validate import Watch

    is_a_line(Watch(model, x))


def test_the_users_own_surrogate_is_a_line() -> None:
    """However long its expression."""
    spec = "expr:" + " + ".join(f"exp(-x**2/{n})" for n in range(1, 40))
    neuron = Neuron.of(surrogate=spec, reset="adaptive")
    for value in (neuron, neuron.surrogate, neuron.surrogate.surrogate, neuron.reset):
        is_a_line(value)
    is_a_line(ikun_sym.moment("expr:1/(1 + x**2)", mean=0, var=1))
