"""A claim: something that can be checked, written down so that it can be checked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sympy as sp

from ikun_sym.errors import IkunError
from ikun_sym.gaussian.enclosures.certify import Enclosure


class Refused(IkunError):
    """The claim is wrong, or it could not be decided. The message says which."""


@dataclass(frozen=True)
class Finding:
    """Result of a check: its mark (of `statement.MARKS`), the checker, what was done, and the number found."""

    mark: str
    checker: str
    details: tuple[str, ...] = ()
    enclosure: Enclosure | None = None


class Claim(Protocol):
    @property
    def symbols(self) -> set[sp.Symbol]:
        """The symbols whose assumptions the check may use."""
        ...

    @property
    def premises(self) -> tuple[Claim, ...]:
        """The earlier claims that it uses."""
        ...

    def check(self) -> Finding:
        """Check the claim. Raises Refused unless it is shown."""
        ...


class Standalone:
    """A claim that uses no assumptions of symbols and no earlier claims."""

    @property
    def symbols(self) -> set[sp.Symbol]:
        return set()

    @property
    def premises(self) -> tuple[Claim, ...]:
        return ()


def symbols_of(*exprs: sp.Basic) -> set[sp.Symbol]:
    return {s for expr in exprs for s in expr.free_symbols if isinstance(s, sp.Symbol)}
