"""The errors that a user can cause. Each message says what was given, what is allowed, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any


class IkunError(ValueError):
    """Bad input. The command line prints the message as one line and exits with code 2."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled as type(*args), which fails for those whose arguments are not the message.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[IkunError], args: tuple[Any, ...], attributes: dict[str, Any]) -> IkunError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UnknownNameError(IkunError, KeyError):
    """A name that is not in the registry. `usage`: how names are written with their parameters, where that is told."""

    def __init__(self, kind: str, given: str, known: Iterable[str], usage: Mapping[str, str] | None = None) -> None:
        written = {name: name for name in known} | dict(usage or {})
        lowered = {name.lower(): name for name in sorted(written)}
        near = [written[lowered[name]] for name in difflib.get_close_matches(given.lower(), lowered, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(written[n] for n in lowered.values())}"
        super().__init__(f"unknown {kind} {given!r}; {hint}")

    __str__ = ValueError.__str__  # KeyError would print the message in quotes


class DomainError(IkunError):
    """A value outside the set on which the quantity is defined."""

    def __init__(self, name: str, given: object, allowed: str, advice: str = "") -> None:
        if isinstance(given, Fraction):  # what a user wrote as a decimal is held exactly
            given = f"{float(given):.12g}"
        super().__init__(f"{name} = {given} is not allowed; it must be {allowed}" + (f"; {advice}" if advice else ""))


class InfiniteExpectationError(IkunError):
    """E[g(X)] does not exist at this variance."""


class NoTheoryError(IkunError):
    """A setting that can be measured, but that the theory here does not cover."""


class NoSolutionError(IkunError):
    """The equation that a user asked to solve has no usable solution; `reason` says why."""

    def __init__(self, where: str, reason: str, advice: str) -> None:
        super().__init__(f"{where}: {reason}; {advice}")
        self.reason = reason
