"""Each surrogate against the backward pass that the libraries really run.

The roster is the catalogue's own: every `equivalent` of every registered surrogate, at three parameter settings, in
float64. The libraries are optional (`pip install ikun[interop]`).
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import itertools
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ikun_sym.catalogue.parameter import DOMAINS, Param
from ikun_sym.catalogue.piecewise import even
from ikun_sym.catalogue.surrogate import Bound, Equivalent, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.evaluate import FloatFunction
from ikun_sym.reading.surrogate_spec import resolve

torch = pytest.importorskip("torch", reason="the libraries' backward passes need PyTorch: pip install ikun[interop]")

Floats = NDArray[np.float64]

PAIRS = [(surrogate, equivalent) for surrogate in SURROGATES for equivalent in surrogate.equivalents]
EACH_PAIR = pytest.mark.parametrize(("surrogate", "equivalent"), PAIRS, ids=[e.name for _, e in PAIRS])
SETTINGS = 3
TRIALS = (Fraction(1, 2), Fraction(3), Fraction(25), Fraction(4), Fraction(-2))
CELLS = {1: 256, -1: 256}

TOLERANCE = 1e-12
"""Both sides are a handful of float64 operations; 1 - tanh² and s(1 - s) lose digits, absolutely but not relatively."""

TOLERANCES = {"norse.heavi_erfc_fn": 1e-7, "sinabs.Gaussian": 1e-7, "sinabs.MultiGaussian": 1e-7, "sinabs.Heaviside": 1e-7}
"""norse writes √π, and sinabs √(2π) and its step, in float32: gradients are off by up to 6e-8, relatively."""

REACH = {"snntorch.sigmoid": lambda values: 350 / values["slope"]}
"""Largest |x|, where it is limited. snntorch.sigmoid squares exp(-slope x): the square overflows, and the gradient is NaN,
from slope·|x| of about 355 in float64 (the exponential itself from 709)."""

DOMAIN = {"spikingjelly.PoissonPass": (0.0, 1.0)}
"""The forward pass draws Bernoulli(x), which demands a probability."""


def imported(path: str) -> Any:
    """`module:attribute`; the attribute may be dotted."""
    module, _, attribute = path.partition(":")
    with warnings.catch_warnings():
        # what a library does on import (deprecated calls, optional extras it misses) is not ours to fail on
        warnings.simplefilter("ignore")
        found = importlib.import_module(module)
    return functools.reduce(getattr, attribute.split("."), found)


Spike = Callable[[Any], Any]


def _spikingjelly(function: Any, values: dict[str, float]) -> Spike:
    return function(**values)


def _snntorch(function: Any, values: dict[str, float]) -> Spike:
    if isinstance(function, type):  # LeakyParallel.ATan is the autograd function itself
        return lambda x: function.apply(x, *values.values())
    return function(**values)


def _sinabs(function: Any, values: dict[str, float]) -> Spike:
    if issubclass(function, torch.autograd.Function):  # Quantize, StochasticRounding
        return function.apply
    from sinabs.activation import SingleSpike  # pyright: ignore[reportMissingImports]

    threshold = values.pop("spike_threshold", 1.0)
    return lambda x: SingleSpike.apply(x + threshold, threshold, function(**values))


def _window(function: Any, values: dict[str, float]) -> Spike:
    return function(values["max_spike_count"], grad_window=(values["grad_min"], values["grad_max"]))


def _norse(function: Any, values: dict[str, float]) -> Spike:
    numbers = [torch.as_tensor(value, dtype=torch.float64) for value in values.values()]
    return lambda x: function(x, *numbers)


ADAPTERS: dict[str, Callable[[Any, dict[str, float]], Spike]] = {
    "spikingjelly": _spikingjelly,
    "snntorch": _snntorch,
    "norse": _norse,
    "sinabs": _sinabs,
    "spikingjelly.MultiLevelSpikeCount.window": _window,
    "snntorch.SpikingNeuron._surrogate_bypass": lambda function, values: function,
}
"""How each library, or a function of it, is called: the function and its parameters to a spike function of x. The other
libraries are measured in `library_gradients.csv` only (see test_surrogates.py): they are no PyTorch, or not on PyPI."""


def adapter(equivalent: Equivalent) -> Callable[[Any, dict[str, float]], Spike]:
    return ADAPTERS.get(equivalent.name) or ADAPTERS[equivalent.library]


def needed(equivalent: Equivalent) -> None:
    """Skip where the library, or the release that the equivalent speaks of, is not installed."""
    if equivalent.library not in ADAPTERS:
        pytest.skip(f"{equivalent.library} is not run here; library_gradients.csv states its gradients")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `imported`
        pytest.importorskip(equivalent.library, reason=f"needs {equivalent.library}: pip install ikun[interop]")
    if equivalent.tag and importlib.metadata.version(equivalent.library) != equivalent.tag:
        pytest.skip(f"needs release {equivalent.tag} of {equivalent.library}")


def library_gradient(equivalent: Equivalent, values: dict[str, float], x: Floats) -> Floats:
    """The library's own backward pass at x: the vjp with ones."""
    needed(equivalent)
    numbers = {p.name: int(values[p.name]) if p.domain == "count" else values[p.name] for p in equivalent.params if values}
    spike = adapter(equivalent)(imported(equivalent.path), numbers)
    point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    out = spike(point)
    if not out.requires_grad:  # no autograd node: nothing flows back
        return np.zeros_like(x)
    (gradient,) = torch.autograd.grad(out, point, torch.ones_like(out))
    assert gradient.dtype == torch.float64
    return gradient.numpy()


def settings(surrogate: Surrogate, equivalent: Equivalent) -> list[dict[str, Fraction]]:
    """The defaults, where they exist, and further values from the parameters' domains that go together."""
    stated, params = surrogate.of_library(equivalent), equivalent.params
    if not params:
        return [{}]
    columns = []
    for shift, param in enumerate(params):
        allowed = [value for value in (*TRIALS[shift:], *TRIALS[:shift]) if admits(param, value)]
        columns.append(itertools.cycle(([param.default] if param.default is not None else []) + allowed))
    rows = [
        dict(zip([param.name for param in params], row, strict=True))
        for row in itertools.islice(zip(*columns, strict=False), 20)
    ]
    return [row for row in rows if goes_together(stated, row)][:SETTINGS]


def admits(param: Param, value: Fraction) -> bool:
    return DOMAINS[param.domain][0](value) and value != param.default


def goes_together(surrogate: Surrogate, row: dict[str, Fraction]) -> bool:
    try:
        surrogate.bind(row)
    except IkunError:
        return False
    return True


def plain(bound: Bound) -> FloatFunction:
    """f' in float64, periodic tails as far as the grids reach."""
    return FloatFunction(bound.surrogate.derivative.unrolled(CELLS), bound.environment)


def kinks(bound: Bound) -> list[float]:
    """x at which pieces meet, 0 included."""
    found = {0.0}
    for piece, lo, _, _ in plain(bound).pieces:
        found.add(piece.side * lo)
    return sorted(found)


def grid(equivalent: Equivalent, bound: Bound) -> Floats:
    """201 points over many widths, and both sides of each kink, never a kink itself: there conventions differ."""
    values = {name: float(value) for name, value in bound.values}
    reach = 8.0
    if equivalent.name in REACH:
        reach = REACH[equivalent.name](values)
    low, high = DOMAIN.get(equivalent.name, (-reach, reach))
    corners = kinks(bound)
    width = 1 / max([1.0, *values.values()])
    # spaced evenly in asinh: dense at the needle, out to the end of the range
    even = np.sinh(np.linspace(np.arcsinh(low / width), np.arcsinh(high / width), 201)) * width
    near = [corner + side * step for corner in corners for side in (1, -1) for step in (1e-9, 1e-6, 1e-3 * width)]
    points = np.unique(np.clip(np.concatenate([even, near]), low, high))
    return points[~np.isclose(points[:, None], corners, rtol=0, atol=1e-12).any(axis=1)]


def mismatch(ours: Floats, theirs: Floats) -> float:
    """The largest difference: relative to |ours|, or to 1 where that is smaller. NaN counts as infinite."""
    difference = np.abs(theirs - ours) / np.maximum(np.abs(ours), 1.0)
    return float(np.where(np.isfinite(difference), difference, np.inf).max())


def compared(surrogate: Surrogate, equivalent: Equivalent, values: dict[str, Fraction]) -> tuple[Floats, Floats, Floats]:
    """(x, our f', the library's gradient)."""
    bound = surrogate.of_library(equivalent).bind(values)
    x = grid(equivalent, bound)
    return x, plain(bound)(x), library_gradient(equivalent, {name: float(value) for name, value in bound.values}, x)


@EACH_PAIR
def test_derivative_is_the_backward_pass(surrogate: Surrogate, equivalent: Equivalent) -> None:
    tolerance = TOLERANCES.get(equivalent.name, TOLERANCE)
    needed(equivalent)
    rows = settings(surrogate, equivalent)
    assert len(rows) == (SETTINGS if equivalent.params else 1)
    for values in rows:
        x, ours, theirs = compared(surrogate, equivalent, values)
        assert len(x) > 190
        assert mismatch(ours, theirs) <= tolerance, f"{values}: differs most at x = {x[np.argmax(np.abs(theirs - ours))]}"


@EACH_PAIR
def test_planted_errors_are_detected(surrogate: Surrogate, equivalent: Equivalent) -> None:
    needed(equivalent)
    _, ours, theirs = compared(surrogate, equivalent, settings(surrogate, equivalent)[0])
    tolerance = TOLERANCES.get(equivalent.name, TOLERANCE)
    if surrogate.derivative != even(0):  # zero has no factor and no sign to get wrong
        assert mismatch(ours, theirs * 1.001) > 100 * tolerance
        assert mismatch(ours, -theirs) > 100 * tolerance
    assert mismatch(ours, np.where(np.arange(len(theirs)) == 100, np.nan, theirs)) == np.inf


@EACH_PAIR
def test_library_name_resolves(surrogate: Surrogate, equivalent: Equivalent) -> None:
    for values in settings(surrogate, equivalent):
        text = ",".join(f"{name}={value}" for name, value in values.items())
        bound = resolve(equivalent.name + (f":{text}" if text else ""))
        assert bound.surrogate.name == equivalent.name
        assert dict(bound.values) == values
        assert bound.surrogate.derivative == surrogate.of_library(equivalent).bind(values).surrogate.derivative


@EACH_PAIR
def test_library_default_is_the_declared_one(surrogate: Surrogate, equivalent: Equivalent) -> None:
    """Called without parameters, the library uses the default that the catalogue states."""
    if not all(param.default is not None for param in equivalent.params):
        pytest.skip("the library demands a value")
    needed(equivalent)
    bound = surrogate.of_library(equivalent).bind()
    x = grid(equivalent, bound)
    assert mismatch(plain(bound)(x), library_gradient(equivalent, {}, x)) <= TOLERANCES.get(equivalent.name, TOLERANCE)


def test_every_adapter_has_a_library() -> None:
    assert set(ADAPTERS) <= {equivalent.library for _, equivalent in PAIRS} | {equivalent.name for _, equivalent in PAIRS}


def test_exceptions_name_equivalents_that_exist() -> None:
    names = {equivalent.name for _, equivalent in PAIRS}
    assert {*TOLERANCES, *REACH, *DOMAIN} <= names


def test_norse_superspike_ignores_alpha() -> None:
    """A fact about norse 1.1.0 that the catalogue's mapping rests on: the slope is 1 whatever alpha."""
    (equivalent,) = [e for _, e in PAIRS if e.name == "norse.superspike_fn"]
    x = np.linspace(-3, 3, 61)
    small, large = (library_gradient(equivalent, {"alpha": alpha}, x) for alpha in (0.5, 100.0))
    assert np.array_equal(small, large)
    assert mismatch((1 + np.abs(x)) ** -2, small) <= TOLERANCE


def test_snntorch_sigmoid_overflows_below_threshold() -> None:
    """Why REACH limits it, and what the catalogue's note says: NaN far below threshold, where ours is tiny."""
    (equivalent,) = [e for _, e in PAIRS if e.name == "snntorch.sigmoid"]
    far = np.array([-40.0])
    assert np.isnan(library_gradient(equivalent, {"slope": 25.0}, far)).all()
    assert plain(resolve("sigmoid", alpha=25))(far)[0] == pytest.approx(0.0, abs=1e-300)
