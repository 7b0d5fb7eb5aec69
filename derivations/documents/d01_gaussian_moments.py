"""E[f'], E[f'²], E[f'⁴], E[f] and E[f²] of every registered surrogate at general mean and variance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, U
from ikun_sym.catalogue.surrogate import Bound, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError, InfiniteExpectationError
from ikun_sym.gaussian.closed_form import form_of
from ikun_sym.gaussian.enclosures.certify import expectation
from ikun_sym.gaussian.form import ClosedForm, latex
from ikun_sym.gaussian.moment import float_function, integrand
from ikun_sym.gaussian.primitive import with_primitive
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.slope import slope_of

from ..checkers.equality import vanishes
from ..document import Document
from ..figure import Axis, Figure, Series
from ..piecewise_tex import cases
from ..reference import IKUN

MOMENTS = (("fprime", 1), ("fprime", 2), ("fprime", 4), ("f", 1), ("f", 2))
NAMES = {"fprime": "f'", "f": "f"}

DOMAINS = {
    "positive": "> 0",
    "nonnegative": r"\geq 0",
    "real": r"\in \mathbb{R}",
    "share": r"\in [0, 1]",
    "above one": "> 1",
    "count": r"\in \{1, 2, \dots\}",
}
"""A parameter's domain as LaTeX."""

MEAN_IN_FIGURES = -1
DEVIATIONS = np.geomspace(0.05, 20, 49)
FEW_DEVIATIONS = np.geomspace(0.05, 1.5, 9)
"""For a periodic tail, of which a wide Gaussian meets many cells: seconds a point in float64."""

STEEPER = (0.25, 1.0, 4.0)
"""The slopes drawn, times the default."""


def parts() -> list[list[Surrogate]]:
    """What can be built side by side, each by `build`: the head, then one surrogate each."""
    return [[], *([surrogate] for surrogate in SURROGATES)]


def build(surrogates: Iterable[Surrogate] | None = None) -> Document:
    document = Document(
        id="gaussian-moments",
        title="Gaussian moments of surrogate derivatives",
        summary="For X ~ N(μ, v), the argument of a surrogate whose membrane potential is Gaussian (a threshold enters as "
        "μ = −θ): E[f'(X)^p] for p = 1, 2, 4 and E[f(X)^p] for p = 1, 2, in closed form where one is known, and enclosed "
        "where none is.",
        references=(str(IKUN),),
    )
    chosen = None if surrogates is None else list(surrogates)
    if not chosen:
        _setting(document)
    for surrogate in SURROGATES if chosen is None else chosen:
        _section(document, surrogate)
    return document


def _setting(document: Document) -> None:
    document.section("setting", "What is derived, and how it is known")
    document.assume(
        "X is Gaussian with mean μ and variance v", r"X \sim \mathcal{N}(\mu, v), \quad \mu \in \mathbb{R}, \quad v > 0"
    )
    document.define(
        "f' stands in for the derivative of the spike; f is its primitive, with f(−∞) = 0 where f' is integrable and f(0) = 0 "
        "otherwise. E[f] and E[f²] depend on that constant, E[f'^p] does not."
    )
    document.define(
        "A closed form is proved for all parameters by an antiderivative on every piece (proved-ftc), by the heat equation in "
        "mean and variance with its limit and a growth bound (proved-heat), or at mean 0 by an ordinary differential equation "
        "(proved-ode). Where a parameter is an exponent, or there are more than two, the form is derived, and proved, at the "
        "values named alone. A finite sum is proved with its relative error. Numbers are enclosed by ball arithmetic, whatever "
        "is known of a form."
    )
    document.not_shown("That no closed form exists where none is known.")
    document.not_shown("That a membrane potential is Gaussian: it is in wide layers at the first time step.")


def _section(document: Document, surrogate: Surrogate) -> None:
    bound = resolve(surrogate)
    document.section(surrogate.name, surrogate.name)
    document.assume("Parameters", r",\quad ".join(_domain(surrogate)), id=f"{surrogate.name}-parameters")
    chosen = f"; the parameters choose the formula, here {bound.spec}" if surrogate.family else ""
    symbols = (*(param.symbol for param in bound.surrogate.params), U)
    document.define(
        surrogate.summary + chosen, cases(bound.surrogate.derivative), symbols=symbols, id=f"{surrogate.name}-derivative"
    )
    _primitive(document, bound)
    for of, power in MOMENTS:
        _moment(document, bound, of, power)
    drawn = figure(bound)
    if drawn is not None:
        document.figure(drawn)


def _primitive(document: Document, bound: Bound) -> None:
    """f, and its derivative on every piece."""
    try:
        derivative, found = with_primitive(bound)
    except IkunError as reason:
        document.not_shown(f"The primitive f: {reason}")
        return
    document.define("Its primitive", cases(found, "f"), id=f"{bound.surrogate.name}-primitive")
    for f, slope in _distinct(found, derivative):
        shown = rf"\frac{{d}}{{du}} \left({latex(f)}\right) = {latex(slope)}"
        if vanishes(sp.diff(f, U) - slope):
            document.step("whose derivative on a piece, in u = |x|, is", sp.diff(f, U), slope, formula=shown)
        else:
            document.not_shown("Its derivative on this piece is equal by simplification, not by the zero test", shown)


def _distinct(found: PiecewiseFunction, derivative: PiecewiseFunction) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """(f, df/du) on the pieces where f' is not 0; on the negative side df/du = −f'. The same formula once."""
    seen = set()
    for f, slope in zip(found.pieces, derivative.pieces, strict=True):
        assert (f.side, f.lo, f.hi) == (slope.side, slope.lo, slope.hi)
        pair = (f.value, slope.side * slope.value)
        if not slope.is_zero and pair not in seen:
            seen.add(pair)
            yield pair


def _moment(document: Document, bound: Bound, of: str, power: int) -> None:
    """The closed form with its proof, and the number at μ = 0, v = 1."""
    name = NAMES[of]
    left = rf"\mathbb{{E}}\left[{name}(X)^{{{power}}}\right]" if power > 1 else rf"\mathbb{{E}}\left[{name}(X)\right]"
    try:
        function = integrand(bound, of, power)
    except IkunError:
        return  # without a primitive; said above
    form = form_of(function, bound.environment)
    told, id = f"{name}, p = {power}", f"{bound.surrogate.name}-{of}-{power}"
    if form.expr is not None:
        fixed = f" at {bound.spec} alone" if parameters_fixed(bound, form) else ""
        text = f"{told}, {form.kind} form{fixed}, by the rule “{form.method}”"
        document.certified(text, f"{left} = {form.latex}", form.certificate, id=id)
    at = f"{told} at μ = 0, v = 1, {bound.spec}"
    if form.expr is None:
        at += "; no closed form is known"
    try:
        enclosure = expectation(function, bound.environment, Fraction(0), Fraction(1))
    except InfiniteExpectationError as reason:
        document.not_shown(f"{told} at μ = 0, v = 1: {reason}")
        return
    document.value(at, left, enclosure, id=f"{id}-value")


def parameters_fixed(bound: Bound, form: ClosedForm) -> bool:
    """Whether the form holds parameters of f' as numbers: an exponent, or more of them than fit a page. (Also said of a form
    that does not depend on one of them.)"""
    return form.expr is not None and bool(bound.surrogate.derivative.free_symbols - form.expr.free_symbols - {U})


def figure(bound: Bound) -> Figure | None:
    """E[f'²] at μ = −1 against the standard deviation, for three slopes where there is a slope; None if it is 0."""
    deviations = FEW_DEVIATIONS if bound.surrogate.derivative.tails else DEVIATIONS
    series = []
    for label, one in _curves(bound).items():
        values = float_function(one, "fprime", 2).expectation(MEAN_IN_FIGURES, deviations**2, settle=False)
        drawn = [float(value) if value > 1e-12 else math.nan for value in values]
        if any(map(math.isfinite, drawn)):
            series.append(Series(label, tuple(map(float, deviations)), tuple(drawn)))
    if not series:
        return None
    ends = "; ".join(f"{s.label}: from {_first(s.y):.3g} to {_first(s.y[::-1]):.3g}" for s in series)
    return Figure(
        id=f"{bound.surrogate.name}-figure",
        title="E[f'(X)²] against the standard deviation, at μ = −1 (threshold 1)",
        alt=f"The second moment of f' of {bound.surrogate.name}, deviations from 0.05 to {deviations[-1]:g}. {ends}.",
        series=tuple(series),
        x_axis=Axis(r"standard deviation $\sqrt{v}$", log=True),
        y_axis=Axis(r"$\mathbb{E}[f'(X)^2]$", log=True),
    )


def _curves(bound: Bound) -> dict[str, Bound]:
    """What is drawn, by its label: three slopes, or one where no slope can be set or tails are periodic."""
    try:
        slope = slope_of(bound)
        if not bound.surrogate.derivative.tails:
            return {f"slope {slope.default * factor:.3g}": slope.at(slope.default * factor) for factor in STEEPER}
    except IkunError:  # no slope, or one outside the parameter's domain
        pass
    return {bound.spec: bound}


def _first(values: tuple[float, ...]) -> float:
    return next(value for value in values if math.isfinite(value))


def _domain(surrogate: Surrogate) -> list[str]:
    return [r"\mu \in \mathbb{R}", "v > 0", *(f"{latex(param.symbol)} {DOMAINS[param.domain]}" for param in surrogate.params)]
