"""Parallel work in processes; threads would not help, since derivations hold Python's lock nearly all the time."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from ikun_sym.cores import cores

T = TypeVar("T")
R = TypeVar("R")

Advance = Callable[[int, int], None]
"""Called at the start and after each item with (items done, all items)."""


def silent(done: int, of: int) -> None:
    """No report."""


def in_parallel(work: Callable[[T], R], items: Sequence[T], workers: int | None, advance: Advance) -> list[R]:
    """[work(item) for item in items], computed in parallel. `work` and the results must be picklable; put long items first.

    The first failure is raised at once, and the other processes are ended.
    """
    count = min(len(items), cores() if workers is None else workers)
    advance(0, len(items))
    if count <= 1:
        results = []
        for done, item in enumerate(items, 1):
            results.append(work(item))
            advance(done, len(items))
        return results
    # Fork where that is safe: spawned processes would run the user's script again, up to its `__main__` guard, if it has one.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                advance(done, len(items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
        return [future.result() for future in futures]
