"""From a name to a data set."""

from __future__ import annotations

from pathlib import Path

from ikun_sym.errors import IkunError

from .data_set import DATA, Data
from .user_data import of_factory


def load_data(name: str, *, folder: str | Path | None = None, steps: int = 4, events: bool = False) -> Data:
    """The data set `name`, or that of the user's MODULE:FACTORY. `events`: the user's samples are [T, …]."""
    if ":" in name:
        return of_factory(name, events=events)
    if events:
        raise IkunError(f"--events is for your own data, MODULE:FACTORY; {name!r} says itself what its samples are")
    entry = DATA[name]
    return entry.read(None if folder is None else Path(folder), steps)
