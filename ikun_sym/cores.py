"""How many of the machine's cores a run may use."""

from __future__ import annotations

import os

from .errors import DomainError


def cores() -> int:
    """$IKUN_CORES, else those that this process may run on."""
    given = os.environ.get("IKUN_CORES")
    if given:
        if not given.isdecimal() or int(given) == 0:
            raise DomainError("IKUN_CORES", given, "a whole number, at least 1")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
