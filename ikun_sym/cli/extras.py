"""Which extra of the package brings a module that is not installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

MODULES = {"sklearn": "scikit-learn", "dask": "distributed"}
"""Modules whose distribution has another name, or comes with another one."""


def extra_with(module: str) -> str | None:
    """The first extra that requires the module's distribution; None if none does."""
    wanted = MODULES.get(module.partition(".")[0], module.partition(".")[0])
    try:
        stated = requires("ikun") or []
    except PackageNotFoundError:
        return None
    for requirement in stated:
        found = re.match(r"([\w.-]+).*extra == [\"'](\w+)[\"']", requirement)
        if found and re.sub(r"[-_.]+", "-", found[1]).lower() == wanted.lower():
            return found[2]
    return None
