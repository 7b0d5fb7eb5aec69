"""Tidy records of a run: one JSON line a draw, and beside them where the run came from."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import ikun_sym
from ikun_sym.files import write_atomically

from .judge import Laboratory, Verdict
from .network import Architecture, Draw
from .verdict import number

ROWS, VERDICTS, PROVENANCE = "rows.jsonl", "verdicts.json", "provenance.json"


def row(architecture: Architecture, draw: Draw, seed: int) -> dict[str, Any]:
    """One draw as one flat record; arrays over layers are lists, averaged over steps."""
    with np.errstate(invalid="ignore"):
        return {
            **architecture.to_dict(),
            "draw": draw.index,
            "seed": seed,
            "alive": draw.alive,
            "var_h": [number(float(x)) for x in draw.var_h.mean(axis=1)],
            "rate": [number(float(x)) for x in draw.rate.mean(axis=1)],
            "log_gradient": [number(float(x)) for x in draw.log_gradient],
        }


def provenance(command: str, device: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What one needs to repeat the run."""
    import numpy
    import scipy
    import sympy
    import torch

    return {
        "command": command,
        "ikun": ikun_sym.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "sympy": sympy.__version__,
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else f"cpu ({platform.machine()})",
        "settings": settings,
    }


def _commit() -> str | None:
    """The commit of the source tree that runs, if it is a git checkout."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def write(out: str | Path, laboratory: Laboratory, verdicts: list[Verdict], made: dict[str, Any]) -> None:
    """Rows, verdicts and provenance into the folder `out`, each file whole."""
    seed = laboratory.settings.seed
    rows = [row(architecture, draw, seed) for architecture, draws in laboratory.all_draws() for draw in draws]
    lines = "".join(json.dumps(r, allow_nan=False, ensure_ascii=False) + "\n" for r in rows)
    write_atomically(Path(out) / ROWS, lines)
    for name, document in ((VERDICTS, [verdict.to_dict() for verdict in verdicts]), (PROVENANCE, made)):
        write_atomically(Path(out) / name, json.dumps(document, allow_nan=False, ensure_ascii=False, indent=2) + "\n")


def last_verdicts(runs: str | Path) -> dict[str, str]:
    """Claim id to the verdict of the newest run below the folder `runs` that tested the claim's own cases."""
    found: dict[str, str] = {}
    for path in sorted(Path(runs).glob(f"*/{VERDICTS}"), key=lambda p: p.stat().st_mtime):
        try:
            for verdict in json.loads(path.read_text(encoding="utf-8")):
                if verdict["expected"] is not None:
                    found[verdict["claim"]] = verdict["verdict"]
        except (ValueError, KeyError, TypeError):
            continue  # not one of our records
    return found


def command_line() -> str:
    """The command as typed, without the path of the interpreter."""
    return " ".join(["ikun", *sys.argv[1:]])
