"""Observables: one value per draw. The prediction for infinite width has the same arrays (`Run`) as a draw. So the predicted
value of an observable is the observable of the prediction, unless an entry says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ikun_sym.catalogue.registry import Registry
from ikun_sym.mean_field.prediction import Run

from ..networks.network import Draw
from .case import NOTHING, Case, Expected
from .intervals import (
    Interval,
    deviation_interval,
    log_normal_mean_interval,
    reserved_mean_interval,
    share_interval,
    variance_interval,
)

Floats = np.ndarray
Shown = Draw | Run


@dataclass(frozen=True, kw_only=True)
class Observable:
    """`measure`: the value of a draw. `interval`: (values, error probability) to the interval of the quantity of interest, by
    default the mean of the values. `expect`: the predicted quantity; None: that of a network of infinite width. `logarithm`:
    the values are logarithms of the quantity. `silent`: draws without activity count too."""

    name: str
    label: str
    measure: Callable[[Shown, Case], float]
    interval: Callable[[Sequence[float], float], Interval] = reserved_mean_interval
    expect: Callable[[Case], Expected] | None = None
    logarithm: bool = False
    silent: bool = False

    def expected(self, case: Case) -> Expected:
        if self.expect is not None:
            return self.expect(case)
        value, error = case.expect(lambda run: self.measure(run, case))
        if not self.logarithm:
            return Expected(value, error)
        with np.errstate(over="ignore"):
            return Expected(float(np.exp(value)), float(np.exp(value) * error))

    def measured(self, draws: Sequence[Draw], case: Case, error: float) -> Interval:
        """The interval from these draws; it misses with probability `error`."""
        return self.interval([self.measure(draw, case) for draw in draws if self.silent or draw.alive > 0], error)


OBSERVABLES: Registry[Observable] = Registry("observable")


def _stationary(values: Floats, case: Case) -> float:
    """Mean over the stationary pairs of layers; NaN if one of them could not be measured."""
    return float(np.mean(values[case.stationary])) if case.stationary.any() else float("nan")


def forward_factors(shown: Shown) -> Floats:
    """Var(H^{l+1})/Var(H^l), summed over steps, l = 1 … L − 1."""
    total = shown.var_h.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total[1:] / total[:-1]


def backward_factors(shown: Shown) -> Floats:
    """E‖δ^l‖²/E‖δ^{l+1}‖². Ratios are averaged, not their logarithms: those are biased by −(3 m4/m2² − 1)/2n."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.exp(shown.log_gradient[:-1] - shown.log_gradient[1:])


OBSERVABLES.register(
    Observable(
        name="backward_factor",
        label="E‖δˡ‖² / E‖δˡ⁺¹‖²",
        measure=lambda shown, case: _stationary(backward_factors(shown), case),
    )
)
OBSERVABLES.register(
    Observable(
        name="forward_factor",
        label="Var(Hˡ⁺¹) / Var(Hˡ)",
        measure=lambda shown, case: _stationary(forward_factors(shown), case),
    )
)
OBSERVABLES.register(
    Observable(
        name="linearised_factor",
        label="Var(Hˡ⁺¹) / (K E[f′²] Var(Hˡ))",
        measure=lambda shown, case: _stationary(forward_factors(shown) / backward_factors(shown), case),
    )
)
OBSERVABLES.register(
    Observable(
        name="survival",
        label="share of draws whose activity reaches the last layer",
        measure=lambda draw, case: float(_alive(draw) > 0.5),
        interval=lambda values, error: share_interval(int(sum(values)), len(values), error),
        expect=lambda case: case.survival,
        silent=True,
    )
)


def _alive(shown: Shown) -> float:
    return shown.alive if isinstance(shown, Draw) else 1.0


def _rate(shown: Shown, case: Case) -> float:
    alive = _alive(shown)
    return alive * float(shown.rate[-1].mean()) if alive > 0 else 0.0


OBSERVABLES.register(
    Observable(name="rate", label="firing rate of the last layer, silent samples included", measure=_rate, silent=True)
)
OBSERVABLES.register(
    Observable(
        name="gradient_ratio",
        label="E‖δ¹‖² / E‖δᴸ‖²",
        measure=lambda shown, case: float(shown.log_gradient[0]),
        interval=log_normal_mean_interval,
        logarithm=True,
    )
)
OBSERVABLES.register(
    Observable(
        name="typical_factor",
        label="factor per layer of log‖δ‖² over the whole depth, its bias −β/2 taken off",
        measure=lambda shown, case: float(
            np.exp((shown.log_gradient[0] + _shortfall(shown, case)) / (case.architecture.depth - 1))
        ),
    )
)


def _shortfall(shown: Shown, case: Case) -> float:
    """β/2: the amount by which a draw's logarithm is smaller on average at finite width; 0 for a prediction."""
    return case.log_gradient_variance / 2 if isinstance(shown, Draw) else 0.0


def _standard(shown: Shown, case: Case) -> float:
    """Deviation of the log gradient from its infinite-width value, in units of β."""
    return float(shown.log_gradient[0] - case.expect(lambda run: run.log_gradient[0]).value) / case.log_gradient_variance


def _known(value: float) -> Callable[[Case], Expected]:
    """The constant `value` as prediction, if theory knows β; else NaN."""
    return lambda case: Expected(value if np.isfinite(case.log_gradient_variance) else float("nan"))


OBSERVABLES.register(
    Observable(
        name="log_gradient_shift",
        label="mean of log‖δ¹‖²/‖δᴸ‖² about its infinite-width value, over β",
        measure=_standard,
        expect=_known(-0.5),
    )
)
OBSERVABLES.register(
    Observable(
        name="log_gradient_spread",
        label="variance between draws of log‖δ¹‖²/‖δᴸ‖², over β",
        measure=lambda shown, case: _standard(shown, case) * case.log_gradient_variance**0.5,
        interval=variance_interval,
        expect=lambda case: Expected(case.moving_share),
    )
)
OBSERVABLES.register(
    Observable(
        name="rate_spread",
        label="standard deviation between draws of the last layer's rate, over √((1 − p)p/(n(1 − s²)))",
        measure=lambda shown, case: _rate(shown, case) / (case.rate_spread.value * case.expect(lambda r: r.rate[-1, 0]).value),
        interval=deviation_interval,
        expect=lambda case: Expected(1.0 if np.isfinite(case.rate_spread.value) else float("nan")),
    )
)
OBSERVABLES.register(
    Observable(
        name="first_variance",
        label="Var(H¹) / (K E[x²])",
        measure=lambda shown, case: float(shown.var_h[0, 0] / (case.architecture.gains[0] * case.architecture.input_second)),
    )
)
OBSERVABLES.register(
    Observable(
        name="first_rate",
        label="firing rate of the first layer",
        measure=lambda shown, case: float(shown.rate[0].mean()),
    )
)


def _growth(over: Callable[[Floats], Floats]) -> Callable[[Shown, Case], float]:
    """Minus the slope of log E‖δˡ‖² against `over`(l), by least squares over l = L/4 … L."""

    def measure(shown: Shown, case: Case) -> float:
        layers = np.arange(max(1, case.architecture.depth // 4), case.architecture.depth + 1)
        x = over(layers) - over(layers).mean()
        with np.errstate(invalid="ignore"):
            return -float((x * shown.log_gradient[layers - 1]).sum() / (x * x).sum())

    return measure


OBSERVABLES.register(
    Observable(
        name="gradient_exponent",
        label="fall of log E‖δˡ‖² with log l, l from L/4 to L",
        measure=_growth(np.log),
    )
)
OBSERVABLES.register(
    Observable(
        name="gradient_root",
        label="fall of log E‖δˡ‖² with √l, l from L/4 to L",
        measure=_growth(np.sqrt),
    )
)


def _of_pairs(name: str, layer: int) -> Callable[[Shown, Case], float]:
    """What two inputs of a pair show in a layer; NaN where samples are no pairs."""

    def measure(shown: Shown, case: Case) -> float:
        values = getattr(shown, name, None)
        return float("nan") if values is None else float(values[layer])

    return measure


def _expected_of_pairs(name: str, layer: int) -> Callable[[Case], Expected]:
    def expect(case: Case) -> Expected:
        pair = case.pair
        return NOTHING if pair is None else Expected(float(getattr(pair, name)[layer]), float(pair.errors(name)[layer]))

    return expect


OBSERVABLES.register(
    Observable(
        name="overlap",
        label="overlap Σ S S′ / √(Σ S Σ S′) of two inputs' spikes in the last layer",
        measure=_of_pairs("overlap", -1),
        expect=_expected_of_pairs("overlap", -1),
    )
)
OBSERVABLES.register(
    Observable(
        name="gradient_correlation",
        label="correlation Σ δ δ′ / √(Σ δ² Σ δ′²) of two inputs' gradients in the first layer",
        measure=_of_pairs("gradient_correlation", 0),
        expect=_expected_of_pairs("gradient_correlation", 0),
    )
)
