"""A user's own surrogate derivative f'(x), read from text: `expr:1/(1+k*abs(x))**2;k=25`.

The text is never executed. A tokenizer and a precedence parser make a small tree of frozen nodes; the tree is then
resolved on each half-line x = +u and x = -u, u > 0, into smooth pieces. The rule of the resolution: on an interval on
which the argument g of every abs, sign, heaviside, min, max, floor and comparison keeps its sign, each of them is a
smooth function. An interval on which some g has a zero is split there and resolved again, innermost arguments first.

Precedence, loosest first: `|`, `&`, comparisons (which may be chained), `+ -`, `* /`, unary `-`, `**` (to the right).
So, unlike in Python, `x > 0 & x < 1` means `(x > 0) & (x < 1)`.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NoReturn

import mpmath
import sympy as sp

from .catalogue.piecewise import Piece, PiecewiseFunction, U
from .catalogue.surrogate import Surrogate
from .errors import IkunError
from .exact import exact

MAX_LENGTH, MAX_DEPTH, MAX_NODES, MAX_DIGITS = 2000, 60, 500, 60
MAX_EXPONENT, MAX_ROOT = 64, 1000
MAX_BITS = 4096  # of a number, and of the largest coefficient times degree that powers can build up
MAX_PIECES = 200  # on one half-line
MAX_WORK = 40_000  # nodes resolved, over all intervals: bounds the time, and is the same on every machine
MAX_TERMS = 200  # of a sum that is expanded
MAX_DEGREE = 16  # of a polynomial that is factored to find breakpoints
MAX_IRRATIONAL_DEGREE = 6  # of one with irrational coefficients
MAX_CONSTANT_EXPONENT = 10_000  # |c| in exp(c + ...)
MAX_IRRATIONALS = 4  # in a nonlinear sum
MAX_CONSTANT_SIZE = 24  # nodes of an irrational constant
MAX_EXPONENT_SIZE = 40  # nodes of an exponent that is pulled out of a sum
LARGEST = 1e300  # breakpoint, its inverse, and irrational constant
SAFE = 30  # |w| up to which exp(w), and small powers of it, may be written with either sign of the exponent


def parse_surrogate(text: str) -> Surrogate:
    """The surrogate whose derivative is `text`, with the values of `;name=number` put in exactly."""
    if not isinstance(text, str):
        raise IkunError(f"expression is a {type(text).__name__}, not text; write it like '1/(1+k*abs(x))**2;k=25'")
    if len(text) > MAX_LENGTH:
        raise IkunError(f"expression of {len(text)} characters is too long; at most {MAX_LENGTH} are allowed")
    try:
        tree = _Parser(text).parse()
        derivative = PiecewiseFunction(tuple(p for side in (1, -1) for p in _Resolver(text, tree, side).pieces()))
    except RecursionError:
        raise IkunError(f"expression {_short(text)} is nested too deeply; write it with fewer nested functions") from None
    return Surrogate(name="expr:" + " ".join(text.split()), derivative=derivative, summary="given by the user as an expression")


def _short(text: str, length: int = 60) -> str:
    """`text` for a message: one line, ASCII, quoted, cut."""
    return ascii(text if len(text) <= length else text[: length - 1] + "~")


# ---------------------------------------------------------------------------------------------------------- the tree


@dataclass(frozen=True)
class _Node:
    """`at` and `end` delimit the text that it came from."""

    at: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def weight(self) -> int:
        """Bounds the bits of the coefficients, and the degree, that sympy would compute for the node."""
        return 1


@dataclass(frozen=True)
class _Num(_Node):
    value: Fraction

    @property
    def weight(self) -> int:
        return _bits(self.value)


@dataclass(frozen=True)
class _X(_Node):
    pass


@dataclass(frozen=True)
class _Pi(_Node):
    pass


@dataclass(frozen=True)
class _Many(_Node):
    args: tuple[_Node, ...]
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


class _Sum(_Many):
    pass


class _Product(_Many):
    pass


@dataclass(frozen=True)
class _Power(_Node):
    base: _Node
    exponent: Fraction
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


@dataclass(frozen=True)
class _Call(_Many):
    name: str


@dataclass(frozen=True)
class _Truth(_Node):
    value: bool


@dataclass(frozen=True)
class _Compare(_Node):
    op: str
    left: _Node
    right: _Node


@dataclass(frozen=True)
class _Logic(_Node):
    op: str
    args: tuple[_Node, ...]


@dataclass(frozen=True)
class _Cases(_Node):
    cases: tuple[tuple[_Node, _Node], ...]
    size: int = field(compare=False)

    @property
    def weight(self) -> int:
        return self.size


_CONDITION = (_Truth, _Compare, _Logic)


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


# ------------------------------------------------------------------------------------------------------- the scanner


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, op, end
    text: str
    at: int

    @property
    def end(self) -> int:
        return self.at + len(self.text)


_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/(),<>&|])"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALLOWED = "numbers, + - * / **, parentheses, x, pi, < <= > >=, & | and the functions"


def _fail(at: int, given: str, what: str) -> NoReturn:
    where = f"at character {at + 1} ({given[:20]!a})" if given else f"at character {at + 1} (the end)"
    raise IkunError(f"expression, {where}: {what}")


def _scan(text: str) -> list[_Token]:
    """The tokens of `text`, closed by one of kind `end`."""
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _fail(at, text[at], f"this character is not part of the grammar; allowed are {_ALLOWED} {_function_names()}")
        if match.lastgroup != "space":
            tokens.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _number(digits: str, at: int, what: str) -> Fraction:
    """The exact number written at `at`, with the limits that keep it cheap."""
    if sum(c.isdigit() for c in digits) > MAX_DIGITS:
        _fail(at, digits, f"a number of more than {MAX_DIGITS} digits; write fewer")
    try:
        return exact(digits, what)
    except IkunError as error:
        _fail(at, digits, str(error))


def _declared(text: str, start: int) -> dict[str, Fraction]:
    """The parameters `name=number;name=number` in text[start:]."""
    found: dict[str, Fraction] = {}
    for part in text[start:].split(";"):
        at = start + len(part) - len(part.lstrip())
        name, equals, digits = (piece.strip() for piece in part.partition("="))
        if not equals or not _NAME.fullmatch(name):
            _fail(at, part.strip(), "this is not a parameter; after ';' write name=number, as in ';k=2;c=3'")
        if name in ("x", "pi") or name.lower() in _RESERVED:
            _fail(at, name, "this name has a meaning already; choose another name for the parameter")
        if name in found:
            _fail(at, name, "this parameter is given twice; keep one of them")
        found[name] = _number(digits, start + part.index("=") + 1, f"parameter {name}")
        start += len(part) + 1
    return found


# -------------------------------------------------------------------------------------------------------- the parser

_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}
_BINDING = {"|": 1, "&": 2, **dict.fromkeys(_COMPARISONS, 3), "+": 4, "-": 4, "*": 5, "/": 5, "**": 7}
_UNARY = 6


class _Parser:
    """Precedence climbing. Sums and products are kept flat, so that depth is the user's own nesting."""

    def __init__(self, text: str) -> None:
        self.text, semicolon, _ = text.partition(";")
        self.params = _declared(text, len(self.text) + 1) if semicolon else {}
        self.used: set[str] = set()
        self.tokens = _scan(self.text)
        self.index = self.depth = self.nodes = 0

    def parse(self) -> _Node:
        if self.here.kind == "end":
            raise IkunError("expression is empty; write f'(x), for example '1/(1+k*abs(x))**2;k=25'")
        node = self.value()
        if self.here.kind != "end":
            self.unexpected()
        unused = [name for name in self.params if name not in self.used]
        if unused:
            raise IkunError(f"expression does not use its parameter {unused[0]!r}; remove ';{unused[0]}=...' or use it")
        return node

    # -- tokens

    @property
    def here(self) -> _Token:
        return self.tokens[self.index]

    def take(self) -> _Token:
        token = self.here
        self.index += 1
        return token

    def expect(self, op: str, why: str) -> _Token:
        if self.here.text != op:
            _fail(self.here.at, self.here.text, f"{op!r} is expected {why}")
        return self.take()

    def unexpected(self) -> NoReturn:
        token, before = self.here, self.tokens[self.index - 1] if self.index else None
        advice = "an operator is expected" if before else f"allowed are {_ALLOWED} {_function_names()}"
        if token.text in ("==", "!="):
            advice = "equality holds on no interval; use < <= > >="
        elif token.text == ")":
            advice = "this parenthesis was never opened"
        elif token.kind in ("number", "name") or token.text == "(":
            advice = "an operator is missing before this; write a product with '*', as in 2*x"
        _fail(token.at, token.text, advice)

    # -- grammar

    def value(self) -> _Node:
        return self.typed(self.expression(0), condition=False)

    def typed(self, node: _Node, condition: bool) -> _Node:
        """`node`, refused if it is a number where a condition must be or the reverse."""
        if isinstance(node, _CONDITION) is not condition:
            what = (
                "a condition such as abs(x)<1 or True is needed here"
                if condition
                else "a condition is not a number; use heaviside(...) or piecewise((value, condition), (0, True))"
            )
            _fail(node.at, self.text[node.at : node.end], what)
        return node

    def expression(self, floor: int) -> _Node:
        """The longest expression from here whose operators all bind tighter than `floor`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _fail(self.here.at, self.here.text, f"nested deeper than {MAX_DEPTH} levels; write it flatter")
        left = self.prefix()
        while (binding := _BINDING.get(self.here.text, 0)) > floor:
            left = _INFIX[self.here.text](self, left, binding)
        self.depth -= 1
        return left

    def prefix(self) -> _Node:
        token = self.here
        if token.kind == "number":
            self.take()
            return self.count(_Num(token.at, token.end, _number(token.text, token.at, "number")))
        if token.kind == "name":
            return self.named(self.take())
        if token.text in ("-", "+"):
            self.take()
            operand = self.typed(self.expression(_UNARY), condition=False)
            return self.product((_Num(token.at, token.at, Fraction(-1)), operand)) if token.text == "-" else operand
        if token.text == "(":
            self.take()
            inner = self.expression(0)
            closed = self.expect(")", f"to close the '(' at character {token.at + 1}")
            return replace(inner, at=token.at, end=closed.end)
        if token.kind == "end":
            _fail(token.at, "", "the expression stops too early; a number, name or '(' is expected")
        _fail(token.at, token.text, "a number, name or '(' is expected here")

    def named(self, token: _Token) -> _Node:
        """x, pi, True, a parameter, or the call of a function."""
        at, end, name = token.at, token.end, token.text
        if self.here.text == "(" and name not in self.params:
            return self.call(token)
        if name in _CONSTANTS:
            return self.count(_CONSTANTS[name](at, end))
        if name in self.params:
            self.used.add(name)
            return self.count(_Num(at, end, self.params[name]))
        if name.lower() in _TRUTHS:
            return self.count(_Truth(at, end, _TRUTHS[name.lower()]))
        if name.lower() in _RESERVED:
            _fail(at, name, f"this is a function; write its argument in parentheses, as in {name.lower()}(x)")
        declared = "".join(f", {other}" for other in self.params)
        advice = "write exp(1)" if name == "E" else f"declare a parameter at the end, as in ';{name[:20]}=2'"
        _fail(at, name, f"unknown name; the names are x, pi{declared}; {advice}")

    def call(self, token: _Token) -> _Node:
        name = token.text.lower()
        if name not in _RESERVED or name in _TRUTHS:
            near = difflib.get_close_matches(name, [n for n in _RESERVED if n not in _TRUTHS], n=2, cutoff=0.6)
            hint = f"did you mean {' or '.join(near)}?" if near else f"the functions are {_function_names()}"
            _fail(token.at, token.text, f"unknown function; {hint}")
        if name == "piecewise":
            return self.cases(token)
        opened = self.take()
        args = [self.value()] if self.here.text != ")" else []
        while self.here.text == ",":
            self.take()
            args.append(self.value())
        closed = self.expect(")", f"to close the '(' at character {opened.at + 1}")
        low, high, wanted = _FUNCTIONS[name].least, _FUNCTIONS[name].most, _FUNCTIONS[name].arity
        if not low <= len(args) <= high:
            _fail(token.at, token.text, f"{name} takes {wanted}, not {len(args)}")
        size = _FUNCTIONS[name].copies * sum(a.weight for a in args) + 1
        if _FUNCTIONS[name].copies > 1 and size > MAX_BITS:
            _fail(token.at, token.text, f"written with exp this is too large; use fewer nested {name} or shorter arguments")
        return self.count(_Call(token.at, closed.end, tuple(args), size, name))

    def cases(self, token: _Token) -> _Node:
        """piecewise((value, condition), ..., (value, True)); the first condition that holds decides."""
        opened, found = self.take(), []
        while True:
            self.expect("(", "before each (value, condition) of piecewise")
            value = self.value()
            self.expect(",", "between the value and the condition of piecewise")
            condition = self.expression(0)
            if self.here.text in ("==", "!="):
                self.unexpected()
            found.append((value, self.typed(condition, condition=True)))
            self.expect(")", "after each (value, condition) of piecewise")
            if self.here.text != ",":
                break
            self.take()
        closed = self.expect(")", f"to close the '(' at character {opened.at + 1}")
        if not (isinstance(found[-1][1], _Truth) and found[-1][1].value):
            _fail(
                token.at,
                token.text,
                "piecewise has no value outside its conditions; end it with (value, True), as in (0, True)",
            )
        return self.count(_Cases(token.at, closed.end, tuple(found), max(v.weight for v, _ in found) + 1))

    # -- nodes

    def count(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            _fail(
                node.at, self.text[node.at : node.end], f"the expression has more than {MAX_NODES} parts; write a shorter one"
            )
        return node

    def many(self, kind: type[_Many], args: Sequence[_Node], fold: Callable[[Fraction, Fraction], Fraction]) -> _Node:
        """A flat sum or product; numbers are added or multiplied at once, so that 1/2 is a number."""
        at, end = min(a.at for a in args), max(a.end for a in args)
        if all(isinstance(a, _Num) for a in args):
            value = args[0].value  # type: ignore[attr-defined]
            for other in args[1:]:
                value = fold(value, other.value)  # type: ignore[attr-defined]
            if _bits(value) > MAX_BITS:
                _fail(at, self.text[at:end], f"a number of more than {MAX_BITS} bits; write a smaller one")
            return self.count(_Num(at, end, value))
        flat = tuple(part for a in args for part in (a.args if isinstance(a, kind) else (a,)))
        return self.count(kind(at, end, flat, sum(a.weight for a in flat)))

    def product(self, args: Sequence[_Node]) -> _Node:
        return self.many(_Product, args, lambda a, b: a * b)

    def power(self, base: _Node, exponent: Fraction, end: int) -> _Node:
        """base**exponent, refused before anything is computed if it could be large."""
        shown = self.text[base.at : end]
        if abs(exponent) > MAX_EXPONENT or exponent.denominator > MAX_ROOT:
            given = str(exponent) if _bits(exponent) < 60 else "this"
            bounds = f"at most {MAX_EXPONENT} in magnitude, with a denominator up to {MAX_ROOT}"
            _fail(base.at, shown, f"{given} is not allowed as an exponent; {bounds}")
        size = base.weight * max(1, math.ceil(abs(exponent)))
        if size > MAX_BITS:
            _fail(base.at, shown, f"this power is too large (over {MAX_BITS} bits, or that degree); use a smaller one")
        if isinstance(base, _Num):
            if base.value == 0 and exponent < 0:
                _fail(base.at, shown, "division by zero; the denominator must not be 0")
            if exponent.denominator == 1:
                return self.count(_Num(base.at, end, base.value**exponent.numerator))
        return self.count(_Power(base.at, end, base, exponent, size))

    # -- infix operators

    def infix_sum(self, left: _Node, binding: int) -> _Node:
        token = self.take()
        right = self.operand(left, binding)
        if token.text == "-":
            right = self.product((_Num(right.at, right.at, Fraction(-1)), right))
        return self.many(_Sum, (left, right), lambda a, b: a + b)

    def infix_product(self, left: _Node, binding: int) -> _Node:
        token = self.take()
        right = self.operand(left, binding)
        if token.text == "/":
            right = self.power(right, Fraction(-1), right.end)
        return self.product((left, right))

    def infix_power(self, left: _Node, binding: int) -> _Node:
        self.take()
        right = self.operand(left, _UNARY - 1)  # so that 2**3**2 = 2**(3**2) and 2**-1 are read
        if not isinstance(right, _Num):
            _fail(
                right.at, self.text[right.at : right.end], "an exponent must be a rational number; write a**b as exp(b*log(a))"
            )
        return self.power(left, right.value, right.end)

    def operand(self, left: _Node, binding: int) -> _Node:
        self.typed(left, condition=False)
        return self.typed(self.expression(binding), condition=False)

    def infix_compare(self, left: _Node, binding: int) -> _Node:
        """a < b, and a < b <= c as (a < b) & (b <= c)."""
        found = []
        while self.here.text in _COMPARISONS:
            op = self.take().text
            right = self.operand(left, binding)
            found.append(self.count(_Compare(left.at, right.end, op, left, right)))
            left = right
        return found[0] if len(found) == 1 else _Logic(found[0].at, found[-1].end, "&", tuple(found))

    def infix_logic(self, left: _Node, binding: int) -> _Node:
        op = self.take().text
        left = self.typed(left, condition=True)
        right = self.typed(self.expression(binding), condition=True)
        flat = tuple(part for a in (left, right) for part in (a.args if isinstance(a, _Logic) and a.op == op else (a,)))
        return self.count(_Logic(left.at, right.end, op, flat))


_INFIX: dict[str, Callable[[_Parser, _Node, int], _Node]] = {
    **dict.fromkeys("+-", _Parser.infix_sum),
    **dict.fromkeys("*/", _Parser.infix_product),
    **dict.fromkeys(_COMPARISONS, _Parser.infix_compare),
    **dict.fromkeys("&|", _Parser.infix_logic),
    "**": _Parser.infix_power,
}
_CONSTANTS: dict[str, type[_Node]] = {"x": _X, "pi": _Pi}
_TRUTHS = {"true": True, "false": False}


# --------------------------------------------------------------------------------------------------- numeric values


class _Undecided(Exception):
    """A number that cannot be told from zero, or is not real and finite, or is out of reach."""


def _context(digits: int) -> Any:
    context = mpmath.MPContext()
    context.dps = digits
    return context


_CONTEXTS = tuple(_context(digits) for digits in (50, 100, 250, 500))
_LARGEST_ARGUMENT = {sp.exp: 1e300, sp.sin: 1e300, sp.cos: 1e300, sp.erf: 1e100, sp.erfc: 1e100}
_NUMERIC = {sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.erf: "erf", sp.erfc: "erfc"}


def _evaluate(expr: Any, at: Any, mp: Any) -> Any:
    """`expr` at u = `at` in the context `mp`. sympy's own evaluation has no guard against exp(exp(exp(9)))."""
    if expr is U:
        return at
    if expr.is_Rational:
        return mp.mpf(int(expr.p)) / int(expr.q)
    if expr is sp.pi:
        return +mp.pi
    if expr is sp.E:
        return mp.exp(1)
    if not expr.args or not (expr.is_Add or expr.is_Mul or expr.is_Pow or expr.func in _NUMERIC):  # an infinity, or nan
        raise _Undecided
    values = [_evaluate(arg, at, mp) for arg in expr.args]
    if expr.is_Add:
        return mp.fsum(values)
    if expr.is_Mul:
        return mp.fprod(values)
    if expr.is_Pow:
        return _evaluated_power(values[0], values[1], expr.exp, mp)
    limit = _LARGEST_ARGUMENT.get(expr.func)
    if (limit and abs(values[0]) > limit) or (expr.func is sp.log and values[0] <= 0):
        raise _Undecided
    return getattr(mp, _NUMERIC[expr.func])(values[0])


def _evaluated_power(base: Any, exponent: Any, symbolic: Any, mp: Any) -> Any:
    if (base == 0 and exponent <= 0) or (base < 0 and not symbolic.is_Integer) or abs(exponent) > 1e300:
        raise _Undecided
    return base ** int(symbolic) if symbolic.is_Integer else mp.power(base, exponent)


def _value(expr: sp.Expr, at: sp.Expr | int = 0, absolute: bool = False) -> Any:
    """`expr` at u = `at` to 30 digits, by raising the precision until two results agree; `absolute`: or both are tiny."""
    last = None
    for mp in _CONTEXTS:
        try:
            now = _evaluate(expr, _evaluate(sp.sympify(at), None, mp), mp)
        except (ZeroDivisionError, ValueError, OverflowError):
            raise _Undecided from None
        if not mp.isfinite(now):
            raise _Undecided
        if last is not None and abs(now - last) <= max(abs(now), 1 if absolute else 0) * mp.mpf("1e-30"):
            return now
        last = now
    raise _Undecided


def _sign(expr: sp.Expr, at: sp.Expr | int = 0) -> int:
    """The sign of `expr` at u = `at`; _Undecided if it is too close to zero to tell."""
    if expr.is_Rational:
        return int(sp.sign(expr))
    value = _value(expr, at)
    if value == 0 and U in expr.free_symbols:  # true at this one point only, perhaps
        raise _Undecided
    return int(value > 0) - int(value < 0)


def _compare(a: sp.Expr, b: sp.Expr) -> int:
    """-1, 0 or 1 as a <, =, > b. Exact for rationals and infinity; irrationals that agree to 50 digits are equal."""
    if a == b:
        return 0
    if sp.oo in (a, b):
        return 1 if a is sp.oo else -1
    if a.is_Rational and b.is_Rational:
        return 1 if a > b else -1
    left, right = _value(a), _value(b)
    if abs(left - right) <= max(abs(left), abs(right)) * _CONTEXTS[0].mpf("1e-29"):
        exact_left, exact_right = (_evaluate(c, None, _CONTEXTS[-1]) for c in (a, b))
        if abs(exact_left - exact_right) <= max(abs(left), abs(right)) * _CONTEXTS[-1].mpf("1e-50"):
            return 0
        left, right = exact_left, exact_right
    return 1 if left > right else -1


# ------------------------------------------------------------------------------------------------- bounds on a range

_Range = tuple[float, float]
_EVERYWHERE: _Range = (-math.inf, math.inf)


def _wider(lo: float, hi: float) -> _Range:
    """Outwards by more than the rounding of one operation in double precision; a lower end is never +infinity."""
    if math.isnan(lo) or math.isnan(hi):
        return _EVERYWHERE
    lo, hi = min(lo, sys.float_info.max), max(hi, -sys.float_info.max)
    return lo - abs(lo) * 1e-12 if math.isfinite(lo) else lo, hi + abs(hi) * 1e-12 if math.isfinite(hi) else hi


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _range_product(a: _Range, b: _Range) -> _Range:
    ends = [_times(p, q) for p in a for q in b]
    return _wider(min(ends), max(ends))


def _range_power(base: _Range, exponent: Any) -> _Range:
    """The range of base**exponent; everything where 0 is a pole inside."""
    lo, hi, n = *base, float(exponent)
    if n < 0:
        return _range_reciprocal(*_range_power(base, -exponent))
    if not exponent.is_Integer:
        return _wider(_pow(max(lo, 0.0), n), _pow(max(hi, 0.0), n))
    ends = [_pow(lo, int(n)), _pow(hi, int(n))]
    least = 0.0 if int(n) % 2 == 0 and lo <= 0 <= hi else min(ends)
    return _wider(least, max(ends))


def _range_reciprocal(lo: float, hi: float) -> _Range:
    if lo < 0 < hi or lo == hi == 0:
        return _EVERYWHERE
    if lo >= 0:
        return _wider(1 / hi, 1 / lo if lo else math.inf)
    return _wider(1 / hi if hi else -math.inf, 1 / lo)


def _pow(base: float, n: float) -> float:
    try:
        return base**n
    except OverflowError:
        return -math.inf if base < 0 and n % 2 == 1 else math.inf


def _float_exp(w: float) -> float:
    return math.inf if w > 700 else math.exp(w)


_RANGES: dict[Any, Callable[[float, float], _Range]] = {
    sp.exp: lambda lo, hi: (_float_exp(lo), _float_exp(hi) if hi > -700 else 1e-300),
    sp.log: lambda lo, hi: (math.log(lo) if lo > 0 else -math.inf, math.log(hi) if hi > 0 else math.inf),
    sp.sin: lambda lo, hi: (-1.0, 1.0),
    sp.cos: lambda lo, hi: (-1.0, 1.0),
    sp.erf: lambda lo, hi: (math.erf(lo), math.erf(hi)),
    sp.erfc: lambda lo, hi: (math.erfc(hi), math.erfc(lo)),
}


def _range(expr: Any, u: _Range) -> _Range:
    """An interval that contains `expr` for all u in the interval `u` (interval arithmetic: rigorous, not tight)."""
    if expr is U:
        return u
    if expr.is_Rational:
        return _wider(_float(expr), _float(expr))
    if expr.is_NumberSymbol:
        return _wider(float(expr), float(expr))
    if expr.is_Add:
        parts = [_range(arg, u) for arg in expr.args]
        total = sum(max(abs(a), abs(b)) for a, b in parts) * 1e-12
        slack = total if math.isfinite(total) else 0.0
        return _wider(sum(a for a, _ in parts) - slack * any(a for a, _ in parts), sum(b for _, b in parts) + slack)
    if expr.is_Mul:
        result: _Range = (1.0, 1.0)
        for arg in expr.args:
            result = _range_product(result, _range(arg, u))
        return result
    if expr.is_Pow:
        if expr.exp.is_Rational:
            return _range_power(_range(expr.base, u), expr.exp)
        return _wider(*_RANGES[sp.exp](*_range(_exponential(expr), u)))
    return _wider(*_RANGES[expr.func](*_range(expr.args[0], u))) if expr.func in _RANGES else _EVERYWHERE


# ---------------------------------------------------------------------------------------------------- where g(u) = 0


def _exponential(f: Any) -> sp.Expr | None:
    """w where f = exp(w); sympy writes exp(u*log(2)) as 2**u and exp(u*log(u)) as u**u."""
    if isinstance(f, sp.exp):
        return f.args[0]  # type: ignore[return-value]
    return f.exp * sp.log(f.base) if f.is_Pow and not f.exp.is_Rational else None


def _exp(w: Any) -> Any:
    """exp(w), _Undecided where sympy would compute with a huge power: it turns exp(c*log(b)) into b**c, and exp(c + u)
    into the power c of a generator of polynomials."""
    for term in sp.Add.make_args(w):
        constant, rest = term.as_independent(U)
        if rest == 1 and abs(_value(constant)) > MAX_CONSTANT_EXPONENT:
            raise _Undecided
        for log in (f for f in sp.Mul.make_args(term) if isinstance(f, sp.log) and rest != 1):
            _check_exponent(term / log)
    return sp.exp(w)


def _check_exponent(exponent: Any) -> None:
    """_Undecided if b**exponent, b not a number or exponent not constant, could contain a power above the limit."""
    if U not in exponent.free_symbols:
        if abs(_value(exponent)) > MAX_EXPONENT:
            raise _Undecided
    elif exponent.has(sp.Add) and math.prod(max(abs(int(a.p)), 1) for a in exponent.atoms(sp.Rational)) > MAX_EXPONENT:
        raise _Undecided


class _Unlocated(Exception):
    """The zeros of an expression that cannot be written down exactly."""


def _zeros(g: Any) -> frozenset[sp.Expr]:
    """A finite set that contains every u > 0 at which `g` changes sign, g being continuous between its poles, whose
    zeros of the denominator are included."""
    if U not in g.free_symbols or g is U or isinstance(g, sp.erfc) or _exponential(g) is not None:
        return frozenset()
    if g.is_Mul:
        return frozenset().union(*(_zeros(factor) for factor in g.args))
    if g.is_Pow and g.exp.is_Rational:
        return _zeros(g.base)
    if isinstance(g, sp.log):
        return _zeros(g.args[0] - 1)
    if isinstance(g, sp.erf):
        return _zeros(g.args[0])
    if g.is_Add:
        return _zeros_of_sum(g)
    raise _Unlocated


def _degree(g: Any) -> float:
    """An upper bound of the degree of g in u after all fractions are brought together, whatever the functions in it."""
    if U not in g.free_symbols:
        return 0
    if g is U:
        return 1
    if g.is_Pow and g.exp.is_Rational:
        return float(abs(g.exp)) * _degree(g.base)
    if g.is_Add and not any(p.exp.is_negative for p in g.atoms(sp.Pow)):
        return max(_degree(arg) for arg in g.args)
    return sum(_degree(arg) for arg in g.args) if g.is_Add or g.is_Mul else 1


def _zeros_of_sum(g: Any) -> frozenset[sp.Expr]:
    if _degree(g) > MAX_DEGREE:
        raise _Unlocated
    root = math.lcm(*(int(p.exp.q) for p in g.atoms(sp.Pow) if p.base is U and p.exp.is_Rational), 1)
    if root > MAX_DEGREE:
        raise _Unlocated
    if root > 1:  # u = v**root makes a polynomial of sqrt(u) - 1 and its like
        powers = {p: U ** (p.exp * root) for p in g.atoms(sp.Pow) if p.base is U and p.exp.is_Rational}
        g = g.xreplace({**powers, U: U**root})
        if _degree(g) > MAX_DEGREE or any(p.base is U and not p.exp.is_Integer for p in g.atoms(sp.Pow)):
            raise _Unlocated
    names: dict[Any, sp.Dummy] = {}
    fraction = sp.fraction(sp.together(_masked(g, names)))
    top, bottom = (_unmasked(part, names) for part in fraction)
    return frozenset(zero**root for zero in _zeros_of_part(top) | _zeros_of_part(bottom))


def _terms(g: Any) -> int:
    """An upper bound of the number of terms of the expanded g: a power of a sum of many terms must not be expanded."""
    if g.is_Add:
        return sum(map(_terms, g.args))
    if g.is_Pow and g.exp.is_Integer:
        terms, n = _terms(g.base), abs(int(g.exp))
        return math.comb(terms + n - 1, n) if terms > 1 else 1
    return math.prod(map(_terms, g.args)) if g.is_Mul else 1


def _masked(g: Any, names: dict[Any, sp.Dummy]) -> Any:
    """g with everything but sums, products, integer powers and rationals replaced by plain symbols: sympy's algebra then
    has no functions to look into and no signs to find out, which can take it forever."""
    if g.is_Rational:
        return g
    if g.is_Add or g.is_Mul:
        return g.func(*(_masked(arg, names) for arg in g.args))
    if g.is_Pow and g.exp.is_Integer:
        return _masked(g.base, names) ** g.exp
    return names.setdefault(g, sp.Dummy())


def _unmasked(g: Any, names: dict[Any, sp.Dummy]) -> Any:
    return g.xreplace({dummy: hidden for hidden, dummy in names.items()})


def _irrationals(g: Any) -> int:
    """How many different irrational constants the coefficients of g contain."""
    names: dict[Any, sp.Dummy] = {}
    _masked(g, names)
    return sum(U not in hidden.free_symbols for hidden in names)


def _has_long_exponent(g: Any) -> bool:
    """Whether g contains a constant like exp(123456789/100000000): to sympy's polynomials it is the power 123456789 of
    exp(1/100000000), and they are dense."""
    constants = (f for f in g.atoms(sp.exp, sp.Pow) if U not in f.free_symbols)
    terms = (term for f in constants for term in sp.Add.make_args(f.exp))  # type: ignore[attr-defined]
    return any(abs(int(term.as_coeff_Mul()[0].p)) > MAX_CONSTANT_EXPONENT for term in terms)


def _expanded(g: Any) -> Any:
    if _degree(g) > (MAX_IRRATIONAL_DEGREE if _irrationals(g) else MAX_DEGREE) or _terms(g) > MAX_TERMS:
        raise _Unlocated
    names: dict[Any, sp.Dummy] = {}
    return _unmasked(sp.expand(_masked(g, names)), names)


def _zeros_of_part(g: Any) -> frozenset[sp.Expr]:
    """The zeros of a numerator or denominator."""
    if not g.is_Add:
        return _zeros(g)
    g = _expanded(g)
    if not g.is_Add:
        return _zeros(g)
    coefficients: dict[int, sp.Expr] = {}
    for term in g.args:
        scale, f = term.as_independent(U)
        n = f.as_base_exp()[1] if f != 1 else sp.S.Zero
        if f != 1 and (f.as_base_exp()[0] is not U or not n.is_Integer):
            return _zeros_by_inverse(g)
        coefficients[int(n)] = coefficients.get(int(n), sp.S.Zero) + scale
    shift = min(coefficients)
    return _zeros_of_polynomial({n - shift: c for n, c in coefficients.items()})


def _zeros_of_polynomial(coefficients: dict[int, sp.Expr]) -> frozenset[sp.Expr]:
    """Real zeros in radicals: degree up to 2, a*u**n + b, and products of such over the rationals."""
    degree = max(coefficients)
    a, c = coefficients[degree], coefficients[0]
    if degree == 0:
        return frozenset()
    if len(coefficients) == 2:
        ratio = -c / a
        return frozenset([ratio ** sp.Rational(1, degree)]) if _decided(ratio) > 0 else frozenset()
    if degree == 2:
        return _zeros_of_quadratic(a, coefficients[1], c)
    if not all(c.is_Rational and int(c.p).bit_length() + int(c.q).bit_length() < 1024 for c in coefficients.values()):  # type: ignore[attr-defined]
        raise _Unlocated
    poly = sp.Poly(coefficients, U)
    factors = [factor for factor, _ in poly.factor_list()[1]]
    if len(factors) > 1 or factors[0].degree() < degree:
        parts = ({n: c for (n,), c in factor.terms()} for factor in factors if factor.as_expr() != U)
        return frozenset().union(*map(_zeros_of_polynomial, parts))
    if poly.count_roots(0, None):  # Sturm's theorem
        raise _Unlocated
    return frozenset()


def _zeros_of_quadratic(a: sp.Expr, b: sp.Expr, c: sp.Expr) -> frozenset[sp.Expr]:
    discriminant = b**2 - 4 * a * c
    if _decided(discriminant) < 0:
        return frozenset()
    return frozenset((-b + s * sp.sqrt(discriminant)) / (2 * a) for s in (1, -1))


def _zeros_by_inverse(g: Any) -> frozenset[sp.Expr]:
    """A*exp(p) + B*exp(q) = 0 where p - q = log(-B/A); A + B*log(p) = 0 where p = exp(-A/B)."""
    if not _is_small(g):
        raise _Unlocated
    logs = [(c, f) for c, f in (term.as_independent(U) for term in g.args) if isinstance(f, sp.log)]
    rest = g - sum((c * f for c, f in logs), sp.S.Zero)
    if len(logs) == 1 and U not in rest.free_symbols:
        [(scale, log)] = logs
        if _decided(rest / scale + 500) < 0 or _decided(rest / scale - 500) > 0:  # exp of it is out of range
            raise _Unlocated
        return _zeros(log.args[0] - _exp(-rest / scale))
    grouped: dict[sp.Expr, sp.Expr] = {}
    for term in g.args:
        scale, f = term.as_independent(U)
        power = sp.S.Zero if f == 1 else _exponential(sp.powsimp(f))
        if power is None:
            raise _Unlocated
        grouped[power] = grouped.get(power, sp.S.Zero) + scale
    if len(grouped) != 2:
        raise _Unlocated
    (p, a), (q, b) = grouped.items()
    ratio = -b / a
    return _zeros(p - q - sp.log(ratio)) if _decided(ratio) > 0 else frozenset()


def _decided(constant: sp.Expr) -> int:
    try:
        return _sign(constant)
    except _Undecided:
        raise _Unlocated from None


# ------------------------------------------------------------------------------------------------------ the resolver


class _Split(Exception):
    """The interval must be split at `points` before the tree can be resolved on it."""

    def __init__(self, points: Iterable[sp.Expr]) -> None:
        self.points = tuple(points)


class _EndlessFloor(IkunError):
    """A floor with infinitely many steps; harmless where it is multiplied by 0."""


@dataclass(frozen=True)
class _Interval:
    lo: sp.Expr
    hi: sp.Expr

    def contains(self, point: sp.Expr) -> bool:
        return _compare(self.lo, point) < 0 < _compare(self.hi, point)

    def at(self, fraction: Fraction) -> sp.Expr:
        """A rational point strictly inside, from near `lo` (fraction 0) to near `hi` or far out (fraction 1)."""
        lo = _value(self.lo)
        if self.hi is sp.oo:
            step = max(lo, 1) * (fraction / (1 - fraction)).numerator / (fraction / (1 - fraction)).denominator
        else:
            step = (_value(self.hi) - lo) * fraction.numerator / fraction.denominator
        sign, mantissa, exponent, _ = (lo + step)._mpf_
        return sp.Rational((-1) ** sign * int(mantissa)) * sp.Integer(2) ** int(exponent)

    @property
    def floats(self) -> _Range:
        hi = math.inf if self.hi is sp.oo else _float(_value(self.hi))
        return _wider(max(0.0, _float(_value(self.lo))), hi)

    def split(self, points: Iterable[sp.Expr]) -> list[_Interval]:
        ends = [self.lo]
        for point in _sorted(points):
            if _compare(ends[-1], point) < 0:
                ends.append(point)
        ends.append(self.hi)
        return [_Interval(a, b) for a, b in itertools.pairwise(ends)]

    def text(self, side: int) -> str:
        lo, hi = (("infinity" if end is sp.oo else str(sp.N(end, 6))) for end in (self.lo, self.hi))
        return f"{lo} < x < {hi}" if side > 0 else f"{lo} < -x < {hi}"


def _sorted(points: Iterable[sp.Expr]) -> list[sp.Expr]:
    return sorted(points, key=functools.cmp_to_key(_compare))


_APPROACH = (8, 11, 15, 20, 28, 40)  # digits; ever larger steps, so that even log(log(1/u)) does not settle
_SAMPLES = (Fraction(1, 7), Fraction(1, 2), Fraction(6, 7))


class _Resolver:
    """The pieces of a tree on one side, x = side * u."""

    def __init__(self, text: str, tree: _Node, side: int) -> None:
        self.source, self.tree, self.side = text, tree, side
        self.work = 0
        self.known_zeros: dict[sp.Expr, frozenset[sp.Expr] | None] = {}
        self.interval = _Interval(sp.S.Zero, sp.oo)
        self.node: _Node = tree

    # -- intervals

    def pieces(self) -> list[Piece]:
        todo, done = [self.interval], []
        while todo:
            self.interval = todo.pop()
            try:
                value = self.resolve(self.tree)
            except _Split as split:
                todo += reversed(self.interval.split(split.points))
            else:
                self.check(value)
                done.append((self.interval, value))
            if len(todo) + len(done) > MAX_PIECES:
                raise IkunError(
                    f"expression {_short(self.source)} has over {MAX_PIECES} pieces; write one with fewer breakpoints"
                )
        return _merged(self.side, done)

    def check(self, value: sp.Expr) -> None:
        """Real and finite inside, and bounded towards each finite end."""
        for fraction in _SAMPLES:
            try:
                _value(value, self.interval.at(fraction), absolute=True)
            except _Undecided:
                self.refuse_value("is not finite, or is too large to evaluate, within")
        for end, inwards in ((self.interval.lo, 1), (self.interval.hi, -1)):
            if end is not sp.oo and not self.bounded(value, end, inwards):
                self.refuse_value(f"has no finite limit at {'x' if self.side > 0 else '-x'} = {sp.N(end, 6)} of")

    def refuse_value(self, what: str) -> NoReturn:
        raise IkunError(
            f"expression {_short(self.source)} {what} {self.interval.text(self.side)}; f' must be finite everywhere"
        )

    def bounded(self, value: sp.Expr, end: sp.Expr, inwards: int) -> bool:
        """Whether `value` has a finite limit at `end`: it can be evaluated there, or settles on the way there, each
        step at most half the last. Logarithms and negative powers move further at each step, oscillations at random."""
        try:
            _value(value, end, absolute=True)
            return True
        except _Undecided:
            pass
        width = sp.S.One if self.interval.hi is sp.oo else self.interval.at(Fraction(1, 2)) - self.interval.lo
        try:
            near = [_value(value, end + inwards * width * sp.Rational(3, 7 * 10**n)) for n in _APPROACH]
        except _Undecided:
            return False
        steps = [abs(b - a) for a, b in itertools.pairwise(near)]
        rounding = abs(near[0]) * _CONTEXTS[0].mpf("1e-25")
        return all(b <= a / 2 + rounding for a, b in itertools.pairwise(steps))

    # -- signs

    def text(self) -> str:
        node = self.node
        return _short(self.source[node.at : node.end])[1:-1]

    def zeros(self, g: sp.Expr) -> frozenset[sp.Expr] | None:
        """Where g changes sign inside the interval; None if that is not known."""
        if g not in self.known_zeros:
            try:
                self.known_zeros[g] = _zeros(g)
            except (_Unlocated, _Undecided):
                self.known_zeros[g] = None
        found = self.known_zeros[g]
        try:
            inside = None if found is None else frozenset(zero for zero in found if self.interval.contains(zero))
            return inside if inside is None or all(1 / LARGEST < _value(zero) < LARGEST for zero in inside) else None
        except _Undecided:
            return None

    def sign(self, g: sp.Expr) -> int | None:
        """The sign of g on the interval, which is split if it changes; None if it cannot be decided."""
        if g.is_Rational:
            return _sign(g)
        lo, hi = _range(g, self.interval.floats)
        if lo > 0 or hi < 0:
            return 1 if lo > 0 else -1
        zeros = self.zeros(g)
        if zeros:
            raise _Split(zeros)
        if zeros is None:
            return self.sign_of_parts(g)
        try:
            return _sign(g, self.interval.at(Fraction(1, 2)))
        except _Undecided:
            return self.sign_of_nothing(g)

    def sign_of_nothing(self, g: sp.Expr) -> int | None:
        """0 if g expands to 0, else undecided."""
        try:
            return 0 if _expanded(g) == 0 else None
        except _Unlocated:
            return None

    def sign_of_parts(self, g: sp.Expr) -> int | None:
        """Terms of one sign have a sum of that sign; a product has the product of the signs."""
        if g.is_Pow and g.exp.is_Rational:  # type: ignore[attr-defined]
            sign = self.sign(g.base)  # type: ignore[attr-defined]
            return sign if sign is None or not g.exp.is_Integer or g.exp.is_odd else sign**2  # type: ignore[attr-defined]
        signs = [self.sign(arg) for arg in g.args] if g.is_Add or g.is_Mul else [None]  # type: ignore[arg-type]
        if None in signs:
            return None
        if g.is_Mul:
            return math.prod(s for s in signs if s is not None)
        return signs[0] if len(set(signs)) == 1 else None

    def sure_sign(self, g: sp.Expr) -> int:
        sign = self.sign(g)
        if sign is None:
            raise IkunError(
                f"cannot locate the breakpoints of {self.text()} exactly (at character {self.node.at + 1}); "
                "write it as piecewise with explicit breakpoints, or simplify its argument"
            )
        return sign

    def direction(self, w: sp.Expr) -> int:
        """+1 if exp(-w) cannot overflow on the interval, -1 if exp(w) cannot; the interval is split if neither holds
        and the zeros of w are known; 0 if nothing is known."""
        lo, hi = _range(w, self.interval.floats)
        if lo >= 0 or hi <= 0:
            return 1 if lo >= 0 else -1
        zeros = self.zeros(w)
        if zeros is not None and not zeros:
            return self.sign(w) or 0
        if lo >= -SAFE or hi <= SAFE:
            return 1 if lo >= -SAFE else -1
        if zeros:
            raise _Split(zeros)
        return self.sign(w) or 0

    # -- nodes

    def resolve(self, node: _Node) -> sp.Expr:
        self.work += 1
        if self.work > MAX_WORK:
            raise IkunError(f"expression {_short(self.source)} takes too much work to split into pieces; write a simpler one")
        try:
            value = _RESOLVE[type(node)](self, node)
            if self.is_moderate(value):
                return value
        except _Undecided:
            pass
        self.node = node
        self.refuse_part("is not finite, or is too large or too complicated to evaluate,")

    def is_moderate(self, value: Any) -> bool:
        """Whether sympy can be trusted with `value`: it evaluates constants and isolates the roots of polynomials on its
        own, to learn their signs, and would never end on exp(exp(exp(9))) or on x**7 - pi*x**6*erf(1) + ..."""
        if value.is_Rational:
            return int(value.p).bit_length() + int(value.q).bit_length() <= 8 * MAX_BITS
        if not value.args:
            return True
        if U not in value.free_symbols:
            return _is_small(value, MAX_CONSTANT_SIZE) and bool(abs(_value(value, absolute=True)) < LARGEST)
        if not value.is_Add or (_degree(value) <= 1 and value.is_polynomial(U)):
            return True
        if _has_long_exponent(value):
            return False
        irrationals = _irrationals(value)
        degree = MAX_IRRATIONAL_DEGREE if irrationals else 2 * MAX_DEGREE
        return irrationals <= MAX_IRRATIONALS and (_degree(value) <= degree or not value.is_polynomial(U))

    def resolve_sum(self, node: Any) -> sp.Expr:
        return sp.Add(*(self.resolve(arg) for arg in node.args))

    def resolve_product(self, node: Any) -> sp.Expr:
        """A floor with endless steps is forgiven where another factor is 0, as in floor(x)*heaviside(1-abs(x))."""
        factors: list[sp.Expr] = []
        endless = None
        for arg in node.args:
            try:
                factors.append(self.resolve(arg))
            except _EndlessFloor as error:
                endless = error
        if 0 in factors:
            return sp.S.Zero
        if endless:
            raise endless
        return self.decaying(sp.Mul(*factors))

    def resolve_power(self, node: Any) -> sp.Expr:
        return self.power(self.resolve(node.base), sp.Rational(node.exponent.numerator, node.exponent.denominator), node)

    def power(self, base: sp.Expr, exponent: Any, node: _Node) -> sp.Expr:
        """base**exponent, with the zeros of a denominator as breakpoints and a root only of what is not negative."""
        self.node = node
        if not (exponent.is_Integer and exponent >= 0):
            sign = self.sure_sign(base)
            if sign == 0 and exponent < 0:
                self.refuse_part("divides by zero")
            if sign < 0 and not exponent.is_Integer:
                self.refuse_part("is a root of a negative number")
        power: Any = base**exponent
        for absolute in power.atoms(sp.Abs):  # sympy makes one of sqrt(g**2)
            power = power.xreplace({absolute: self.sure_sign(absolute.args[0]) * absolute.args[0]})
        return self.decaying(power) if exponent < 0 else power

    def refuse_part(self, what: str) -> NoReturn:
        where = self.interval.text(self.side)
        raise IkunError(f"{self.text()} (at character {self.node.at + 1}) {what} for {where}; f' must be real and finite")

    def resolve_call(self, node: Any) -> sp.Expr:
        args = [self.resolve(arg) for arg in node.args]
        self.node = node
        return _FUNCTIONS[node.name].build(self, *args)

    def resolve_cases(self, node: Any) -> sp.Expr:
        for value, condition in node.cases:
            if self.holds(condition):
                return self.resolve(value)
        raise IkunError("piecewise has no value outside its conditions; end it with (value, True)")

    # -- conditions

    def holds(self, node: Any) -> bool:
        if isinstance(node, _Truth):
            return node.value
        if isinstance(node, _Logic):
            return (all if node.op == "&" else any)(self.holds(arg) for arg in node.args)
        difference = self.resolve(node.left) - self.resolve(node.right)
        self.node = node
        return _COMPARISONS[node.op](self.sure_sign(difference))

    # -- growing exponentials

    def decaying(self, value: sp.Expr) -> sp.Expr:
        """The same value with c + d*exp(w), w growing, written exp(w)*(c*exp(-w) + d), and all exponentials in one: so
        exp(u)/(1 + exp(u))**2 becomes exp(-u)/(exp(-u) + 1)**2. Kept only if the numbers agree."""
        exponent, others, changed = sp.S.Zero, [], False
        for factor in sp.Mul.make_args(value):
            if (w := _exponential(factor)) is not None:
                exponent, changed = exponent + w, True
                continue
            base, n = factor.as_base_exp()
            growing = self.growing(base) if base.is_Add and n.is_Rational else None
            if growing is None:
                others.append(factor)
            else:
                exponent, changed = exponent + n * growing, True
                others.append(sp.Add(*(_shifted(term, -growing) for term in base.args)) ** n)
        if not changed:
            return value
        new = sp.Mul(*others, _exp(exponent))
        return new if new == value or self.agree(value, new) else value

    def growing(self, total: Any) -> sp.Expr | None:
        """The largest exponent of the exponentials in a sum, if it is large and positive on the interval."""
        exponents = {w for term in total.args for f in sp.Mul.make_args(term) if (w := _exponential(f)) is not None}
        large = [w for w in exponents if _is_small(w) and _range(w, self.interval.floats)[1] > SAFE and self.direction(w) > 0]
        far = self.interval.at(Fraction(999, 1000))
        try:
            return max(large, key=lambda w: _value(w, far, absolute=True)) if large else None
        except _Undecided:
            return None

    def agree(self, old: sp.Expr, new: sp.Expr) -> bool:
        try:
            pairs = [[_value(e, self.interval.at(f)) for e in (old, new)] for f in _SAMPLES]
        except _Undecided:
            return False
        return all(abs(a - b) <= abs(a) * _CONTEXTS[0].mpf("1e-25") for a, b in pairs)


def _is_small(w: sp.Expr, size: int = MAX_EXPONENT_SIZE) -> bool:
    """Whether w may be repeated in every term of a sum without making the value unreadably long."""
    return sum(1 for _ in itertools.islice(sp.preorder_traversal(w), size)) < size


def _shifted(term: Any, w: Any) -> sp.Expr:
    """term * exp(w), with one exponential."""
    pairs = [(f, _exponential(f)) for f in sp.Mul.make_args(term)]
    exponent = sp.Add(w, *(p for _, p in pairs if p is not None))
    return sp.Mul(*(f for f, p in pairs if p is None), _exp(exponent))


def _merged(side: int, done: Sequence[tuple[_Interval, sp.Expr]]) -> list[Piece]:
    """The pieces, neighbours of literally the same value made one."""
    pieces: list[Piece] = []
    for interval, value in done:
        if pieces and pieces[-1].value == value:
            pieces[-1] = Piece(side, pieces[-1].lo, interval.hi, value)
        else:
            pieces.append(Piece(side, interval.lo, interval.hi, value))
    return pieces


_RESOLVE: dict[type[_Node], Callable[[_Resolver, Any], sp.Expr]] = {
    _Num: lambda self, node: sp.Rational(node.value.numerator, node.value.denominator),
    _X: lambda self, node: self.side * U,
    _Pi: lambda self, node: sp.pi,
    _Sum: _Resolver.resolve_sum,
    _Product: _Resolver.resolve_product,
    _Power: _Resolver.resolve_power,
    _Call: _Resolver.resolve_call,
    _Cases: _Resolver.resolve_cases,
}


# ----------------------------------------------------------------------------------------------------- the functions


def _log(at: _Resolver, w: sp.Expr) -> sp.Expr:
    """log w; for w = c + d*exp(g) with g growing it is g + log(c*exp(-g) + d)."""
    if at.sure_sign(w) <= 0:
        at.refuse_part("is the logarithm of a number that is not positive")
    growing = at.growing(w) if w.is_Add else None
    if growing is None:
        return sp.log(w)
    return growing + sp.log(sp.Add(*(_shifted(term, -growing) for term in w.args)))


def _tanh(at: _Resolver, w: sp.Expr) -> sp.Expr:
    """(1 - exp(-2w))/(1 + exp(-2w)), or minus the same at -w."""
    s = at.direction(w) or 1
    e = _exp(-2 * s * w)
    return sp.Mul(s, 1 - e, 1 / (1 + e))  # one product, or sympy would move the sign into the bracket


def _sech(at: _Resolver, w: sp.Expr) -> sp.Expr:
    """2 exp(-w)/(1 + exp(-2w)), an even function of w."""
    s = at.direction(w) or 1
    return 2 * _exp(-s * w) / (1 + _exp(-2 * s * w))


def _floor(at: _Resolver, w: sp.Expr) -> sp.Expr:
    """Steps of an argument that is constant or a*u + b on a bounded interval; they end at u = (n - b)/a."""
    try:
        b, a = w.subs(U, 0), sp.diff(w, U)
        if U not in w.free_symbols:
            return _constant_floor(at, w)
        if U in a.free_symbols:
            raise IkunError(
                f"{at.text()} (at character {at.node.at + 1}): floor needs an argument linear in x; "
                "write it as piecewise with explicit breakpoints"
            )
        if at.interval.hi is sp.oo:
            raise _EndlessFloor(
                f"{at.text()} (at character {at.node.at + 1}) has infinitely many steps; bound it, as in "
                "piecewise((floor(x), abs(x)<3), (0, True))"
            )
        ends = sorted(_value(a * end + b, absolute=True) for end in (at.interval.lo, at.interval.hi))
        first, last = (int(mpmath.floor(end)) for end in ends)
        if last - first > MAX_PIECES:
            raise IkunError(f"{at.text()} (at character {at.node.at + 1}) has over {MAX_PIECES} steps; use fewer")
        points = [p for p in ((n - b) / a for n in range(first, last + 2)) if at.interval.contains(p)]
        if points:
            raise _Split(points)
        return sp.Integer(int(mpmath.floor(_value(w, at.interval.at(Fraction(1, 2))))))
    except _Undecided:
        at.refuse_part("cannot be evaluated")


def _constant_floor(at: _Resolver, w: sp.Expr) -> sp.Expr:
    if w.is_Rational:
        return sp.Integer(int(w.p // w.q))  # type: ignore[attr-defined]
    value = _value(w)
    if abs(value) > 1e20 or abs(value - mpmath.nint(value)) < 1e-20:
        at.refuse_part("is too close to a step to decide")
    return sp.Integer(int(mpmath.floor(value)))


def _extreme(which: int) -> Callable[..., sp.Expr]:
    def build(at: _Resolver, *args: sp.Expr) -> sp.Expr:
        best = args[0]
        for other in args[1:]:
            best = other if at.sure_sign(other - best) == which else best
        return best

    return build


def _sqrt(at: _Resolver, w: sp.Expr) -> sp.Expr:
    return at.power(w, sp.S.Half, at.node)


@dataclass(frozen=True)
class _Function:
    """How many arguments, and the value on an interval from the values of the arguments there."""

    build: Callable[..., sp.Expr]
    least: int = 1
    most: float = 1
    copies: int = 1  # of the argument in the value

    @property
    def arity(self) -> str:
        return "1 argument" if self.most == 1 else f"{self.least} or more arguments"


_FUNCTIONS: dict[str, _Function] = {
    "exp": _Function(lambda at, w: _exp(w)),
    "log": _Function(_log),
    "sqrt": _Function(_sqrt),
    "abs": _Function(lambda at, w: at.sure_sign(w) * w),
    "sign": _Function(lambda at, w: sp.Integer(at.sure_sign(w))),
    "tanh": _Function(_tanh, copies=2),
    "sech": _Function(_sech, copies=2),
    "cosh": _Function(lambda at, w: (_exp(w) + _exp(-w)) / 2, copies=2),
    "sinh": _Function(lambda at, w: (_exp(w) - _exp(-w)) / 2, copies=2),
    "erf": _Function(lambda at, w: sp.erf(w)),
    "erfc": _Function(lambda at, w: sp.erfc(w)),
    "cos": _Function(lambda at, w: sp.cos(w)),
    "sin": _Function(lambda at, w: sp.sin(w)),
    "floor": _Function(_floor),
    "heaviside": _Function(lambda at, w: sp.Rational(1 + at.sure_sign(w), 2)),
    "min": _Function(_extreme(-1), 2, math.inf),
    "max": _Function(_extreme(1), 2, math.inf),
}
_RESERVED = (*_FUNCTIONS, "piecewise", *_TRUTHS)


def _function_names() -> str:
    return " ".join((*_FUNCTIONS, "piecewise"))
