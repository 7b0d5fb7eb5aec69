"""One process writes a file of records at a time: the others are refused, not made to wait."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from ikun_sym.errors import IkunError


def one_writer(path: Path) -> FileLock:
    """The lock of the file `path`, taken; the system frees it if the process is killed. Error: another process has it."""
    lock = FileLock(path.parent / f".{path.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise IkunError(f"another run writes to {str(path.parent)!r}; wait for its end, or give another --out") from None
    except (OSError, NotImplementedError) as error:
        raise IkunError(f"cannot lock {str(path)!r}: {error}; give another --out") from None
    return lock
