"""E[f'(X)^p] and E[f(X)^p] for X ~ N(mean, var): one call, one answer with everything that is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..catalogue.piecewise import PiecewiseFunction
from ..catalogue.surrogate import Bound
from ..errors import DomainError, IkunError
from ..exact import Number, exact
from ..reading.surrogate_spec import Spec, resolve
from ..told import Told
from .closed_form import form_of
from .enclosures.certify import Enclosure, expectation
from .form import Certificate, ClosedForm
from .primitive import with_primitive

if TYPE_CHECKING:
    from .evaluate import FloatFunction

OF = ("fprime", "f")
MAX_POWER = 16
MAX_DIGITS = 1000
DEFAULT_DIGITS = 17


@dataclass(frozen=True, kw_only=True)
class Moment(Told):
    """E[g(X)^power], X ~ N(mean, var), g = f' or f of a surrogate.

    `enclosure` is rigorous, whatever `certificate` says of the closed form `form`.
    """

    shown = ("surrogate", "of", "power", "mean", "var", "value", "status")

    surrogate: Bound
    of: str
    power: int
    mean: Fraction
    var: Fraction
    enclosure: Enclosure
    form: ClosedForm
    certificate: Certificate
    note: str = ""

    @property
    def value(self) -> float:
        return self.enclosure.value

    @property
    def status(self) -> str:
        return self.certificate.status

    @property
    def proved(self) -> bool:
        return self.certificate.proved

    @property
    def title(self) -> str:
        power = f"^{self.power}" if self.power > 1 else ""
        name = "f'" if self.of == "fprime" else "f"
        return f"E[{name}(X){power}], X ~ N({float(self.mean):g}, {float(self.var):g})"

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "surrogate": self.surrogate.spec,
            "of": self.of,
            "power": self.power,
            "mean": float(self.mean),
            "var": float(self.var),
            "value": self.value if math.isfinite(self.value) else None,
            "enclosure": self.enclosure.to_dict(),
            "form": {
                "kind": self.form.kind,
                "text": self.form.text,
                "latex": self.form.latex,
                "relative_error": float(self.form.error),
            },
            "status": self.status,
            "proved": self.proved,
        }
        if not math.isfinite(self.value):
            result["reason"] = "beyond float64; the enclosure holds it"
        return result | ({"note": self.note} if self.note else {})

    def _repr_latex_(self) -> str:
        name = "f'" if self.of == "fprime" else "f"
        return rf"$\mathbb{{E}}\left[{name}(X)^{{{self.power}}}\right] = {self.form.latex} \approx {self.value!r}$"


def integrand(bound: Bound, of: str, power: int) -> PiecewiseFunction:
    """g^power for g = f' (`of` "fprime") or f (`of` "f"). Errors: `of` or `power` is none of these."""
    if not isinstance(of, str) or of not in OF:
        raise IkunError(f"of = {of!r} is not known; allowed: {', '.join(OF)}")
    if isinstance(power, bool) or not isinstance(power, int) or not 1 <= power <= MAX_POWER:
        raise DomainError("power", power, f"an integer from 1 to {MAX_POWER}")
    return _integrand(bound, of, power)


@lru_cache(maxsize=512)
def _integrand(bound: Bound, of: str, power: int) -> PiecewiseFunction:
    bound = bound.chosen()
    return (bound.surrogate.derivative if of == "fprime" else with_primitive(bound)[1]).power(power)


def moment(
    surrogate: Spec, mean: Number, var: Number, *, power: int = 1, of: str = "fprime", digits: int = DEFAULT_DIGITS
) -> Moment:
    """E[g(X)^power] for X ~ N(mean, var), g = f' (`of="fprime"`) or its primitive f (`of="f"`).

    X is the surrogate's argument: a threshold θ enters as mean = E[H] − θ. var = 0 gives the value at the mean.
    `surrogate` is a name, a SPEC such as "atan:alpha=3" or a Surrogate. Strings are exact decimals.

    Errors: IkunError for an unknown surrogate, a parameter outside its domain, var < 0, or digits out of reach.
    """
    bound = resolve(surrogate)
    m, v = exact(mean, "mean"), exact(var, "var")
    if v < 0:
        raise DomainError("var", var, "zero or a positive number", "it is a variance, not a standard deviation")
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= MAX_DIGITS:
        raise DomainError("digits", digits, f"an integer from 1 to {MAX_DIGITS}")
    function = integrand(bound, of, power)
    enclosure = expectation(function, bound.environment, m, v, max(digits, DEFAULT_DIGITS))
    note = ""
    if v == 0:
        form = ClosedForm(expr=None, kind="none", method="value at a point", certificate=Certificate(status="numeric-only"))
        note = "variance 0: the value at the mean; at a jump the one-sided limits are averaged"
    else:
        form = form_of(function, bound.environment, m)
    return Moment(
        surrogate=bound,
        of=of,
        power=power,
        mean=m,
        var=v,
        enclosure=enclosure,
        form=form,
        certificate=form.certificate,
        note=note,
    )


def float_function(bound: Bound, of: str = "fprime", power: int = 1) -> FloatFunction:
    """g^power over float64 arrays, with its Gaussian expectations."""
    return _float_function(bound, integrand(bound, of, power))


@lru_cache(maxsize=512)
def _float_function(bound: Bound, function: PiecewiseFunction) -> FloatFunction:
    from .evaluate import FloatFunction  # here: it needs scipy, which takes as long to import as a moment to derive

    return FloatFunction(function, bound.environment)


def evaluate(
    surrogate: Spec, mean: ArrayLike, var: ArrayLike, *, power: int = 1, of: str = "fprime", **params: Number
) -> NDArray[np.float64]:
    """E[g(X)^power], X ~ N(mean, var), in float64 by broadcasting over `mean` and `var` > 0.

    Relative error at most 1e-13 for values above 1e-100 and 1e-15·|ln value| below (measured, for g >= 0); where a g that
    changes its sign cancels, an error of 1e-15 √E[g^(2·power)] may be left.
    """
    return float_function(resolve(surrogate, **params), of, power).expectation(mean, var)
