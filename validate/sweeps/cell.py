"""What a worker does: one cell, and what theory says of it. Nothing that goes wrong in it ends the sweep."""

from __future__ import annotations

import os
import threading
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import ikun_sym
from ikun_sym.errors import IkunError

DONE, FAILED = "done", "failed"

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IKUN_CORES"), "1")
"""Environment of a worker: processes side by side beat threads inside small products."""

_ONE_AT_A_TIME = threading.Lock()
"""In a process: what a cell sets (threads of torch, stdout) is the process's own."""


@cache
def versions() -> dict[str, str]:
    """Of the code that makes a row."""
    found = {"ikun": ikun_sym.__version__}
    try:
        return found | {"torch": version("torch")}
    except PackageNotFoundError:
        return found | {"torch": "none"}


def computed(command: str, flags: dict[str, Any], given: frozenset[str]) -> dict[str, Any]:
    """A row without its place: versions, state, seconds of processor time, and the answer or the reason."""
    from .grid import find_command
    from .theory import theory_of

    os.environ |= THREADS  # of a scheduler's own workers, too; cores() reads it now
    with _ONE_AT_A_TIME:
        began = time.process_time()
        try:
            answer = find_command(command).answer
            assert answer is not None
            found: dict[str, Any] = {"state": DONE, "answer": answer(flags, set(given))}
            found["theory"] = theory_of(flags)
        except IkunError as error:
            found = {"state": FAILED, "reason": str(error)}
        except Exception as error:  # a cell that fails is a row
            found = {"state": FAILED, "reason": " ".join(f"{type(error).__name__}: {error}".split())}
        return versions() | found | {"seconds": round(time.process_time() - began, 3)}
