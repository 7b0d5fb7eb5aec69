"""A registry: the one place where entries of a kind are looked up by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from ..errors import IkunError, UnknownNameError


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Entries in the order of registration. Names are unique; case is ignored, and `_` equals `-`. An entry may have
    `aliases`: names under which it is found but not listed."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._found: dict[str, T] = {}

    def register(self, entry: T) -> T:
        names = _names(entry)
        for name in names:
            if name in self._found:
                raise IkunError(f"{self.kind} {name!r} is registered already; choose another name")
        self._entries[names[0]] = entry
        self._found |= dict.fromkeys(names, entry)
        return entry

    def unregister(self, name: str) -> None:
        """Remove an entry (for tests and interactive work)."""
        names = _names(self[name])
        del self._entries[names[0]]
        for known in names:
            del self._found[known]

    def __getitem__(self, name: str) -> T:
        try:
            return self._found[_key(name)]
        except KeyError:
            raise UnknownNameError(self.kind, name, self.names()) from None

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._found

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self)


def _key(name: str) -> str:
    return name.lower().replace("_", "-")


def _names(entry: Named) -> list[str]:
    return [_key(name) for name in (entry.name, *getattr(entry, "aliases", ()))]
