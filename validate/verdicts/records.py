"""Records of a run: its provenance, one JSON line per draw, and the verdicts."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ikun_sym
from ikun_sym.cli.console import stderr
from ikun_sym.errors import IkunError
from ikun_sym.files import folder, write_atomically
from ikun_sym.provenance import commit

from ..engines.machine import arithmetic
from ..networks.network import Architecture
from .journal import ROWS, Journal
from .judge import Laboratory, RunSettings, Verdict

VERDICTS, PROVENANCE = "verdicts.json", "provenance.json"


def run_folder(given: str | None, default: str, *, resume: bool) -> Path:
    """The folder that the user gave. Else one of `default`, `default`-2, …: a new one, or with `resume` the newest."""
    if given is not None:
        return folder(given)
    number = 1
    while (path := _numbered(default, number)).exists():
        number += 1
    if resume and number > 1:
        return folder(_numbered(default, number - 1))
    return folder(path)


def _numbered(name: str, number: int) -> Path:
    return Path(name if number == 1 else f"{name}-{number}")


def conditions(settings: RunSettings) -> dict[str, Any]:
    """Everything that the draws of a run depend on, apart from the network."""
    import torch

    return {
        "ikun": ikun_sym.__version__,
        "torch": torch.__version__,
        "device": torch.device(settings.device).type,
        "dtype": settings.dtype,
        "batch": settings.batch,
        "seed": settings.seed,
        "arithmetic": arithmetic(settings.device, settings.dtype),
    }


@contextmanager
def recorded(
    out: Path, settings: RunSettings, architectures: Iterable[Architecture], *, resume: bool = False
) -> Iterator[tuple[Laboratory, dict[str, Any]]]:
    """A laboratory that writes each draw to disk at once, and the provenance, which is written before the first draw."""
    journal = Journal(out / ROWS, conditions(settings), architectures, resume=resume)
    try:
        made = provenance(command_line(), settings.device, dict(vars(settings)), _earlier(out) if journal.recorded else [])
        _write_json(out / PROVENANCE, made)
        yield Laboratory(settings, journal), made
        journal.sort()
    except KeyboardInterrupt:
        stderr().print(f"stopped; the draws made so far are in {out}; --resume continues from there")
        raise
    finally:
        journal.close()


def provenance(command: str, device: str, settings: dict[str, Any], earlier: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """Everything needed to repeat the run. `earlier`: the provenance of the runs that this one continues."""
    import numpy
    import scipy
    import sympy
    import torch

    made = {
        "command": command,
        "ikun": ikun_sym.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "sympy": sympy.__version__,
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else f"cpu ({platform.machine()})",
        "settings": settings,
    }
    resumed = list(earlier)
    return made | {"resumed": resumed} if resumed else made


def _earlier(out: Path) -> list[dict[str, Any]]:
    """The provenance in the folder, after that of the runs which it continued."""
    try:
        found = json.loads((out / PROVENANCE).read_text(encoding="utf-8"))
        before = found.pop("resumed", [])
        if not isinstance(before, list):
            raise TypeError
        return [*before, found]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError, TypeError):
        raise IkunError(f"{str(out / PROVENANCE)!r} is not the provenance of a run; remove it, or give another --out") from None


def write_verdicts(out: Path, verdicts: list[Verdict]) -> None:
    _write_json(out / VERDICTS, [verdict.to_dict() for verdict in verdicts])


def _write_json(path: Path, document: Any) -> None:
    write_atomically(path, json.dumps(document, allow_nan=False, ensure_ascii=False, indent=2) + "\n")


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
