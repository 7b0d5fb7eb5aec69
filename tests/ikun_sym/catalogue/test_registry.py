"""Registries: one name, one entry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import sympy as sp

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.piecewise import U, even
from ikun_sym.catalogue.registry import Registry
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.errors import IkunError, UnknownNameError


@dataclass(frozen=True)
class Entry:
    name: str
    aliases: tuple[str, ...] = ()


@pytest.fixture
def registry() -> Registry[Entry]:
    made: Registry[Entry] = Registry("entry")
    made.register(Entry("first-one", aliases=("one",)))
    made.register(Entry("second"))
    return made


@pytest.mark.parametrize("name", ["first-one", "FIRST_ONE", "first_one", "One"])
def test_found_under_every_spelling(registry: Registry[Entry], name: str) -> None:
    assert registry[name].name == "first-one"
    assert name in registry


def test_listed_once_and_in_order(registry: Registry[Entry]) -> None:
    assert registry.names() == ("first-one", "second")
    assert len(registry) == 2


@pytest.mark.parametrize("entry", [Entry("ONE"), Entry("third", aliases=("Second",)), Entry("first_one")])
def test_taken_names_are_refused_and_change_nothing(registry: Registry[Entry], entry: Entry) -> None:
    with pytest.raises(IkunError, match="registered already"):
        registry.register(entry)
    assert registry.names() == ("first-one", "second")
    assert "third" not in registry


def test_unregistered_entries_are_gone_with_their_aliases(registry: Registry[Entry]) -> None:
    registry.unregister("one")
    assert registry.names() == ("second",)
    assert "one" not in registry
    registry.register(Entry("one"))


def test_near_misses_are_suggested(registry: Registry[Entry]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean second"):
        registry["secnd"]
    with pytest.raises(UnknownNameError, match="known: first-one, second"):
        registry["zzz"]


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        (sp.Symbol("slope"), "its symbol slope is not that of its parameter slope, which is a positive number"),
        (sp.Symbol("width", positive=True), "undeclared symbol width"),
    ],
)
def test_a_symbol_is_that_of_a_parameter(symbol: sp.Symbol, message: str) -> None:
    with pytest.raises(IkunError, match=message):
        Surrogate(name="novel", params=(Param("slope", 1),), derivative=even(sp.exp(-symbol * U)), summary="")
