"""C source to a loaded library: built once with the machine's C compiler, kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

import torch

from .machine import Compiler, compiler, finish, folders, private, processor

PRECISIONS = {torch.float32: "", torch.float64: "-DWIDE", torch.bfloat16: "-DHALF"}
"""What a tensor's type is called in the source."""

PRELUDE = r"""
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif
/* WIDE: float64 throughout; HALF: bfloat16 in and out, float32 inside; else float32. `word`: the bits of what is stored */
#ifdef WIDE
typedef double real; typedef double stored; typedef uint64_t word;
#define F(name) name
#define ONE 0x3ff0000000000000u
#else
typedef float real;
#define F(name) name##f
#ifdef HALF
typedef uint16_t stored; typedef uint16_t word;
#define ONE 0x3f80u
#else
typedef float stored; typedef uint32_t word;
#define ONE 0x3f800000u
#endif
#endif
#ifdef HALF
static inline real load(stored x) { uint32_t bits = (uint32_t)x << 16; real r; memcpy(&r, &bits, 4); return r; }
static inline stored store(real x) {
    uint32_t bits; memcpy(&bits, &x, 4);
    return (stored)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#else
#define load(x) (x)
#define store(x) (x)
#endif
"""

LIMIT_S = 60.0
"""Seconds for one library; then the compiler is not asked again."""

_COMMON = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-w")
# OpenMP's symbols are left to be found in torch's own runtime, which is loaded already: a second one would spin beside it.
# The vector functions are glibc's; where they are missing the scalar ones are called.
_ATTEMPTS = (
    (("-fopenmp", '-DVECTOR=__attribute__((simd("notinbranch")))'), ("-lmvec", "-lm")),
    (("-fopenmp", "-DVECTOR="), ("-lm",)),
    (("-fopenmp-simd", "-DVECTOR="), ("-lm",)),
)

_lock = threading.Lock()
_hanging: set[Compiler] = set()


def library(text: str, dtype: torch.dtype) -> ctypes.CDLL | None:
    """The functions of PRELUDE and `text` for tensors of this type. None: no compiler, or one that does not manage."""
    with _lock:  # draws run side by side: build once
        return _load(compiler(), text, PRECISIONS[dtype])


@cache
def _load(by: Compiler, text: str, define: str) -> ctypes.CDLL | None:
    text = PRELUDE + text
    for flags, libraries in _ATTEMPTS:
        if by.missing or by in _hanging:
            return None
        try:
            library = _attempt([*by.command, *_COMMON, *([define] if define else []), *flags], libraries, text)
        except subprocess.TimeoutExpired:
            _hanging.add(by)
        except subprocess.CalledProcessError:
            continue
        else:
            if library is not None:
                return library
    return None


def _attempt(command: list[str], libraries: tuple[str, ...], text: str) -> ctypes.CDLL | None:
    # what a processor's own instructions are depends on its flags, and a cache may be shared
    machine = platform.machine() + platform.release() + processor("flags", "Features")
    key = hashlib.sha256("\0".join([*command, *libraries, machine, text]).encode()).hexdigest()[:24]
    for folder in folders():
        target = folder / f"{key}.so"
        try:
            if not _whole(target):
                _compile(command, libraries, text, target)
            return ctypes.CDLL(str(target))
        except OSError:
            continue
    return None


def _whole(target: Path) -> bool:
    """Whether the library is there, this user's own, and byte for byte what was written: a cut one would kill the process."""
    try:
        digest = _digest_of(target).read_text(encoding="ascii", errors="replace")
        return private(target) and hashlib.sha256(target.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def _digest_of(target: Path) -> Path:
    return target.with_suffix(".sha256")


def _compile(command: list[str], libraries: tuple[str, ...], text: str, target: Path) -> None:
    _remove_what_killed_runs_left(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as work:
        Path(work, "layer.c").write_text(text, encoding="utf-8")
        # linked without -fopenmp, which would name a runtime of its own
        for step in ([*command, "-c", "layer.c"], [command[0], "-shared", "layer.o", "-o", "layer.so", *libraries]):
            finish(step, work, LIMIT_S)
        made, digest = Path(work, "layer.so"), Path(work, "digest")
        with made.open("rb+") as stream:
            digest.write_text(hashlib.sha256(stream.read()).hexdigest(), encoding="ascii")
            os.fsync(stream.fileno())
        made.chmod(0o700)  # whatever the umask lets others write
        digest.replace(_digest_of(target))
        made.replace(target)


def _remove_what_killed_runs_left(folder: Path) -> None:
    """The folders in which they compiled. None works for as long as a day."""
    for path in folder.glob("tmp*/"):
        if time.time() - path.stat().st_mtime > 86_400:
            shutil.rmtree(path, ignore_errors=True)
