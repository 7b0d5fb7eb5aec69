"""Hostile and random text: it is read or refused, quickly, in one line that points at the text; nothing in it is executed.

Every draw is seeded, so a failure recurs. The quick run reads 5 x 60 texts, the slow one 5 x 1500. LIMIT is the bound on the
time of one text; the longest seen took an eighth of it (a product of eleven floors of different rates).
"""

from __future__ import annotations

import builtins
import random
import re
import signal
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.errors import IkunError
from ikun_sym.reading.expression import parse_surrogate
from ikun_sym.reading.functions import FUNCTIONS
from tests.selection import spread

LIMIT = 40.0  # seconds
LONGEST = 250  # characters of a refusal
POINTER = re.compile(r"at character \d+|expression '|parameter '|expression of \d+ characters|expression is empty")

VALID = """
1/(1+k*abs(x))**2;k=25
piecewise((1-abs(x), abs(x)<1),(0,True))
piecewise((exp(-abs(x)/0.5), x<0), (exp(-2*abs(x-floor(x+1/2))/0.5), True))
k*(1 - tanh(k*x)**2);k=3/2
max(0, 1-x**2)**(3/2) + min(abs(x-1), abs(x+2), 3/2)
exp(-3*(x-1))/(1+exp(-3*(x-1)))**2
log(1+exp(x))*erfc(abs(x)) - heaviside(x-1)*sech(x)/2
(1+abs(x))**(-2.5) + sqrt(2)*exp(-x**2/(2*s**2))/(2*sqrt(pi)*s);s=3/4
cos(pi*x/w)/2 + sin(2*pi*x)*(x-floor(x));w=5/4
sign(x)*sinh(x)/cosh(x)**3
""".strip().splitlines()
HOSTILE = [
    "__import__('os').system('touch x')",
    "__import__(x)",
    "().__class__.__base__.__subclasses__()",
    "(lambda x: x)(1)",
    "lambda: 0",
    "x;import os",
    "x;k=__import__",
    "x\nimport os",
    "exec(x)",
    "eval(x)",
    "open(x)",
    "'x'",
    '"x"*x',
    "f'{x}'",
    "`x`",
    "x.evalf()",
    "x.subs(1)",
    "[x][0]",
    "{x:1}",
    "x if x else x",
    "x:=1",
    "x;;k=1",
    "x;k=1;k",
    "$x",
    "x\\",
    "%x",
    "\x00",
    "\ufeffx",
    "x\u200b",
    "\u202ex",
    "𝑥**2",
    "ⅹ",
    "x²",
    "−x",
    "x÷2",
    "π",
    "x\ud800",
    "9" * 61,
    "1e9999",
    "1e99999*x",
    "1e-9999*x",
    "9" * 60 + "e300*x",
    "floor(1e300*x)",
    "floor(x*1e-300)",
    "floor(x+1e60)-x",
    "floor(floor(floor(x/7)/11)/13)",
    "abs(x-1e-300)+abs(x-1e300)",
    "exp(1e300*x)/(1+exp(1e300*x))**2",
    "tanh(1e300*(x-1e-300))",
    "x**64*x**64*x**64",
    "(1+x)**64/(1+x)**63",
    "(1+exp(-x))**64*(1+exp(-2*x))**-64",
    "1-1/(1+exp(-x/1000)+exp(-x/999))",
    "(" * 59 + "x" + ")" * 59,
    "(" * 1000,
    "-" * 1999 + "x",
    "x**" * 600 + "2",
    "1/" * 300 + "x",
    "abs(" * 55 + "x" + ")" * 55,
    "floor(" * 55 + "x" + ")" * 55,
    "floor(x/2+" * 30 + "x" + ")" * 30,
    "max(0,1-" * 40 + "x" + ")" * 40,
    "min(" + ",".join(f"abs(x-{i})" for i in range(60)) + ")",
    "piecewise(" * 30 + "x",
    "+".join(f"floor(x/{n})" for n in range(2, 30)),
    "*".join(f"(x-floor({n}*x))" for n in range(1, 12)),
    "/".join(f"(2+floor({n}*x)**2)" for n in range(1, 9)),
    "exp(-" * 20 + "floor(x)" + ")" * 20,
    "&".join(["x<1"] * 200),
    "piecewise((1," + "|".join(f"x<{i}" for i in range(200)) + "),(0,True))",
]


def forbidden(*args: Any, **kwargs: Any) -> NoReturn:
    raise AssertionError(f"something was executed: {args}")


def unless_text(run: Callable[..., Any]) -> Callable[..., Any]:
    """`run` refuses text; what the import of a module runs is no text, and sympy writes the product of monomials in n
    variables as text of its own, made from n alone."""

    def call(what: Any, *args: Any, **kwargs: Any) -> Any:
        own = sys._getframe(1).f_globals["__name__"] == "sympy.polys.monomials"
        return forbidden(what) if isinstance(what, str) and not own else run(what, *args, **kwargs)

    return call


def stopped(*args: Any) -> NoReturn:
    raise AssertionError(f"no answer in {LIMIT} s")


@contextmanager
def guarded() -> Iterator[None]:
    """eval, exec and compile of text, and starting a process, fail; a text that takes longer than LIMIT is stopped."""
    with pytest.MonkeyPatch.context() as patched:
        before = signal.signal(signal.SIGALRM, stopped)
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
        patched.setattr(subprocess, "Popen", forbidden)
        patched.setattr("os.system", forbidden)
        for name in ("eval", "exec", "compile"):
            patched.setattr(builtins, name, unless_text(getattr(builtins, name)))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def outcome(text: str) -> Surrogate | str:
    """The surrogate or the refusal, which is checked; any other exception is a failure."""
    try:
        with guarded():
            return parse_surrogate(text)
    except IkunError as error:
        found = str(error)
    assert len(found.splitlines()) == 1, ascii(text)
    assert len(found) <= LONGEST, (len(found), found)
    assert POINTER.search(found), found
    return found


@pytest.mark.parametrize("text", spread(HOSTILE, 3), ids=lambda text: ascii(text[:30]))
def test_hostile_text(text: str) -> None:
    outcome(text)


# -- random text: each maker takes a random.Random

UNARY = [name for name, function in FUNCTIONS.items() if function.most == 1]
PARTS = "x x x x pi k 0 1 2 0.5 1e300 1e-300 1/3 64 + - * / ** ( ) ) ) , < <= > >= == & | ;k=2 ; = . True __class__ ' [ : @"
TOKENS = [*(f"{name}(" for name in (*FUNCTIONS, "piecewise")), *PARTS.split(" ")]


def soup(rng: random.Random) -> str:
    return rng.choice(["", " "]).join(rng.choices(TOKENS, k=rng.randint(1, 30)))


def characters(rng: random.Random) -> str:
    pool = rng.choice([string.printable, "x()+-*/0123456789.,<>&|e ", "".join(map(chr, rng.choices(range(0x11000), k=50)))])
    return "".join(rng.choices(pool, k=rng.randint(1, 60)))


def number(rng: random.Random) -> str:
    return rng.choice(["1", "2", "3/2", "0.5", "pi", "7", "1/3", "-1", "-3"])


def well_formed(rng: random.Random, depth: int = 4) -> str:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(["x", "x", "x", number(rng)])
    a, b = (well_formed(rng, depth - 1) for _ in range(2))
    return rng.choice(
        [
            f"({a}{rng.choice('+-*/')}{b})",
            f"({a}{rng.choice('+-*')}{b})",
            f"{rng.choice(UNARY)}({a})",
            f"floor({number(rng)}*x+{number(rng)})",
            f"abs({number(rng)}*x-{number(rng)})",
            f"{rng.choice(['min', 'max'])}({a},{b})",
            f"({a})**{rng.choice(['2', '3', '-1', '(1/2)', '-2.5'])}",
            f"piecewise(({a},{b}<{number(rng)}),({number(rng)},True))",
        ]
    )


def mutated(rng: random.Random) -> str:
    text = rng.choice(VALID)
    for _ in range(rng.randint(1, 3)):
        at, to = sorted(rng.choices(range(len(text) + 1), k=2))
        text = rng.choice(
            [
                text[:at] + rng.choice(TOKENS) + text[at:],
                text[:at] + text[at + 1 :],
                text[:at] + text[at:to] * 2 + text[to:],
                text[:at] + rng.choice(string.printable) + text[at + 1 :],
            ]
        )
    return text


def crossed(rng: random.Random) -> str:
    a, b = (rng.choice(VALID).split(";")[0] for _ in range(2))
    text = f"{a}{rng.choice('+-*/')}({b})"
    used = [name for name in "ksw" if re.search(rf"\b{name}\b", text)]
    declared = "".join(f";{name}={rng.choice(['1', '1e9', '-2', '1/7', '1e-9'])}" for name in used)
    return re.sub(r"\bx\b", rng.choice(["x", "(x-1/2)", "abs(x)", "(2*x)", "x"]), text) + declared


MAKERS = (soup, characters, well_formed, mutated, crossed)


def drawn(make: Callable[[random.Random], str], count: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        outcome(make(rng))


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_random_text(make: Callable[[random.Random], str]) -> None:
    drawn(make, 60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_much_random_text(make: Callable[[random.Random], str]) -> None:
    drawn(make, 1500, seed=2)
