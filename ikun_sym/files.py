"""Write files completely or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
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


DAY_S = 86_400

LEFT = "ikun-of-process-"


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process, removed when it is left. What killed processes of this user left behind goes first: folders
    by this module's own name, a day old, whose process is no more. No library does that for what was killed."""
    place = Path(tempfile.gettempdir())
    for path in place.glob(LEFT + "*/") if hasattr(os, "getuid") else ():  # elsewhere no process can be asked for
        if _abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{LEFT}{os.getpid()}-", ignore_cleanup_errors=True)


def _abandoned(path: Path) -> bool:
    process = path.name.removeprefix(LEFT).partition("-")[0]
    try:
        found = path.lstat()
        if found.st_uid != os.getuid() or time.time() - found.st_mtime < DAY_S or not process.isdecimal():
            return False
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # gone meanwhile; somebody else's process
        return False
    return False


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
