"""From text to tokens, and the one-line errors that point at a character."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from ..errors import IkunError
from ..exact import exact
from .bounds_on_input import MAX_DIGITS


@dataclass(frozen=True)
class Token:
    kind: str  # number, name, op, end
    text: str
    at: int

    @property
    def end(self) -> int:
        return self.at + len(self.text)


NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)"
    rf"|(?P<name>{NAME})"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/(),<>&|])"
)
ALLOWED = "numbers, + - * / **, parentheses, x, pi, < <= > >=, & | and names of functions"


def fail(at: int, given: str, what: str) -> NoReturn:
    where = f"at character {at + 1} ({given[:20]!a})" if given else f"at character {at + 1} (the end)"
    raise IkunError(f"expression, {where}: {what}")


def scan(text: str) -> list[Token]:
    """The tokens of `text`, closed by one of kind `end`."""
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            fail(at, text[at], f"this character is not part of the grammar; allowed are {ALLOWED}")
        if match.lastgroup != "space":
            tokens.append(Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*tokens, Token("end", "", len(text))]


def read_number(digits: str, at: int, what: str) -> Fraction:
    """The exact number written at `at`, with the limits that keep it cheap."""
    if sum(c.isdigit() for c in digits) > MAX_DIGITS:
        fail(at, digits, f"a number of more than {MAX_DIGITS} digits; write fewer")
    try:
        return exact(digits, what)
    except IkunError as error:
        fail(at, digits, str(error))
