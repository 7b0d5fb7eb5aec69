"""Where cells are computed: processes of this machine, or a Dask scheduler that runs already.

A client keeps few cells in flight: futures are lost with the client or the scheduler, and what is not in the journal is made
again. A worker that dies is replaced; Dask gives its cell to another.
"""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from dask import config
from distributed import Client, Future, KilledWorker, LocalCluster

from ikun_sym.errors import DomainError, IkunError

from .cell import THREADS, computed
from .grid import Cell

DEATHS = 3
"""Workers that a cell may take with it before Dask gives it up (`allowed-failures`)."""

EARLY = 5
"""Workers that die one after the other before any cell is finished: then it is not the cells' fault."""

PATIENCE = 30.0
"""Seconds in which a scheduler must answer."""

LOOK = 1.0
"""Seconds between two looks at the workers."""

CHATTER = ("distributed", "tornado", "asyncio")

SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.comm.timeouts.connect": f"{PATIENCE:g}s",
    "distributed.admin.low-level-log-length": 100,
    "distributed.diagnostics.computations.max-history": 1,
}
"""Of the scheduler and the client in this process: what they remember of 10,000 cells is bounded."""


class Processes:
    """`count` workers of this machine, each a process of one thread, kept up."""

    def __init__(self, address: str, count: int) -> None:
        self.address, self.early = address, 0
        self._running = [self._begun() for _ in range(count)]

    def _begun(self) -> subprocess.Popen[bytes]:
        # the package is imported by the worker as it is here: from the same place, and the user's modules too
        path = os.pathsep.join([str(Path.cwd()), *(entry for entry in sys.path if entry)])
        return subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", self.address],
            env=os.environ | THREADS | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for the client, which lets them go
        )

    @property
    def pids(self) -> list[int]:
        return [one.pid for one in self._running]

    def tend(self) -> None:
        """Replace the dead. Error: they die before they have done anything."""
        for place, one in enumerate(self._running):
            if one.poll() is None:
                continue
            self.early += 1
            if self.early > EARLY + len(self._running):
                raise IkunError(
                    f"workers end as soon as they begin (exit code {one.returncode}); what they print is above; "
                    "run the command on one cell, without sweep"
                )
            _let_go(one)
            self._running[place] = self._begun()

    def close(self) -> None:
        for one in self._running:
            _let_go(one)
        for one in self._running:
            one.wait()


def _let_go(one: subprocess.Popen[bytes]) -> None:
    assert one.stdin is not None
    with suppress(OSError):
        one.stdin.close()  # at which it ends


class Cluster:
    """`processes` None: the workers are somebody else's."""

    def __init__(self, client: Client, processes: Processes | None) -> None:
        self.client, self.processes = client, processes
        self._finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._cells: dict[Future[Any], Cell] = {}
        self._looked, self.workers = 0.0, 0
        self.tend()

    @property
    def running(self) -> int:
        return len(self._cells)

    @property
    def room(self) -> int:
        """Cells that can be begun now: one more than there are workers, so that none waits for the client."""
        return max(0, self.workers + 1 - self.running)

    def begin(self, command: str, cell: Cell) -> None:
        future = self.client.submit(computed, command, cell.flags, cell.given, pure=False)
        self._cells[future] = cell
        future.add_done_callback(self._finished.put)

    def tend(self) -> None:
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        if self.processes is not None:
            self.processes.tend()
            self.workers = len(self.processes.pids)
        else:
            threads: Any = self._answer().nthreads()
            self.workers = len(threads)

    def _answer(self) -> Client:
        if self.client.status != "running":
            raise IkunError(f"the scheduler {self._address} is gone; --resume continues from the journal")
        return self.client

    @property
    def _address(self) -> str:
        return str(getattr(self.client.scheduler, "address", "")) if self.client.scheduler is not None else ""

    def next(self) -> tuple[Cell, dict[str, Any] | None] | None:
        """A cell that is finished, with what was found; with None if each worker that tried it died. None: not yet."""
        try:
            future = self._finished.get(timeout=LOOK)
        except queue.Empty:
            self._answer()
            return None
        cell = self._cells.pop(future)
        try:
            found = future.result(timeout=PATIENCE)
        except KilledWorker:
            return cell, None
        except Exception as error:
            raise IkunError(
                f"the scheduler no longer answers ({type(error).__name__}); --resume continues from the journal"
            ) from None
        finally:
            future.release()
        if self.processes is not None:
            self.processes.early = 0
        return cell, found


@contextmanager
def cluster(workers: int, scheduler: str | None) -> Iterator[Cluster]:
    """Errors: no scheduler answers there; workers that do not start."""
    if workers < 1:
        raise DomainError("workers", workers, "at least 1")
    with ExitStack() as stack:
        stack.enter_context(_told_nothing())
        stack.enter_context(config.set(SETTINGS))
        if scheduler is not None:
            yield Cluster(stack.enter_context(_client(scheduler)), None)
            return
        quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
        local = LocalCluster(n_workers=0, host="127.0.0.1", processes=True, **quiet)
        stack.callback(local.close, timeout=PATIENCE)
        client = stack.enter_context(_client(local.scheduler_address))
        processes = Processes(local.scheduler_address, workers)
        stack.callback(processes.close)
        yield Cluster(client, processes)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise IkunError(
            f"no Dask scheduler answers at {address!r} ({reason}); start one with `dask scheduler`, or leave --scheduler out"
        ) from None
    try:
        yield client
    finally:
        with suppress(Exception):  # a scheduler that is gone cannot be told good-bye
            client.close(timeout=5)


@contextmanager
def _told_nothing() -> Iterator[None]:
    """Dask's logs of what comes and goes are not the user's; its loggers have levels of their own."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in CHATTER]
    before = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
