"""The intermediate program of a surrogate: its derivative, its moments and the weight variances."""

from __future__ import annotations

import math
from dataclasses import replace

import sympy as sp

from ..catalogue.piecewise import PeriodicTail, R, U
from ..expressions.symbols import MEAN, VAR
from ..schemes.constants import POWERS
from .approximation import reason_or_certified, scaling_of
from .lowering import lowered, shared
from .naming import comment_lines, safe_names
from .polynomials import clenshaw, erfcx_error, moment_at_zero, tail_functions
from .printer import names_in
from .program import (
    Binary,
    Call,
    Constant,
    Expression,
    Function,
    Let,
    Loop,
    Name,
    Program,
    Select,
    Span,
    Statement,
    Table,
    apply,
    number,
)
from .quadrature import HALF, NODES, ONE, REACH, ZERO, called, less, part, term
from .target import Export

MOST_CELLS = 4096
"""Most cells of a periodic tail that are summed. If the density covers more, the answer is NaN."""

BISECTIONS = 66
RANGE = (1e-30, 1e30)

TAKEN = frozenset(
    [
        "i",
        "power",
        "base",
        "outward",
        "length",
        "gap",
        "sigma",
        "t",
        "rise",
        "sinh_t",
        "cosh_t",
        "grow",
        "far",
        "near",
        "weight",
        "place",
        "r",
        "u",
        "z",
        "value",
        "square",
        "origin",
        "m",
        "lo",
        "hi",
        "top",
        "reach",
        "out",
        "back",
        "outwards",
        "inwards",
        "x",
        "mean",
        "var",
        "y",
        "row",
        "low",
        "high",
        "one",
        "two",
        "three",
        "n",
        "s",
        "height",
        "a",
        "b",
        "below",
        "tail",
        "fan_in",
        "fan_out",
        "sigma_x2",
        "alpha_ikun",
        "threshold",
        "moment",
        "middle",
        "small",
        "twice",
        "start",
        "period",
        "beyond",
        "cell",
        "first",
        "last",
        "cells",
        "total",
        "derivative",
        "expectation",
        "e_g",
        "e_g2",
        "e_g4",
        "ikun_variance",
        "backward_only_variance",
        "self_consistent_variance",
        "spike",
        "init_",
        "function",
        "count",
        "args",
        "condition",
    ]
)


class Builder:
    """Collects tables and functions. `params`: the names of the surrogate's parameters in the code."""

    def __init__(self, work: Export) -> None:
        self.work, self.surrogate = work, work.bound.surrogate
        self.names = safe_names((p.name for p in self.surrogate.params), TAKEN)
        self.params = tuple(self.names.values())
        self.defaults = tuple(float(value) for _, value in work.bound.values)
        self.env: dict[sp.Symbol, Expression] = {p.symbol: Name(self.names[p.name]) for p in self.surrogate.params}
        self.tables: list[Table] = []
        self.functions: list[Function] = []
        self.notes: list[str] = []
        self.labels: dict[sp.Expr, tuple[str, tuple[str, ...]]] = {}

    def number(self, expr: sp.Expr) -> Expression:
        return lowered(expr, self.env)

    def used(self, *exprs: sp.Expr) -> tuple[str, ...]:
        """The parameters that occur in the expressions, in the surrogate's order."""
        symbols = set().union(*(expr.free_symbols for expr in exprs)) if exprs else set()
        return tuple(self.names[p.name] for p in self.surrogate.params if p.symbol in symbols)

    def public(self, title: str, first: tuple[str, ...], body: tuple[Statement, ...], result: Expression, doc: str) -> None:
        self.functions.append(Function(title, (*first, *self.params), body, result, doc, public=True, defaults=self.defaults))

    @property
    def passed(self) -> tuple[Expression, ...]:
        return tuple(Name(p) for p in self.params)


def build(work: Export) -> Program:
    builder = Builder(work)
    _derivative(builder)
    _moments(builder)
    _variances(builder)
    constants = [
        Constant(f"{key.upper()}_{label}", m.value, f"{m.enclosure.mid} +/- {m.enclosure.rad}, {m.status}")
        for label, table in work.constants.items()
        for key, m in table.moments.items()
    ]
    constants += [
        Constant(f"GAIN_{label}", table.gain, "E[f'^2]^(-1/2)")
        for label, table in work.constants.items()
        if table.gain is not None
    ]
    return Program(
        name=work.name,
        header=tuple(_header(builder)),
        constants=tuple(constants),
        tables=tuple(builder.tables),
        functions=tuple(map(without_dead, builder.functions)),
        parameters=tuple(zip(builder.params, builder.defaults, strict=True)),
    )


def without_dead(function: Function) -> Function:
    """The function without names that nothing reads."""
    kept: list[Statement] = []
    read = names_in(function.result)
    for statement in reversed(function.body):
        if not isinstance(statement, Let) or statement.name in read:
            kept.insert(0, statement)
            read |= names_in(statement)
    return replace(function, body=tuple(kept))


def _header(builder: Builder) -> list[str]:
    work = builder.work
    text = [f"Surrogate {work.bound.spec}: derivative f', Gaussian moments and weight variances."]
    text += [f"Generated by ikun {work.version}; licence MIT; no dependency but the language itself."]
    for key, power in POWERS.items():
        form = work.form(power)
        written = f": {form.text}" if form.expr is not None and len(form.text) < 400 else ""
        text.append(f"{key.lower()} = E[f'(X)^{power}], X ~ N(mu, v): {form.kind}, {form.certificate.status}{written}")
    text += builder.notes
    text.append("Constants: H ~ N(0, 1), x = H - threshold, threshold 0 or 1; enclosure and status beside each.")
    return [line for paragraph in text for line in comment_lines(paragraph)]


FARTHEST_PHASE = 1e290


def _derivative(builder: Builder) -> None:
    function = builder.surrogate.derivative
    sides = {side: _side(builder, side) for side in (1, -1)}
    x = Name("x")
    value = sides[1] if function.is_even else Select(Binary(">=", x, ZERO), sides[1], sides[-1])
    lets, value = shared(value, "e")
    u = apply("abs", x)
    if any(piece.value.has(sp.sin, sp.cos) for piece in function.pieces):
        # so far out, floats are coarser than any period, and a phase that overflows is NaN
        u = apply("min", u, number(FARTHEST_PHASE))
    body = (Let("u", u), *lets)
    builder.public("derivative", ("x",), body, value, "f'(x), x = membrane potential - threshold.")


def _side(builder: Builder, side: int) -> Expression:
    function = builder.surrogate.derivative
    env, u = {**builder.env, U: Name("u")}, Name("u")
    chain, tail = function.side(side), function.tail(side)
    value = lowered(chain[-1].value, env) if tail is None else _tail_value(builder, tail, u)
    rest = chain[:-1] if tail is None else chain
    for piece in reversed(rest):
        value = Select(less(u, builder.number(piece.hi)), lowered(piece.value, env), value)
    return value


def _tail_value(builder: Builder, tail: PeriodicTail, u: Expression) -> Expression:
    start, period = builder.number(tail.start), builder.number(tail.period)
    beyond = u - start
    # far out, floats are coarser than the period: keep the remainder inside its cell
    r = apply("min", apply("max", beyond - apply("floor", beyond / period) * period, ZERO), period)
    env = {**builder.env, U: u, R: r}
    value = lowered(tail.cell[-1][1], env)
    for end, stretch in reversed(tail.cell[:-1]):
        value = Select(less(r, builder.number(end)), lowered(stretch, env), value)
    return value


def _label(builder: Builder, value: sp.Expr, origin: bool) -> tuple[str, tuple[str, ...]]:
    """The functions that integrate pieces of this value, created on first use."""
    if value not in builder.labels:
        label, used = str(len(builder.labels) + 1), builder.used(value)
        env = {**builder.env, U: Name("u"), R: Name("r")}
        lets, expr = shared(lowered(value, env), "e")
        builder.functions += [term(label, used, lets, expr, origin), part(label, used, origin)]
        builder.labels[value] = label, used
    return builder.labels[value]


def _expectation(builder: Builder) -> None:
    """The fixed-node sum over all pieces."""
    total: Expression = ZERO
    function, sigma = builder.surrogate.derivative, Name("sigma")
    body: list[Statement] = [Let("sigma", apply("sqrt", Name("var")))]

    def add(value: Expression) -> None:
        nonlocal total
        total = value if total == ZERO else total + value

    def mean(side: int) -> Expression:
        return Name("mean") if side > 0 else -Name("mean")

    for piece in function.pieces:
        if piece.is_zero:
            continue
        label, used = _label(builder, piece.value, origin=False)
        lo, hi = builder.number(piece.lo), builder.number(piece.hi)
        add(called(label, Name("power"), mean(piece.side), lo, hi, sigma, *(Name(p) for p in used)))
    enough: Expression | None = None
    for index, tail in enumerate(function.tails):
        body += _tail_sum(builder, tail, index, mean(tail.side))
        cells = Name(f"last_{index}") - Name(f"first_{index}")
        enough = cells if enough is None else apply("max", enough, cells)
        add(Name(f"tail_{index}"))
    if enough is not None:
        total = Select(less(enough, number(MOST_CELLS)), total, number(math.nan))
    builder.functions.append(
        Function("_expectation", ("power", "mean", "var", *builder.params), tuple(body), total, "The fixed-node sum.")
    )


def _tail_sum(builder: Builder, tail: PeriodicTail, index: int, m: Expression) -> list[Statement]:
    """The sum over the cells of a periodic tail within reach of the density."""
    start, period = builder.number(tail.start), builder.number(tail.period)
    args = tuple(Name(p) for p in builder.params)
    origin = Name("start") + Name("n") * period
    lo: Expression = ZERO
    total: Expression = ZERO
    for end, value in tail.cell:
        hi = builder.number(end)
        if value != 0:
            label, used = _label(builder, value, origin=True)
            shifted = Name("m") - Name("origin")
            share = called(label, Name("power"), shifted, lo, hi, Name("sigma"), Name("origin"), *(Name(p) for p in used))
            total = share if total == ZERO else total + share
        lo = hi
    cell = Function(
        f"_cell_{index}",
        ("n", "power", "m", "sigma", *builder.params),
        (Let("start", start), Let("origin", origin)),
        total,
        "One cell of the periodic tail.",
    )
    builder.functions.append(cell)
    far = apply("max", m - start, ZERO) + number(REACH) * Name("sigma")
    near = m - start - number(REACH) * Name("sigma")
    first = apply("floor", apply("max", near, ZERO) / period)
    last = apply("min", apply("floor", far / period), first + number(MOST_CELLS))
    return [
        Let(f"first_{index}", first),
        Let(f"last_{index}", last),
        Span(
            f"tail_{index}",
            cell.name,
            Name(f"first_{index}"),
            Name(f"last_{index}"),
            (Name("power"), m, Name("sigma"), *args),
        ),
    ]


def _moments(builder: Builder) -> None:
    scaling = scaling_of(builder.surrogate)
    general = False
    answers: dict[str, Expression] = {}
    names: dict[str, int] = {key.lower(): power for key, power in POWERS.items()}
    for title, power in names.items():
        closed = _closed(builder, power)
        if closed is not None:
            builder.notes.append(f"{title}: evaluated by its closed form at every mean.")
            answers[title] = closed
            continue
        if not general:
            _expectation(builder)
            general = True
        summed = Call("_expectation", (number(power), Name("mean"), Name("var"), *builder.passed))
        found = reason_or_certified(scaling.unit, power) if scaling is not None else "f' does not scale with one parameter"
        note = f"{title}: a sum of {NODES} fixed nodes a part of a piece, verified by running (ACCURACY.md)"
        if isinstance(found, str) or scaling is None:
            builder.notes.append(f"{note}; no certified polynomial at mean 0: {found}.")
            answers[title] = summed
            continue
        builder.notes.append(f"{note}; at mean 0 a polynomial, relative error <= {found.error:.1e} for all var (certified).")
        label = str(power)
        tables, total = clenshaw(label, found)
        width, height = builder.number(scaling.width), builder.number(scaling.height)
        used = builder.used(scaling.width, scaling.height)
        builder.tables += tables
        builder.functions += [total, moment_at_zero(label, found, width, height, power, used)]
        at_zero = Call(f"_at_zero_{label}", (Name("var"), *(Name(p) for p in used)))
        answers[title] = Select(Binary("==", Name("mean"), ZERO), at_zero, summed, lazy=True)
    for title, answer in answers.items():
        result = Select(less(ZERO, Name("var")), answer, number(math.nan), lazy=True)
        doc = f"E[f'(X)^{names[title]}] for X ~ N(mean, var), var > 0; mean = E[H] - threshold."
        builder.public(title, ("mean", "var"), (), result, doc)


def _closed(builder: Builder, power: int) -> Expression | None:
    """The closed form, if it is proved and needs no special function; else None."""
    form = builder.work.form(power)
    if form.expr is None or not form.certificate.proved or form.error:
        return None
    functions = form.expr.atoms(sp.Function)
    if any(not isinstance(f, (sp.exp, sp.sin, sp.cos)) for f in functions):
        return None
    return lowered(form.expr, {**builder.env, MEAN: Name("mean"), VAR: Name("var")})


def _variances(builder: Builder) -> None:
    passed, moment = builder.passed, Name("moment")
    at = Let("moment", Call("e_g2", (Name("mean"), Name("var"), *passed)))

    def quotient(numerator: Expression, denominator: Expression) -> Expression:
        return Select(less(ZERO, moment), numerator / denominator, number(math.inf), lazy=True)

    builder.public(
        "ikun_variance",
        ("fan_in", "sigma_x2", "mean", "var", "alpha_ikun"),
        (at,),
        quotient(Name("alpha_ikun"), Name("fan_in") * Name("sigma_x2") * moment),
        "Var(W) = alpha_ikun / (fan_in sigma_x2 E[f'^2]) (arXiv 2411.18250, Theorem 1); infinite where E[f'^2] = 0.",
    )
    builder.public(
        "backward_only_variance",
        ("fan_out", "mean", "var"),
        (at,),
        quotient(ONE, Name("fan_out") * moment),
        "Var(W) = 1 / (fan_out E[f'^2]): the gradient's variance stays.",
    )
    tables, functions = tail_functions()
    builder.tables += tables
    builder.functions += functions
    builder.notes.append(
        f"Firing rate: Q(a) through a polynomial for erfcx, relative error <= {erfcx_error():.1e} (certified)."
    )
    lo, hi, middle = Name("lo"), Name("hi"), Name("middle")
    inner = Call("e_g2", (-Name("threshold"), middle, *passed))
    step = (
        Let("middle", apply("sqrt", lo) * apply("sqrt", hi)),
        Let("small", Select(less(middle * inner, Name("alpha_ikun")), ONE, ZERO)),
        Let("lo", Select(less(HALF, Name("small")), middle, lo)),
        Let("hi", Select(less(HALF, Name("small")), hi, middle)),
    )
    zero = ZERO * (Name("threshold") + Name("alpha_ikun"))
    rate = Call("_upper_tail", (Name("threshold") / apply("sqrt", hi),))
    builder.public(
        "self_consistent_variance",
        ("fan_in", "threshold", "alpha_ikun"),
        (
            Let("lo", number(RANGE[0]) + zero),
            Let("hi", number(RANGE[1]) + zero),
            Loop("n", 0, BISECTIONS, ("lo", "hi"), step),
        ),
        Select(less(hi, number(RANGE[1] / 2)), hi / (Name("fan_in") * rate), number(math.nan)),
        "Var(W) with v = fan_in Var(W) E[X^2] and v E[f'(H - threshold)^2] = alpha_ikun, H ~ N(0, v); NaN where "
        "there is none. sigma_X^2 is the second moment E[X^2] (scheme ikun-second-moment), not the variance (scheme ikun).",
    )
