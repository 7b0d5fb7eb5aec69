"""The compiled pass: built once per surrogate and neuron with the machine's C compiler, kept in the user's cache."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ikun_sym.errors import IkunError

from .c_source import BLOCK, source
from .eager import membrane_dtype
from .neuron import Response, Returned

if TYPE_CHECKING:
    from .neuron import Population

_DEFINES = {torch.float32: "", torch.float64: "-DWIDE", torch.bfloat16: "-DHALF"}

_COMMON = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-w")
# OpenMP's symbols are left to be found in torch's own runtime, which is loaded already: a second one would spin beside it.
# The vector functions are glibc's; where they are missing the scalar ones are called.
_ATTEMPTS = (
    (("-fopenmp", '-DVECTOR=__attribute__((simd("notinbranch")))'), ("-lmvec", "-lm")),
    (("-fopenmp", "-DVECTOR="), ("-lm",)),
    (("-fopenmp-simd", "-DVECTOR="), ("-lm",)),
)


def compiler() -> str | None:
    return shutil.which(os.environ.get("CC") or "cc") or shutil.which("gcc") or shutil.which("clang")


def build(population: Population) -> Compiled | None:
    """None: no compiler, or a function that C has no name for."""
    if compiler() is None:
        return None
    try:
        text, constants = source(population)
    except (KeyError, IkunError):
        return None
    # one library now: where the compiler works for one precision it works for all
    return Compiled(text, constants) if _library(text, "") is not None else None


_lock = threading.Lock()


def _library(text: str, define: str) -> ctypes.CDLL | None:
    with _lock:  # draws run side by side: build once
        return _load(text, define)


@cache
def _load(text: str, define: str) -> ctypes.CDLL | None:
    command = compiler()
    if command is None:
        return None
    for flags, libraries in _ATTEMPTS:
        library = _attempt([command, *_COMMON, *([define] if define else []), *flags], libraries, text)
        if library is not None:
            return library
    return None


def _attempt(command: list[str], libraries: tuple[str, ...], text: str) -> ctypes.CDLL | None:
    machine = platform.machine() + platform.release() + _processor()
    key = hashlib.sha256("\0".join([*command, *libraries, machine, text]).encode()).hexdigest()[:24]
    for folder in (_cache(), _own_folder()):
        target = folder / f"{key}.so"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not target.exists():
                _compile(command, libraries, text, target)
            return ctypes.CDLL(str(target))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _compile(command: list[str], libraries: tuple[str, ...], text: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        (Path(work) / "layer.c").write_text(text, encoding="utf-8")
        # linked without -fopenmp, which would name a runtime of its own
        for step in ([*command, "-c", "layer.c"], [command[0], "-shared", "layer.o", "-o", "layer.so", *libraries]):
            subprocess.run(step, cwd=work, check=True, capture_output=True, timeout=120)
        (Path(work) / "layer.so").replace(target)


@lru_cache(maxsize=1)
def _own_folder() -> Path:
    """Where the user's cache cannot be written: a folder of this process, removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="ikun-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ikun"


def _processor() -> str:
    """What -march=native depends on: a cache may be shared by machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("flags")), platform.processor())


class Compiled:
    """Tensors on the CPU, contiguous or not; `forward` and `adjoint` work in place where the types allow it."""

    def __init__(self, text: str, constants: list[float]) -> None:
        self.text = text
        self.constants = (ctypes.c_double * len(constants))(*constants)

    def _functions(self, dtype: torch.dtype) -> ctypes.CDLL:
        library = _library(self.text, _DEFINES[dtype])
        assert library is not None
        return library

    def _call(self, function: object, arrays: list[Tensor], extra: list[object], shape: torch.Size) -> None:
        pointers = [ctypes.c_void_p(array.data_ptr()) for array in arrays]
        sizes = [ctypes.c_int64(size) for size in shape]
        function(*pointers, *extra, self.constants, *sizes, ctypes.c_int(torch.get_num_threads()))  # type: ignore[operator]

    def forward(self, current: Tensor) -> Response:
        current = current.contiguous()
        wide = membrane_dtype(current.dtype)
        h = current if wide == current.dtype else torch.empty(current.shape, dtype=wide)
        s = torch.empty_like(current)
        power, activity = _sums(current), _sums(current)
        self._call(self._functions(current.dtype).forward, [current, h, s, power, activity], [], current.shape)
        return Response(h, s, power.sum(dim=-1), activity.sum(dim=-1))

    def adjoint(self, h: Tensor, grad_s: Tensor, scale: float) -> Returned:
        grad_s = grad_s.contiguous()
        power, grad_i = _sums(h), torch.empty_like(grad_s)
        self._call(self._functions(grad_s.dtype).adjoint, [h, grad_s, grad_i, power], [ctypes.c_double(scale)], h.shape)
        return Returned(power.sum(dim=-1), grad_i)


def _sums(like: Tensor) -> Tensor:
    steps, samples, width = like.shape
    return torch.empty(steps, samples, -(-width // BLOCK), dtype=torch.float64)
