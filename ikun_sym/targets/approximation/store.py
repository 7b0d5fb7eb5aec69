"""Approximations of the registered surrogates, kept in a file, since computing a certificate takes seconds.

Written by `python -c "from ikun_sym.targets.approximation import store; store.main()"`, never edited. Tests certify entries
again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...catalogue.piecewise import PiecewiseFunction, U, even
from .certified import Certified, NotCoveredError, Panel, computed
from .scaling import scaling_of

FILE = "certified.json"
LORENTZIAN = even(1 / (1 + U**2))
"""Its first moment gives erfcx."""

POWERS = (1, 2, 4)


def key(unit: PiecewiseFunction, power: int) -> str:
    """Key of an approximation: functions with the same key are the same."""
    return "; ".join(f"{p.side:+d}: {p.value} to {p.hi}" for p in unit.pieces) + f"; power {power}"


@lru_cache(maxsize=1)
def stored() -> dict[str, Certified]:
    """The contents of the file; empty if there is no file yet."""
    path = Path(__file__).with_name(FILE)
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    return {name: _read(entry) for name, entry in json.loads(text).items()}


def _read(entry: dict[str, Any]) -> Certified:
    panels = tuple(Panel(p["low"], p["high"], tuple(p["coefficients"])) for p in entry["panels"])
    return Certified(c=entry["c"], decays=entry["decays"], panels=panels, error=entry["error"])


def certified(unit: PiecewiseFunction, power: int) -> Certified:
    """The stored approximation, or one computed and certified now. Errors: `NotCoveredError`, with the reason."""
    known = stored().get(key(unit, power))
    return computed(unit, power) if known is None else known


def reason_or_certified(unit: PiecewiseFunction, power: int) -> Certified | str:
    """The approximation, or why there is none."""
    try:
        return certified(unit, power)
    except NotCoveredError as reason:
        return str(reason)


def main() -> None:
    from ...catalogue.surrogates import SURROGATES
    from ...files import write_atomically

    units = {key(LORENTZIAN, 1): (LORENTZIAN, 1)}
    for surrogate in SURROGATES:
        scaling = scaling_of(surrogate)
        if scaling is not None:
            units |= {key(scaling.unit, power): (scaling.unit, power) for power in POWERS}
    document = {}
    for name, (unit, power) in sorted(units.items()):
        try:
            document[name] = asdict(computed(unit, power))
        except NotCoveredError as reason:
            print(f"{name}: {reason}")
    write_atomically(Path(__file__).with_name(FILE), json.dumps(document, indent=1) + "\n")
