"""What a target is, and how its files are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..catalogue.registry import Registry
from ..catalogue.surrogate import Bound
from ..errors import IkunError
from ..exact import Number
from ..files import write_atomically
from ..gaussian.closed_form import form_of
from ..gaussian.form import ClosedForm
from ..gaussian.moment import integrand
from ..reading.neuron import resolve_surrogate
from ..reading.surrogate_spec import Spec
from ..schemes.constants import Constants, constants
from ..version import __version__
from .drivers import Driver

THRESHOLDS = {"THRESHOLD_0": 0, "THRESHOLD_1": 1}
"""Named constants are given for H ~ N(0, 1) at these thresholds; functions serve all other cases."""


@dataclass(frozen=True)
class Export:
    """Everything that a target may print about one surrogate."""

    bound: Bound

    @property
    def version(self) -> str:
        return __version__

    @property
    def name(self) -> str:
        """An identifier and file stem: only ASCII letters, digits and underscores of the user's text are kept."""
        return "ikun_" + (re.sub(r"[^a-z0-9]+", "_", self.bound.surrogate.name.lower()).strip("_") or "surrogate")[:60]

    @property
    def parameters(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.bound.values}

    @cached_property
    def constants(self) -> dict[str, Constants]:
        return {name: constants(self.bound, theta, 1) for name, theta in THRESHOLDS.items()}

    def form(self, power: int) -> ClosedForm:
        """The closed form, with its proof status at these parameters."""
        function = integrand(self.bound, "fprime", power)
        return form_of(function, self.bound.environment)

    def command(self, target: str) -> str:
        return f"ikun export '{self.bound.spec}' --target {target}"


@dataclass(frozen=True)
class Target:
    """`driver`: runs emitted code; None for data. `subnormals`: whether its arithmetic keeps numbers below 2.2e-308."""

    name: str
    suffix: str
    emit: Callable[[Export], str]
    driver: Driver | None = None
    subnormals: bool = True


TARGETS: Registry[Target] = Registry("export target")


def export(surrogate: Spec, target: str, out: str | Path, *, amplitude: Number | None = None) -> Path:
    """Write the source of `surrogate`, times `amplitude` if given, for `target` into the folder `out`; returns the file. No
    partial file is ever left.

    Errors: an amplitude that is none, or that depends on weights ("unit"); the file is there and holds another surrogate, or
    the same one with other parameters.
    """
    entry = TARGETS[target]
    work = Export(resolve_surrogate(surrogate, amplitude).chosen())
    if out == "":
        raise IkunError("'' names no folder; give its name, or . for the current one")
    path, code = Path(out) / (work.name + entry.suffix), entry.emit(work)
    if path.exists() and _bare(work.bound.spec) not in _bare(path.read_text(encoding="utf-8", errors="replace")):
        raise IkunError(f"{str(path)!r} is there and does not hold {work.bound.spec}; remove it, or give another --out")
    return write_atomically(path, code)


def _bare(text: str) -> str:
    """Without the line breaks and comment signs that may cut a long SPEC."""
    return re.sub(r"[\s#/*%]+", "", text)
