"""Which entries of a registry the quick suite takes: a fixed share, evenly spread; the slow suite takes the rest too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def spread(names: Iterable[str], share: int = 4) -> list[Any]:
    """Every `share`-th name as it is, the others marked slow."""
    return [pytest.param(name, marks=() if index % share == 0 else pytest.mark.slow) for index, name in enumerate(names)]
