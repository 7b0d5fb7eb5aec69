"""The cells of a sweep: the flags of one command, with those of the axes replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from itertools import product
from typing import Any

import click

from ikun_sym.cli.answering import Answering
from ikun_sym.errors import IkunError, UnknownNameError
from ikun_sym.told import Told

from .axes import Axis, typed

OWN = frozenset(("out", "resume", "as_json", "save", "markdown", "all_"))
"""Flags of a command that a sweep has itself, or that make no sense in one."""


def commands() -> dict[str, Answering]:
    """Those that a sweep can run: whoever computes a document without writing anything."""
    loaded = {entry.name: entry.load() for entry in entry_points(group="ikun.commands") if entry.name != "sweep"}
    return {name: one for name, one in sorted(loaded.items()) if isinstance(one, Answering) and one.answer is not None}


@cache
def find_command(name: str) -> Answering:
    for entry in entry_points(group="ikun.commands", name=name):
        if isinstance(found := entry.load(), Answering):
            return found
    raise UnknownNameError("command of a sweep", name, commands())


def parameters(command: click.Command) -> list[click.Parameter]:
    return [one for one in command.params if one.name not in OWN]


@dataclass(frozen=True)
class Cell(Told):
    """`place`: on the axes. `at`: the axes' values as text. `flags`: all of the command's, `given`: names of those that the
    user, or an axis, has set."""

    shown = ("at",)

    place: tuple[int, ...]
    at: dict[str, str]
    flags: dict[str, Any]
    given: frozenset[str]

    @property
    def values(self) -> dict[str, Any]:
        return {name: typed(text) for name, text in self.at.items()}


@dataclass(frozen=True)
class Grid(Told):
    """`flags`: those of all cells, the axes' too, as they were before."""

    shown = ("command", "axes")

    command: str
    axes: tuple[Axis, ...]
    flags: dict[str, Any]
    given: frozenset[str]

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= 2:
            raise IkunError(f"a sweep has one or two axes, not {len(self.axes)}; give --over once or twice")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise IkunError(f"--over {self.axes[0].name} is given twice; give its values in one list")

    def cells(self) -> list[Cell]:
        """The first axis outermost. Errors: no such flag or parameter; a value that its flag does not take."""
        command = find_command(self.command)
        setters = [_setter(command, axis, self.flags) for axis in self.axes]
        found = []
        for place in product(*(range(len(axis.texts)) for axis in self.axes)):
            flags, given, at = dict(self.flags), set(self.given), {}
            for axis, index, setter in zip(self.axes, place, setters, strict=True):
                at[axis.name] = axis.texts[index]
                given.add(setter.set(flags, axis.texts[index]))
            found.append(Cell(place, at, flags, frozenset(given)))
        return found


@dataclass(frozen=True)
class _Setter:
    """Sets an option, or the `parameter` of the SPEC that is its value."""

    option: click.Parameter
    parameter: str = ""

    def set(self, flags: dict[str, Any], text: str) -> str:
        name = str(self.option.name)
        if self.parameter:
            text = with_parameter(_spec(flags[name], self.option), self.parameter, text)
        many = self.option.multiple or self.option.nargs != 1
        try:
            flags[name] = self.option.type_cast_value(click.Context(click.Command("sweep")), (text,) if many else text)
        except click.UsageError as error:
            raise IkunError(f"axis {_word(self.option)}: {error.format_message()}") from None
        return name


def _word(option: click.Parameter) -> str:
    return max(option.opts, key=len).lstrip("-")


def _setter(command: click.Command, axis: Axis, flags: dict[str, Any]) -> _Setter:
    options = {_word(one): one for one in parameters(command) if isinstance(one, click.Option)}
    options |= {str(one.name): one for one in parameters(command) if isinstance(one, click.Argument)}
    if axis.name in options:
        return _Setter(options[axis.name])
    flag, _, parameter = axis.name.partition(".")
    if parameter and flag in options:
        return _Setter(options[flag], parameter)
    # a parameter that one SPEC here names, and no flag: `depth` of --model mlp:depth=3
    inside = [one for one in options.values() if re.search(rf"[:,;]{re.escape(axis.name)}=", _first(flags[str(one.name)]))]
    if len(inside) == 1:
        return _Setter(inside[0], axis.name)
    raise UnknownNameError("axis", axis.name, [*options, *(f"{_word(one)}.{axis.name}" for one in inside)])


def _first(value: Any) -> str:
    return str((value[0] if value else "") if isinstance(value, tuple) else value)


def _spec(value: Any, option: click.Parameter) -> str:
    if value is None or value == () or (isinstance(value, tuple) and len(value) != 1):
        raise IkunError(f"an axis of a parameter of --{_word(option)} needs one value of it; give --{_word(option)} SPEC once")
    return _first(value)


def with_parameter(spec: str, name: str, value: str) -> str:
    """`head:a=1,b=2` with one of them set."""
    sign = ";" if spec.startswith("expr:") else ","
    head, colon, rest = spec.partition(sign if sign == ";" else ":")
    pairs = {part.partition("=")[0]: part.partition("=")[2] for part in rest.split(sign)} if colon else {}
    pairs[name] = value
    return head + (sign if sign == ";" else ":") + sign.join(f"{key}={text}" for key, text in pairs.items())


def grid_of(command: str, over: Iterable[Axis], params: dict[str, Any], given: Sequence[str] | set[str]) -> Grid:
    """`params`: of the command as click has read them."""
    names = {str(one.name) for one in parameters(find_command(command))}
    flags = {name: value for name, value in params.items() if name in names}
    return Grid(command, tuple(over), flags, frozenset(names & set(given)))
