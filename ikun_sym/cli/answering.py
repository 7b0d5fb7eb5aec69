"""Commands whose document can be computed alone, without files, pages or bars: what `ikun sweep` runs over a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Answer = Callable[[dict[str, Any], set[str]], dict[str, Any]]
"""From the flags, and the names of those that were given, to the document of `--json`."""


class Answering(click.Command):
    """`answer`: set by the command's own module."""

    answer: Answer | None = None

    def answers(self, function: Answer) -> Answer:
        self.answer = function
        return function
