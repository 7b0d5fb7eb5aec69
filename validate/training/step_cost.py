"""What one optimiser step costs beside the libraries: of the page, from a run of `ikun benchmark train` that is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "rows" / "step.json"
COMMAND = "ikun benchmark train --json > validate/training/rows/step.json"
COLUMNS = ("network", "", "engine", "CPU ms a step", "CPU time over ours", "share of the bare products' rate", "rounds")


def kept() -> dict[str, Any] | None:
    """None: there is no such file, as in an installed package."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else None


def rows(found: dict[str, Any]) -> list[list[str]]:
    lines = []
    for row in found["rows"]:
        if row["cpu"] is not None:
            measured = f"{1e3 * row['cpu']:.0f}", f"{row['ratio']:.2f}", f"{row['limit']:.0%}", str(row["repetitions"])
            lines.append([row["workload"], row["contestant"], row["backend"], *measured])
    return lines


def notes(found: dict[str, Any]) -> list[str]:
    """Of machine, networks, targets, agreement and who was not run."""
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    said = [f"On {machine}."]
    for name, workload in found["workloads"].items():
        rates = found["rates"][name]
        said.append(
            f"{name}: {workload['model']}, T = {workload['steps']}, batch {workload['batch']}, firing rates "
            f"{min(rates):.2f} to {max(rates):.2f}."
        )
    said += [
        f"{one['workload']}: {one['target']} is {one['measured']:.2f}, wanted at least {one['wanted']:g}: "
        f"{'met' if one['met'] else 'missed'}."
        for one in found["targets"]
    ]
    worst: dict[str, float] = {}
    for one in found["agreement"]:
        worst[one["library"]] = max(worst.get(one["library"], 0.0), one["gradient"])
    said += [f"Gradients of all weights, float64, beside {name}: {off:.0e} of their norm." for name, off in worst.items()]
    said.append("snnTorch's own surrogates hand out float32, whatever they are given.")
    return said + [f"{row['workload']}, {row['contestant']}: {row['note']}." for row in found["rows"] if row["note"]]
