"""Where a run takes place."""

from __future__ import annotations

from typing import Any

from ikun_sym.errors import IkunError

DTYPES = ("float32", "float64", "bfloat16")


def choose(device: str) -> str:
    """ "auto": CUDA if there is one, else the CPU. Error: CUDA asked for where there is none."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    if device == "cuda" or (device.startswith("cuda:") and device[5:].isdigit()):
        if not torch.cuda.is_available():
            raise IkunError(f"device {device!r}: this machine has no CUDA device that torch can use; use --device cpu")
        if device != "cuda" and int(device[5:]) >= torch.cuda.device_count():
            raise IkunError(f"device {device!r} does not exist; there are {torch.cuda.device_count()} CUDA devices")
        return device
    raise IkunError(f"unknown device {device!r}; known: auto, cpu, cuda, cuda:N")


def check_dtype(dtype: str) -> str:
    if dtype not in DTYPES:
        raise IkunError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    return dtype


def machine(device: str) -> dict[str, Any]:
    """What a benchmark runs on."""
    import torch

    from ..engines.machine import compiler, native_bfloat16, processor

    command = compiler().command
    found = {"torch": torch.__version__, "threads": torch.get_num_threads(), "compiler": command[0] if command else None}
    if device != "cpu":
        return {"device": torch.cuda.get_device_name(device), **found}
    return {"device": processor("model name"), **found, "bfloat16 instructions": native_bfloat16()}
