"""A phase diagram: a sweep with a name, what is shown of it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from ikun_sym.catalogue.registry import Registry
from ikun_sym.told import Told

from ..axes import Axis
from ..grid import find_command, parameters


@dataclass(frozen=True, kw_only=True)
class Diagram(Told):
    """`over`, `words`: as they are typed after `ikun sweep COMMAND`. `measure`: shown and counted. `learnt`: from which value
    of it on a network counts as trained. `says`: what it says, in two sentences."""

    shown = ("name", "title", "command")

    name: str
    title: str
    question: str
    over: tuple[str, ...]
    words: tuple[str, ...]
    command: str = "train"
    measure: str = "test accuracy"
    learnt: float = 0.5
    says: str = ""
    aliases: tuple[str, ...] = ()

    def axes(self, given: Sequence[str] = ()) -> list[Axis]:
        """Those of `given` in place of its own of the same name: finer, or longer."""
        own = {axis.name: axis for axis in map(Axis.parse, self.over)}
        for axis in map(Axis.parse, given):
            own[axis.name] = axis
        return list(own.values())

    def flags(self) -> tuple[dict[str, Any], set[str]]:
        """Of all cells, as the command reads them; and which of them are given."""
        reader = click.Command(self.command, params=parameters(find_command(self.command)))
        context = reader.make_context(self.command, list(self.words))
        typed = ParameterSource.COMMANDLINE
        return context.params, {name for name in context.params if context.get_parameter_source(name) is typed}

    def typed(self) -> str:
        """The whole command, to repeat it."""
        return " ".join(["ikun sweep", self.command, *self.words, *(f"--over {text}" for text in self.over)])


DIAGRAMS: Registry[Diagram] = Registry("diagram")

BUDGET = ("--epochs", "30", "--lr", "0.002", "--seeds", "2", "--target", "0.8")
"""Of each cell: digits, Adam. Sized so that a grid takes minutes on two cores."""
