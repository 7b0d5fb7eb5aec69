"""Which entries of a registry the quick suite takes: a fixed share, evenly spread; the slow suite takes the rest too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def spread(names: Iterable[Any], share: int = 4, first: int = 0) -> list[Any]:
    """Every `share`-th name (or tuple of arguments) as it is, from number `first` on; the others marked slow."""
    return [
        pytest.param(*(name if isinstance(name, tuple) else (name,)), marks=() if index % share == first else pytest.mark.slow)
        for index, name in enumerate(names)
    ]
