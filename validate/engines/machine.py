"""What this machine offers: bfloat16 products, a C compiler and the instructions it compiles for, folders to write to.

Each is found out once. An environment variable states it instead, and so the tests run every case on every machine:
IKUN_BFLOAT16, CC, IKUN_MARCH, XDG_CACHE_HOME; IKUN_CORES in `ikun_sym.cores`.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import torch

from ikun_sym.errors import IkunError
from ikun_sym.files import temporary_folder

BFLOAT16 = ("auto", "native", "widened")

PROBE_S = 20.0
"""Seconds for a few lines of C: a compiler that takes longer is as good as none."""

PROBE = """
typedef float vec __attribute__((vector_size(64)));
int main(int n, char **arguments) {
    vec a = {0}; float x[64], sum = 0; long bits = 0;
    for (int i = 0; i < 64; i++) { x[i] = (float)(n * i) + 0.5f; bits += __builtin_popcountl((long)(n + i)); }
    for (int i = 0; i < 4; i++) { vec b; __builtin_memcpy(&b, x + 16 * i, sizeof(vec)); a += b * b; }
    for (int i = 0; i < 16; i++) sum += a[i];
    return !arguments || !(sum + (float)bits > 0);
}
"""
"""Loops that a compiler turns into vectors: run once, for a processor may lack the instructions that were asked for."""


def native_bfloat16() -> bool:
    """Whether torch multiplies bfloat16 fast on this CPU. IKUN_BFLOAT16: auto, or native or widened whatever the CPU."""
    chosen = os.environ.get("IKUN_BFLOAT16") or "auto"
    if chosen not in BFLOAT16:
        raise IkunError(f"IKUN_BFLOAT16 = {chosen!r} is not allowed; known: {', '.join(BFLOAT16)}")
    return _fast_bfloat16() if chosen == "auto" else chosen == "native"


@cache
def _fast_bfloat16() -> bool:
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except AttributeError:  # torch was built without oneDNN
        return False


def arithmetic(device: str, dtype: str) -> str:
    """What rounds the sums of a run: rows of two kinds differ in their last digits, and are not rows of one run."""
    if not device.startswith("cpu"):
        return "kernels"
    made = "plain" if compiler().missing else "compiled"
    return f"{made}, {'native' if native_bfloat16() else 'widened'}" if dtype == "bfloat16" else made


@dataclass(frozen=True)
class Compiler:
    """`command`: the C compiler and the flag for its instructions. `missing`: why there is none, else empty."""

    command: tuple[str, ...] = ()
    missing: str = ""


def compiler() -> Compiler:
    """The compiler of $CC, else cc, gcc or clang. IKUN_MARCH: auto, this processor's own instructions where the compiler knows
    them; a value of its -march; none."""
    return _probed(os.environ.get("CC") or "", os.environ.get("PATH") or "", os.environ.get("IKUN_MARCH") or "auto", PROBE_S)


@cache
def _probed(cc: str, path: str, march: str, limit: float) -> Compiler:
    try:
        words = shlex.split(cc)
    except ValueError:
        words = [cc]
    found = next(filter(None, map(shutil.which, words[:1] or ("cc", "gcc", "clang"))), None)
    if found is None:
        return Compiler(missing=f"no C compiler is found ({f'$CC is {cc!r}' if cc else 'cc, gcc, clang, or $CC'})")
    flags = {"auto": (("-march=native",), ("-mcpu=native",), ()), "none": ((),)}.get(march, ((f"-march={march}",),))
    try:
        for flag in flags:
            command = (found, *words[1:], *flag)
            if _serves(command, limit):
                return Compiler(command)
    except subprocess.TimeoutExpired:
        return Compiler(missing=f"the C compiler {found} takes more than {limit:g} s for a few lines")
    wanted = "" if march == "auto" else f" with IKUN_MARCH={march}"
    return Compiler(missing=f"the C compiler {found} makes no program that runs here{wanted}")


def _serves(command: Sequence[str], limit: float) -> bool:
    for folder in folders():
        try:
            with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as work:
                Path(work, "probe.c").write_text(PROBE, encoding="utf-8")
                finish([*command, "-O3", "-w", "probe.c", "-o", "probe"], work, limit)
                finish([str(Path(work, "probe"))], work, limit)
                return True
        except OSError:  # a folder in which nothing can be written, or nothing run
            continue
        except subprocess.CalledProcessError:
            return False
    return False


def finish(command: Sequence[str], folder: str, limit: float) -> None:
    """Runs it in this folder. Errors: CalledProcessError; TimeoutExpired after `limit` seconds, with what it started ended."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    try:
        code = process.wait(limit)
    except BaseException:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows
            process.kill()
        process.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, command)


def folders() -> Iterator[Path]:
    """Where libraries may be kept, best first: the user's cache, if only the user writes there; a folder of this process,
    removed with it."""
    places: tuple[Callable[[], Path], ...] = (_cache, _own_folder)
    for place in places:
        try:
            folder = place()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not private(folder):
                continue
        except (OSError, RuntimeError):  # it cannot be made; there is no home folder
            continue
        yield folder


def _cache() -> Path:
    asked = Path(os.environ.get("XDG_CACHE_HOME") or "")
    # the standard says that a relative folder is to be ignored
    return (asked if asked.is_absolute() else Path.home() / ".cache") / "ikun"


def private(path: Path) -> bool:
    """Whether only this user can have written it: what lies there is loaded and runs."""
    if not hasattr(os, "getuid"):  # Windows, where a user's folders are the user's own
        return True
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@lru_cache(maxsize=1)
def _own_folder() -> Path:
    folder = temporary_folder()
    atexit.register(folder.cleanup)
    return Path(folder.name)


def processor(*lines: str) -> str:
    """The first of these lines of what Linux says of the processor, else what Python knows of it."""
    try:
        said = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        said = []
    return next((l.partition(":")[2].strip() for l in said if l.startswith(lines)), platform.processor())


def keep_freed_memory() -> None:
    """Large arrays that are freed stay with the process, for the next to use: glibc would give each back to the system and ask
    for it again, and a fresh page costs a fault and its zeroing. Where the C library is another, nothing happens."""
    trim_threshold, mmap_max = -1, -4
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_max, 0)
