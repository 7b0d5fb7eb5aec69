"""E[f'(X) f'(X')] for (X, X') bivariate normal: one call, one answer with everything that is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...catalogue.surrogate import Bound
from ...errors import DomainError
from ...exact import Number
from ...reading.surrogate_spec import Spec, resolve
from ...told import Told
from ..enclosures.certify import Enclosure
from ..form import Certificate, ClosedForm
from ..moment import DEFAULT_DIGITS, MAX_DIGITS, integrand
from ..moment import moment as moment_of_one
from .closed_form import form_of
from .enclosure import pair_expectation
from .exact_law import ExactLaw


@dataclass(frozen=True, kw_only=True)
class PairMoment(Told):
    """E[f'(X) f'(X')] of a surrogate. `enclosure` is rigorous, whatever `certificate` says of the closed form `form`."""

    shown = ("surrogate", "law", "value", "status")

    surrogate: Bound
    law: ExactLaw
    enclosure: Enclosure
    form: ClosedForm
    note: str = ""

    @property
    def value(self) -> float:
        return self.enclosure.value

    @property
    def certificate(self) -> Certificate:
        return self.form.certificate

    @property
    def status(self) -> str:
        return self.certificate.status

    @property
    def proved(self) -> bool:
        return self.certificate.proved

    @property
    def title(self) -> str:
        (m, v), (n, w) = self.law.laws
        other = f", X' ~ N({float(n):g}, {float(w):g})" if not self.law.alike else ", X' alike"
        return f"E[f'(X) f'(X')], X ~ N({float(m):g}, {float(v):g}){other}, correlation {float(self.law.rho):g}"

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "surrogate": self.surrogate.spec,
            "of": "fprime",
            "mean": float(self.law.mean),
            "var": float(self.law.var),
            "correlation": float(self.law.rho),
            "other_mean": float(self.law.other_mean),
            "other_var": float(self.law.other_var),
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
        return rf"$\mathbb{{E}}\left[f'(X) f'(X')\right] = {self.form.latex} \approx {self.value!r}$"


def pair_moment(
    surrogate: Spec,
    mean: Number,
    var: Number,
    rho: Number,
    *,
    other_mean: Number | None = None,
    other_var: Number | None = None,
    digits: int = DEFAULT_DIGITS,
) -> PairMoment:
    """E[f'(X) f'(X')], X ~ N(mean, var), X' ~ N(other_mean, other_var), correlation `rho`; X' is as X where nothing else is
    said. In forms, mu', v' and cov are the mean and variance of X' and the covariance. Strings are exact decimals.

    Errors: IkunError for an unknown surrogate, a parameter outside its domain, a variance that is not positive, a correlation
    beyond ±1, or digits out of reach.
    """
    bound = resolve(surrogate)
    law = ExactLaw.of(mean, var, rho, other_mean, other_var)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= MAX_DIGITS:
        raise DomainError("digits", digits, f"an integer from 1 to {MAX_DIGITS}")
    function = integrand(bound, "fprime", 1)
    if law.rho == 1 and law.alike:
        one = moment_of_one(surrogate, law.mean, law.var, power=2, digits=digits)
        return PairMoment(
            surrogate=bound, law=law, enclosure=one.enclosure, form=one.form, note="correlation 1, one law: E[f'(X)²]"
        )
    enclosure = pair_expectation(function, bound.environment, law, max(digits, DEFAULT_DIGITS))
    if abs(law.rho) == 1:
        form = ClosedForm(expr=None, kind="none", method="certified quadrature", certificate=Certificate(status="numeric-only"))
        note = "X' is a linear function of X: forms are for correlations inside (-1, 1)"
        return PairMoment(surrogate=bound, law=law, enclosure=enclosure, form=form, note=note)
    return PairMoment(surrogate=bound, law=law, enclosure=enclosure, form=form_of(function, bound.environment))
