"""How values show themselves to people: in one line, and as a table of a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, ClassVar

LONG, LINE = 60, 320
"""Letters of a value, and of a whole line."""

FEW = 4
"""Numbers that are written out; of more, how many there are."""

ROWS = 24
"""Of a notebook's table; longer ones say what is left out."""


class Told:
    """For dataclasses: `repr` is one line. `shown`: the attributes in it, properties among them; none: the fields."""

    shown: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Told.__repr__  # else the dataclass makes one of every field

    def __repr__(self) -> str:
        line = ", ".join(f"{name}={brief(value)}" for name, value in _attributes(self))
        return f"{type(self).__name__}({cut(line, LINE)})"


class Result(Told):
    """What a function gives its user: in notebooks the attributes of the line, and a table of what it `listed`."""

    def listed(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def _repr_html_(self) -> str:
        parts = [_table([(name, brief(value)) for name, value in _attributes(self)])]
        rows = self.listed()
        if rows:
            body = [[brief(value) for value in row.values()] for row in rows[:ROWS]]
            parts.append(_table(body, head=rows[0].keys()))
        if len(rows) > ROWS:
            parts.append(f"<p>{ROWS} of {len(rows)} rows; to_dict() has all.</p>")
        return "".join(parts)


def _attributes(value: Told) -> Iterator[tuple[str, Any]]:
    names = value.shown or tuple(field.name for field in fields(value))  # type: ignore[arg-type]  # a dataclass, as it says
    for name in names:
        yield name, getattr(value, name)


def brief(value: Any) -> str:
    """A value as it is written among others."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return cut(value, LONG)
    if value is None or isinstance(value, bool | int):
        return str(value)
    if spec := getattr(value, "spec", ""):
        return cut(str(spec), LONG)
    if hasattr(value, "tolist"):
        shape = getattr(value, "shape", ())
        return brief(value.tolist()) if len(shape) <= 1 else f"array of {' × '.join(map(str, shape))}"
    if isinstance(value, Mapping | AbstractSet | list | tuple):
        short = isinstance(value, list | tuple) and len(value) <= FEW
        if short and all(isinstance(one, bool | int | float | str | None) for one in value):
            return f"[{', '.join(map(brief, value))}]"
        if short and all(hasattr(one, "name") for one in value):
            return f"[{', '.join(one.name for one in value)}]"
        return f"{len(value)} of them" if len(value) != 1 else "one"
    text = str(value) if not is_dataclass(value) or isinstance(value, Told) else type(value).__name__
    return cut(" ".join(text.split()), LONG)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _table(rows: Iterable[Iterable[str]], head: Iterable[str] = ()) -> str:
    def line(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    columns = list(head)
    begin = f"<thead>{line(columns, 'th')}</thead>" if columns else ""
    return f"<table>{begin}<tbody>{''.join(line(row, 'td') for row in rows)}</tbody></table>"
