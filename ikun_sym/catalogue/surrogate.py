"""What a surrogate is: a function f' that replaces the derivative of the spike in the backward pass.

A surrogate is declared by f' alone. Its primitive, area, peak and moments are derived, so they cannot disagree with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import sympy as sp

from ..errors import DomainError, IkunError
from ..exact import Number
from ..told import Told
from .parameter import DOMAINS, Param, bound_values, plain
from .piecewise import PiecewiseFunction
from .registry import Registry


@dataclass(frozen=True, kw_only=True)
class Equivalent(Told):
    """A library's own surrogate: f'_library(x) = scale * f'(x), where `mapping` gives our parameters.

    `path` is importable as `module:attribute`. `scale` and the values of `mapping` are expressions in the library's
    parameters. `version` is the release that was measured. `variant` names one of several gradients behind one path.
    `tag` marks another release than the current one, whose entry has no tag.
    """

    shown = ("name", "version")

    library: str
    version: str
    path: str
    params: tuple[Param, ...] = ()
    scale: sp.Expr = sp.S.One
    mapping: Mapping[str, sp.Expr] = field(default_factory=dict)
    note: str = ""
    variant: str = ""
    tag: str = ""

    @property
    def name(self) -> str:
        """How users write it: `library.Name`, `library.Name.variant`, `library.Name@tag`."""
        return qualified(self.library, self.path, self.variant, self.tag)


def qualified(library: str, path: str, variant: str = "", tag: str = "") -> str:
    """`library.Name`, then `.variant` and `@tag` if there are any. Name is the part of `path` after the colon."""
    return f"{library}.{path.split(':')[1]}" + (f".{variant}" if variant else "") + (f"@{tag}" if tag else "")


Values = Mapping[str, Fraction]
Family = Callable[[Values], PiecewiseFunction]

AMPLITUDE = Param("amplitude", 1)
"""The constant A that every surrogate may be multiplied by: A f'."""

UNIT = "unit"
"""In the place of A: the A at which the gradient keeps its size, which the weights decide."""

_NAME = re.compile(r"[A-Za-z_][\w.@-]*|expr:[^\"'\\\x00-\x1f\x7f]+")
"""Names appear in SPECs, file names and emitted comments: they must not end a string or a line there."""


@dataclass(frozen=True, kw_only=True)
class Surrogate(Told):
    """One surrogate. `derivative`: f'(x), x = membrane potential - threshold. `slope`: name of the parameter that sharpens f'
    (default: the first parameter; None: there is none). `family`: for surrogates whose formula depends on the parameters'
    values (number of terms, order of breakpoints), f' as a function of these values. `bind` then replaces `derivative` by
    family(values), and `derivative` itself holds the formula for the values shown in lists."""

    shown = ("name", "params", "summary")

    name: str
    params: tuple[Param, ...] = ()
    derivative: PiecewiseFunction
    summary: str
    refs: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = field(default=(), hash=False)  # holds dictionaries
    slope: str | None = None
    family: Family | None = field(default=None, compare=False)
    bare: Surrogate | None = field(default=None, compare=False, repr=False)
    """What this one is an amplified copy of."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise IkunError(f"surrogate name {self.name[:40]!r} is not allowed; use letters, digits, underscores and dots")
        symbols = {param.symbol for param in self.params}
        if len({param.name for param in self.params}) != len(self.params):
            raise IkunError(f"surrogate {self.name!r} names a parameter twice")
        if any(param.name == AMPLITUDE.name and param is not AMPLITUDE for param in self.params):
            raise IkunError(f"surrogate {self.name!r}: every surrogate has an {AMPLITUDE.name} already; leave it out")
        stray = self.derivative.free_symbols - symbols
        declared = {param.symbol.name: param for param in self.params}
        for symbol in sorted(stray, key=str):
            if param := declared.get(symbol.name):
                raise IkunError(
                    f"surrogate {self.name!r}: its symbol {symbol} is not that of its parameter {param.name}, which is "
                    f"{DOMAINS[param.domain][1]}; write the derivative in Param(…).symbol"
                )
            raise IkunError(
                f"surrogate {self.name!r} uses the undeclared symbol {symbol}; declare it: params=(Param({str(symbol)!r}, …),)"
            )
        for equivalent in self.equivalents:
            missing = {param.name for param in self.params} - set(equivalent.mapping)
            if missing:
                raise IkunError(f"{equivalent.name}: mapping lacks {sorted(missing)}")

    def bind(self, values: Mapping[str, Number] | None = None) -> Bound:
        """The surrogate with numbers for its parameters: the given values, else the defaults."""
        numbers = bound_values("surrogate", self.name, self.params, values or {})
        surrogate = replace(self, derivative=self.family(numbers)) if self.family else self
        return Bound(surrogate=surrogate, values=tuple(numbers.items()))

    def amplified(self) -> Surrogate:
        """A f', with A as its last parameter, which is never its slope."""

        def times(function: PiecewiseFunction) -> PiecewiseFunction:
            return function.map(lambda value: AMPLITUDE.symbol * value)

        family = self.family
        return replace(
            self,
            params=(*self.params, AMPLITUDE),
            derivative=times(self.derivative),
            family=None if family is None else lambda values: times(family(values)),
            summary=f"{AMPLITUDE.name} · ({self.summary})",
            equivalents=(),
            bare=self,
        )

    def of_library(self, equivalent: Equivalent) -> Surrogate:
        """This surrogate in a library's own parametrisation."""
        symbols = {param.symbol: equivalent.mapping[param.name] for param in self.params}

        def translated(function: PiecewiseFunction) -> PiecewiseFunction:
            return function.substitute(symbols).map(lambda value: equivalent.scale * value)

        def family(values: Values) -> PiecewiseFunction:
            numbers = [(param.symbol, _rational(values[param.name])) for param in equivalent.params]
            own = {name: Fraction(str(sp.sympify(expr).subs(numbers))) for name, expr in equivalent.mapping.items()}
            assert self.family is not None
            return translated(self.family(own))

        return replace(
            self,
            name=equivalent.name,
            params=equivalent.params,
            derivative=translated(self.derivative),
            family=family if self.family else None,
            summary=equivalent.note or self.summary,
            refs=(f"{equivalent.library} {equivalent.version}, {equivalent.path}",),
            equivalents=(),
            slope="" if self.slope == "" else None,  # a surrogate without a slope has none under another name either
        )


@dataclass(frozen=True, kw_only=True)
class Bound(Told):
    """A surrogate whose parameters have exact values. `unit`: its amplitude is still to be chosen such that the gradient keeps
    its size; what needs f' refuses it until then."""

    shown = ("spec",)

    surrogate: Surrogate
    values: tuple[tuple[str, Fraction], ...]
    unit: bool = False

    @property
    def amplitude(self) -> Fraction:
        """A. Error: it is still to be chosen."""
        self.chosen()
        return dict(self.values)[AMPLITUDE.name] if self.surrogate.bare else Fraction(1)

    @cached_property
    def bare(self) -> Bound:
        """The same with amplitude 1."""
        if self.surrogate.bare is None:
            return replace(self, unit=False) if self.unit else self
        return self.surrogate.bare.bind({name: value for name, value in self.values if name != AMPLITUDE.name})

    def times(self, amplitude: Number) -> Bound:
        """The same with this amplitude, a positive number or UNIT; a float is the decimal that it is written as."""
        if isinstance(amplitude, str) and amplitude.strip().lower() == UNIT:
            return replace(self.bare, unit=True)
        try:
            given = AMPLITUDE.check(repr(float(amplitude)) if isinstance(amplitude, float) else amplitude)
        except IkunError:
            raise DomainError(AMPLITUDE.name, amplitude, f"a positive number or {UNIT!r}") from None
        if given == 1:
            return self.bare
        return self.bare.surrogate.amplified().bind(dict(self.bare.values) | {AMPLITUDE.name: given})

    def chosen(self) -> Bound:
        """This. Error: its amplitude is still to be chosen."""
        if self.unit:
            needs = "needs the weights: ask ikun design, init or meanfield for the number"
            raise IkunError(f"surrogate {self.spec}: {AMPLITUDE.name} {UNIT!r}, at which the gradient keeps its size, {needs}")
        return self

    @cached_property
    def environment(self) -> dict[sp.Symbol, Fraction]:
        """Symbol to value, for the evaluators."""
        numbers = dict(self.values)
        return {param.symbol: numbers[param.name] for param in self.surrogate.params}

    @property
    def spec(self) -> str:
        """The text that names this surrogate on the command line."""
        values = ",".join(f"{name}={plain(value)}" for name, value in self.values)
        separator = ";" if self.surrogate.name.startswith("expr:") else ":"
        return self.surrogate.name + (separator + values if values else "")


def _rational(value: Fraction) -> sp.Rational:
    return sp.Rational(value)  # type: ignore[return-value]


SURROGATES: Registry[Surrogate] = Registry("surrogate")
register = SURROGATES.register
"""For users' own surrogates: after `register(Surrogate(name=…, derivative=…))` every command knows it."""
