"""What the theory over time predicts, per layer and step, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..told import Result, Told
from .backward import Gradients
from .covariance import Floats
from .neuron_sample import Steps

if TYPE_CHECKING:
    from .infinite_network import TimeModel

NO_GRADIENT = "no gradient reaches this layer: the surrogate is zero where all membranes are"
OUT_OF_RANGE = "beyond float64; log_gradient holds its logarithm, summed over steps"


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPrediction(Told):
    """One layer, counted from 1; arrays over the steps. `var_h`: variance of H over weights and inputs (`mean_h`: its
    mean); `rate`: E[S]; `grad_var`: E[(∂L/∂H[t])²] relative to the same at the last layer summed over steps;
    `log_gradient`: log of its sum over steps. `current` [T, T]: covariance of the current at the membrane. `se`: the
    standard error of each, by name."""

    shown = ("layer", "var_h", "rate", "grad_var", "log_gradient")

    layer: int
    var_h: Floats
    mean_h: Floats
    rate: Floats
    grad_var: Floats
    log_gradient: float
    current: Floats
    se: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        names = ("var_h", "mean_h", "rate", "grad_var")
        document: dict[str, Any] = {"layer": self.layer}
        document |= {name: [_number(x) for x in getattr(self, name)] for name in names}
        document["log_gradient"] = _number(self.log_gradient)
        errors: dict[str, Any] = {name: [_number(x) for x in self.se[name]] for name in names}
        document["se"] = errors | {"log_gradient": _number(self.se["log_gradient"])}
        if self.log_gradient == -math.inf:
            document["reason"] = NO_GRADIENT
        elif not (np.isfinite(self.grad_var).all() and np.isfinite(self.se["grad_var"]).all()):
            document["reason"] = OUT_OF_RANGE
        return document


@dataclass(frozen=True, kw_only=True, eq=False)
class Run(Told):
    """One randomisation, what one network of infinite width shows: `var_h`, `rate` [L, T]; `log_gradient` [L], log of
    Σ_t E[δH²] relative to the last layer; `gradient` [L, T], its shares."""

    var_h: Floats
    rate: Floats
    log_gradient: Floats
    gradient: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class TimePrediction(Result):
    """`log_gradient`: log of layer 1's Σ_t E[(∂L/∂H[t])²] relative to the last layer's, and its standard error.
    `silent_from`: the first layer without a spike; `fixed_from`: the first layer whose law all further ones share.
    `runs`: the randomisations themselves, so that the error of anything computed from a prediction can be had.
    `arch`, `gain` K = fan_in · Var(W) and `gain_out`: of the network; `gains`: K by layer. `positions`: by layer, what a
    convolution's positions show, [position …, T]: var_h, rate, and grad_var relative to the layer's own mean over positions,
    summed over steps. `information`: of two inputs, by the words of `information.Information`, where it was asked for."""

    shown = ("arch", "gain", "layers", "log_gradient", "log_gradient_se", "silent_from", "fixed_from", "randomisations")

    arch: str
    gain: float
    gain_out: float
    gains: tuple[float, ...]
    layers: tuple[LayerPrediction, ...]
    log_gradient: float
    log_gradient_se: float
    silent_from: int | None
    fixed_from: int | None
    randomisations: int
    samples: int
    runs: tuple[Run, ...] = ()
    positions: tuple[Mapping[str, Floats], ...] = ()
    information: Mapping[str, Any] | None = None

    def expect(self, what: Callable[[Run], Any]) -> tuple[Floats, Floats]:
        """The mean of what `what` says of a run, and its standard error; an exact prediction has none."""
        return _mean_and_error(np.array([what(run) for run in self.runs], dtype=float))

    def array(self, name: str) -> Floats:
        """[L, T] of var_h, mean_h, rate or grad_var; [L, T, T] of current."""
        return np.array([getattr(layer, name) for layer in self.layers])

    def errors(self, name: str) -> Floats:
        """The standard errors of `array`."""
        return np.array([layer.se[name] for layer in self.layers])

    def listed(self) -> list[dict[str, Any]]:
        """Means over the steps."""
        return [
            {
                "layer": layer.layer,
                "var_h": float(layer.var_h.mean()),
                "rate": float(layer.rate.mean()),
                "log_gradient": layer.log_gradient,
            }
            for layer in self.layers
        ]

    @property
    def log_factors(self) -> Floats:
        """[L − 1]: log of Σ_t E[δH²] at layer l over the same at layer l + 1."""
        totals = np.array([layer.log_gradient for layer in self.layers])
        with np.errstate(invalid="ignore"):
            return totals[:-1] - totals[1:]

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {"arch": self.arch, "gain": self.gain, "gain_out": self.gain_out}
        if len(set(self.gains)) > 1:
            document["gains"] = list(self.gains)
        document |= {
            "layers": [layer.to_dict() for layer in self.layers],
            "log_gradient": _number(self.log_gradient),
            "log_gradient_se": _number(self.log_gradient_se),
            "silent_from": self.silent_from,
            "fixed_from": self.fixed_from,
            "randomisations": self.randomisations,
            "samples": self.samples,
        }
        if self.information is not None:
            document["information"] = dict(self.information)
        return document | ({"reason": NO_GRADIENT} if self.log_gradient == -math.inf else {})


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _mean_and_error(runs: Floats) -> tuple[Floats, Floats]:
    """Over the first axis; one exact run has no error."""
    if len(runs) == 1:
        return runs[0], np.zeros(runs.shape[1:])
    with np.errstate(invalid="ignore"):
        error = runs.std(axis=0, ddof=1) / len(runs) ** 0.5
    return runs.mean(axis=0), np.where(np.isfinite(runs).all(axis=0), error, 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recursions:
    """What every randomisation found, layer by layer: `drives`, `steps` [level][run], covariances of the currents and what the
    layers show; `gradients` [run]. The last level is that of all further layers; `settled` says that it is a fixed point and
    not merely the last layer. `positions`: as in `TimePrediction`."""

    drives: Sequence[Sequence[Floats]]
    steps: Sequence[Sequence[Steps]]
    gradients: Sequence[Gradients]
    settled: bool
    samples: int
    positions: tuple[Mapping[str, Floats], ...] = ()


def collect(model: TimeModel, found: Recursions) -> TimePrediction:
    """Means over the runs, and their standard errors."""
    drives, steps, gradients = found.drives, found.steps, found.gradients

    def over_runs(what: Callable[[Steps], Floats]) -> tuple[Floats, Floats]:
        return _mean_and_error(np.array([[what(one) for one in level] for level in steps]).swapaxes(0, 1))

    forward = {
        "var_h": over_runs(lambda one: one.var_h),
        "mean_h": over_runs(lambda one: one.mean_h),
        "rate": over_runs(lambda one: one.rate),
        "current": _mean_and_error(np.array(drives).swapaxes(0, 1)),
    }
    totals = np.array([one.log_total for one in gradients])
    with np.errstate(invalid="ignore"):  # no gradient at the last layer: there is nothing to be relative to
        relative = np.where(np.isneginf(totals), -np.inf, totals - totals[:, -1:])
    total, total_error = _mean_and_error(relative)
    with np.errstate(divide="ignore"):
        by_step, by_step_error = _mean_and_error(relative[:, :, None] + np.log(np.array([one.split for one in gradients])))
    with np.errstate(over="ignore", invalid="ignore"):
        grad_var = np.exp(by_step)
        grad_error = np.where(grad_var > 0, grad_var * by_step_error, 0.0)
    layers, last = [], len(steps) - 1
    for index in range(model.depth):
        level = min(index, last)
        values, errors = ({name: pair[which][level] for name, pair in forward.items()} for which in (0, 1))
        errors |= {"grad_var": grad_error[index], "log_gradient": float(total_error[index])}
        layers.append(
            LayerPrediction(layer=index + 1, **values, grad_var=grad_var[index], log_gradient=float(total[index]), se=errors)
        )
    silent = [layer.layer for layer in layers if not layer.rate.any()]
    return TimePrediction(
        arch=model.topology.spec,
        gain=model.gain,
        gain_out=model.backward_gain(1),
        gains=model.gains,
        layers=tuple(layers),
        log_gradient=layers[0].log_gradient,
        log_gradient_se=layers[0].se["log_gradient"],
        silent_from=silent[0] if silent else None,
        fixed_from=len(steps) if found.settled else None,
        randomisations=len(gradients),
        samples=found.samples,
        positions=found.positions,
        runs=tuple(
            Run(
                var_h=np.array([steps[min(index, last)][run].var_h for index in range(model.depth)]),
                rate=np.array([steps[min(index, last)][run].rate for index in range(model.depth)]),
                log_gradient=relative[run],
                gradient=gradients[run].split,
            )
            for run in range(len(gradients))
        ),
    )
