"""A registry: the one place where entries of a kind are found by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from ..errors import IkunError, UnknownNameError


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Entries in the order of registration; names are case-insensitive and unique."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, entry: T) -> T:
        key = entry.name.lower()
        if key in self._entries:
            raise IkunError(f"{self.kind} {entry.name!r} is registered already; choose another name")
        self._entries[key] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Remove an entry (for tests and interactive work)."""
        del self._entries[self[name].name.lower()]

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name.lower()]
        except KeyError:
            raise UnknownNameError(self.kind, name, self.names()) from None

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._entries

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self)
