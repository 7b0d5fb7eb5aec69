"""Axes and cells: ranges are exact, every flag and every parameter of a SPEC can be one, slips of the pen are named."""

from __future__ import annotations

import click
import pytest

from ikun_sym.errors import IkunError
from ikun_sym.exact import exact

pytest.importorskip("torch", reason="the commands need it")

from ikun_validate.sweeps.axes import Axis
from ikun_validate.sweeps.grid import Cell, commands, find_command, grid_of, parameters, with_parameter
from ikun_validate.sweeps.sweep import words_of


def cells(command: str, *over: str | Axis, **flags: object) -> list[Cell]:
    params, given = words_of(find_command(command), flags)
    return grid_of(command, [Axis.parse(one) if isinstance(one, str) else one for one in over], params, given).cells()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("depth=5:20:5", (5, 10, 15, 20)),
        ("leak=0:0.3:0.1", (0, 0.1, 0.2, 0.3)),  # in floats, 3 times 0.1 is beyond 0.3
        ("leak=1:0:-0.5", (1, 0.5, 0)),
        ("lr=1e-4:1e-1:*10", (0.0001, 0.001, 0.01, 0.1)),
        ("gain=8:1:*1/2", (8, 4, 2, 1)),
        ("scheme=kaiming, critical", ("kaiming", "critical")),
        ("surrogate=sigmoid:alpha=2;atan:alpha=1", ("sigmoid:alpha=2", "atan:alpha=1")),
        ("surrogate=erf:alpha=2", ("erf:alpha=2",)),
    ],
)
def test_the_values_of_an_axis(text: str, values: tuple[object, ...]) -> None:
    assert Axis.parse(text).values == values


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("depth", "no axis"),
        ("=1,2", "no axis"),
        ("depth=", "no values"),
        ("depth=1,,2", "no values"),
        ("depth=5:1:1", "does not lead"),
        ("depth=1:5:0", "does not lead"),
        ("lr=1:10:*0.5", "does not lead"),
        ("depth=1:x:1", "not a finite number"),
        ("depth=3,3", "twice"),
        ("depth=1:1000000:1", "more than 100000 values"),
    ],
)
def test_what_is_no_axis_is_told_in_a_line(text: str, told: str) -> None:
    with pytest.raises(IkunError, match=told) as caught:
        Axis.parse(text)
    assert "\n" not in str(caught.value)


def test_a_grid_has_every_pair_with_the_first_axis_outermost() -> None:
    found = cells("meanfield", "depth=5,7", "gain=6:8:1", leak=0.5)
    assert [cell.values for cell in found] == [{"depth": d, "gain": g} for d in (5, 7) for g in (6, 7, 8)]
    assert [cell.place for cell in found] == [(i, j) for i in range(2) for j in range(3)]
    assert [(cell.flags["depth"], cell.flags["gain"], cell.flags["leak"]) for cell in found[:2]] == [
        (5, 6.0, 0.5),
        (5, 7.0, 0.5),
    ]
    assert found[0].given == {"depth", "gain", "leak"}


@pytest.mark.parametrize("name", ["meanfield", "train", "validate"])
def test_every_flag_of_every_command_is_an_axis(name: str) -> None:
    """Whatever its kind, with its own default as the value."""
    command = find_command(name)
    tried = 0
    for option in parameters(command):
        if isinstance(option, click.Option) and option.default not in (None, ()) and str(option.default) != "Sentinel.UNSET":
            word = max(option.opts, key=len).lstrip("-")
            (cell,) = cells(name, Axis.of(word, [option.default]))
            context = click.Context(command)
            assert cell.flags[str(option.name)] == option.type_cast_value(context, option.default), word
            assert str(option.name) in cell.given
            tried += 1
    assert tried > 8


def test_a_sweep_runs_whatever_computes_a_document_without_writing() -> None:
    assert {"meanfield", "train", "validate"} <= commands().keys()


@pytest.mark.parametrize(
    ("spec", "name", "value", "made"),
    [
        ("atan", "alpha", "3", "atan:alpha=3"),
        ("mlp:depth=3,width=256", "depth", "8", "mlp:depth=8,width=256"),
        ("mlp:depth=3", "width", "64", "mlp:depth=3,width=64"),
        ("expr:exp(-k*abs(x));k=2", "k", "5", "expr:exp(-k*abs(x));k=5"),
    ],
)
def test_a_parameter_inside_a_spec(spec: str, name: str, value: str, made: str) -> None:
    assert with_parameter(spec, name, value) == made


def test_a_parameter_is_found_by_its_flag_or_alone() -> None:
    (dotted,), (alone,) = (cells("train", f"{name}=8", scheme="kaiming") for name in ("model.depth", "depth"))
    assert dotted.flags["model"] == alone.flags["model"] == "mlp:depth=8,width=256"
    (scheme,) = cells("train", "scheme.k=7", scheme="lecun")
    assert scheme.flags["schemes"] == ("lecun:k=7",)


@pytest.mark.parametrize(
    ("over", "flags", "told"),
    [
        (("dept=1,2",), {}, "unknown axis 'dept'; did you mean depth"),
        (("depth=a,b",), {}, "not a valid integer"),
        (("depth=1,2", "depth=3,4"), {}, "given twice"),
        (("scheme.k=1,2",), {}, "needs one value of it"),
        (("out=a,b",), {}, "unknown axis 'out'"),
        (("depth=1,2", "gain=1,2", "leak=0,1"), {}, "one or two axes"),
        (("depth=1,2",), {"lek": 1}, "unknown keyword 'lek'"),
    ],
)
def test_an_axis_that_the_command_has_not(over: tuple[str, ...], flags: dict[str, object], told: str) -> None:
    with pytest.raises(IkunError, match=told):
        cells("meanfield", *over, **flags)


def test_a_command_that_cannot_be_swept() -> None:
    with pytest.raises(IkunError, match="known: meanfield, train, validate"):
        find_command("export")


def test_ranges_are_those_of_fractions() -> None:
    axis = Axis.parse("leak=0:1:0.05")
    assert len(axis.texts) == 21
    assert [exact(text) for text in axis.texts] == [exact("0.05") * k for k in range(21)]
