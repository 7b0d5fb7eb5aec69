"""Write files completely or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import IkunError


def folder(path: str | Path) -> Path:
    """`path` as an existing, writable folder; created if missing."""
    if path == "":
        raise IkunError("'' names no folder; give its name, or . for the current one")
    target = Path(path)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        raise IkunError(
            f"cannot write to {str(path)!r}: {error.strerror or error}; choose a folder that you may write to"
        ) from None
    return target


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write `content` to a temporary file beside `path`, then rename it: readers see the old file or the new one."""
    parent = folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise IkunError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
        raise
    return path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
