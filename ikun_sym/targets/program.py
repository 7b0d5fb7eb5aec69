"""The intermediate program that every target prints: functions of floats, written once.

Values are float64 numbers (or arrays of them, element by element). A function is straight-line code: names are bound to
expressions; a loop has a fixed number of turns and updates the names that it lists; a sum adds the values of another
function over integers. There is no other control flow, so targets for scalars and for arrays print the same program.
`Select` may evaluate both of its values; a `lazy` one should not.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Expression:
    """Base of all expressions: arithmetic operators, so that expressions are written like formulas."""

    def __add__(self, other: Expression) -> Expression:
        return Binary("+", self, other)

    def __sub__(self, other: Expression) -> Expression:
        return Binary("-", self, other)

    def __mul__(self, other: Expression) -> Expression:
        return Binary("*", self, other)

    def __truediv__(self, other: Expression) -> Expression:
        return Binary("/", self, other)

    def __neg__(self) -> Expression:
        return Negative(self)


@dataclass(frozen=True)
class Number(Expression):
    value: float


@dataclass(frozen=True)
class Name(Expression):
    text: str


@dataclass(frozen=True)
class Negative(Expression):
    of: Expression


@dataclass(frozen=True)
class Binary(Expression):
    """`symbol`: + − * /, or a comparison < <= >= ==, or & of two comparisons."""

    symbol: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Math(Expression):
    """A function that every target has: see `FUNCTIONS`."""

    function: str
    args: tuple[Expression, ...]


FUNCTIONS = ("exp", "log", "sqrt", "abs", "sin", "cos", "atan", "floor", "min", "max", "pow")


@dataclass(frozen=True)
class Call(Expression):
    """Another function of the program."""

    function: str
    args: tuple[Expression, ...]


@dataclass(frozen=True)
class Select(Expression):
    """`then` where `condition` holds, else `other`."""

    condition: Expression
    then: Expression
    other: Expression
    lazy: bool = False


@dataclass(frozen=True)
class Item(Expression):
    """table[stride · whole(row) + offset], `offset` the variable of a loop or a whole number."""

    table: str
    offset: str | int
    row: Expression | None = None
    stride: int = 0


@dataclass(frozen=True)
class Let:
    name: str
    value: Expression


@dataclass(frozen=True)
class Loop:
    """For `index` = start … stop − 1: `body`, in which the names of `state` get new values."""

    index: str
    start: int
    stop: int
    state: tuple[str, ...]
    body: tuple[Let, ...]


@dataclass(frozen=True)
class Sum:
    """`name` = Σ function(i, args) over i = 0 … count − 1. Where `when` fails the sum is 0 and need not be evaluated."""

    name: str
    function: str
    count: int
    args: tuple[Expression, ...]
    when: Expression | None = None


@dataclass(frozen=True)
class Span:
    """`name` = Σ function(n, args) over n = first … last, whole numbers that are known when it runs."""

    name: str
    function: str
    first: Expression
    last: Expression
    args: tuple[Expression, ...]


Statement = Let | Loop | Sum | Span


@dataclass(frozen=True)
class Function:
    """`defaults`: values for the last parameters. Only public functions are meant for users."""

    name: str
    params: tuple[str, ...]
    body: tuple[Statement, ...]
    result: Expression
    doc: str
    public: bool = False
    defaults: tuple[float, ...] = ()


@dataclass(frozen=True)
class Constant:
    name: str
    value: float
    comment: str


@dataclass(frozen=True)
class Table:
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Program:
    """`header`: comment lines, ASCII. `parameters`: names and defaults of the surrogate's parameters."""

    name: str
    header: tuple[str, ...]
    constants: tuple[Constant, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]
    parameters: tuple[tuple[str, float], ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)


def number(value: float) -> Number:
    return Number(float(value))


def apply(function: str, *args: Expression) -> Math:
    return Math(function, args)
