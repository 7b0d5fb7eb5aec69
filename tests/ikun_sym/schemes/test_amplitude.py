"""A surrogate times a constant, everywhere a surrogate is named; and the constant at which the gradient keeps its size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from ikun_sym import design, evaluate, export, init_variance, moment
from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.piecewise import U, even
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.cli.main import ikun
from ikun_sym.cli.model_flags import MODEL_DEFAULTS, model_of
from ikun_sym.errors import IkunError
from ikun_sym.gaussian.moment import float_function
from ikun_sym.mean_field.predict import predict
from ikun_sym.reading.neuron import Neuron
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.slope import slope_of
from tests.selection import spread

P, A0 = 0.2, float(norm.isf(0.2))
SIGMA, K = 1 / A0, 1 / (A0**2 * P)
"""The rate of the issue's table, its σ_H and its gain, at threshold 1."""


def sigmoid(alpha: float) -> Callable[[float], float]:
    return lambda x: alpha / (4 * math.cosh(min(abs(alpha * x / 2), 300.0)) ** 2)


def expected(f: Callable[[float], float], power: int, sigma: float = SIGMA) -> float:
    """E[f(H − 1)^power], H ~ N(0, σ²), by adaptive quadrature."""
    return quad(lambda h: f(h - 1) ** power * norm.pdf(h, scale=sigma), -12 * sigma, 12 * sigma, points=[1.0], limit=400)[0]


def factors(**network) -> np.ndarray:
    """log of the gradient's factor from layer to layer, the first layer's first."""
    width = network.pop("width", 512)
    model, _ = model_of(MODEL_DEFAULTS | network | {"width": width}, None)
    return predict(model, samples=2**12, randomisations=4).log_factors


# ------------------------------------------------------------------------------------------------------------- one word


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 6))
def test_every_surrogate_is_multiplied(name: str) -> None:
    """E[(A f')^p] = A^p E[f'^p], f' itself, and a SPEC that says it all."""
    plain = SURROGATES[name].bind()
    loud = plain.times(2.5)
    x = np.linspace(-2.3, 2.1, 23)
    np.testing.assert_allclose(float_function(loud)(x), 2.5 * float_function(plain)(x), rtol=1e-14)
    for power in (1, 2, 4):
        both = [evaluate(one, [-1.0, 0.3], 0.7, power=power) for one in (plain, loud)]
        np.testing.assert_allclose(both[1], 2.5**power * both[0], rtol=1e-13)
    assert resolve(loud.spec) == loud
    assert loud.bare == plain == loud.times(1)


@pytest.mark.parametrize("spec", ["triangular", "sigmoid:alpha=3", "spikingjelly.ATan", "expr:exp(-k*abs(x));k=2"])
def test_what_is_proved_stays_proved(spec: str) -> None:
    plain, loud = moment(spec, -1, 1, power=2), moment(resolve(spec).times("1/3"), -1, 1, power=2)
    assert loud.status == plain.status
    assert loud.value == pytest.approx(plain.value / 9, rel=1e-15)


def test_the_slope_is_another_parameter() -> None:
    for spec in ("sigmoid:alpha=3", "triangular:alpha=2", "expr:exp(-k*abs(x));k=2"):
        family = slope_of(resolve(spec).times(2))
        assert family.at(family.default).amplitude == 2
        assert family.default == slope_of(resolve(spec)).default
        assert family.parameter != "amplitude"
    with pytest.raises(IkunError, match="no slope"):
        slope_of(resolve("sign:amplitude=2"))


def test_flat_words_and_back() -> None:
    neuron = Neuron.of(surrogate="sigmoid:alpha=1", amplitude=2.05)
    assert neuron == Neuron.of(surrogate="sigmoid:alpha=1,amplitude=2.05") == Neuron.of(**neuron.to_dict())
    assert (neuron.to_dict()["surrogate"], neuron.to_dict()["amplitude"]) == ("sigmoid:alpha=1", 2.05)
    assert neuron.but(amplitude=1) == Neuron.of(surrogate="sigmoid:alpha=1")
    assert neuron.but(amplitude="unit").to_dict()["amplitude"] == "unit"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"surrogate": "sigmoid:amplitude=2", "amplitude": 3}, "given twice"),
        ({"amplitude": 0}, "a positive number or 'unit'"),
        ({"amplitude": "one"}, "a positive number or 'unit'"),
        ({"amplitude": math.nan}, "a positive number or 'unit'"),
        ({"surrogate": "expr:amplitude*exp(-abs(x));amplitude=2"}, "choose another name"),
    ],
)
def test_what_is_no_amplitude_is_refused(words: dict, said: str) -> None:
    with pytest.raises(IkunError, match=said) as caught:
        Neuron.of(**words)
    assert "\n" not in str(caught.value)


def test_the_name_is_taken_and_unit_needs_weights() -> None:
    own = Param("amplitude", 1)
    with pytest.raises(IkunError, match="every surrogate has an amplitude already"):
        Surrogate(name="loud", params=(own,), derivative=even(own.symbol * (1 - U), support=1), summary="")
    open_ = Neuron.of(amplitude="unit").surrogate
    with pytest.raises(IkunError, match="needs the weights: ask ikun design"):
        moment(open_, -1, 1)
    with pytest.raises(IkunError, match="needs the weights"):
        export(open_, "python", "nowhere")


# ---------------------------------------------------------------------------------------------------- the gradient's size


@pytest.mark.parametrize(
    ("alpha", "amplitude", "coherence", "beta"), [(2, 1.37, 0.684, 5.9), (1, 2.05, 0.901, 3.1), (0.5, 3.39, 0.984, 2.2)]
)
def test_unit_amplitude_and_its_trade_off(alpha: float, amplitude: float, coherence: float, beta: float) -> None:
    """The issue's table, and quadrature that shares nothing with the product: A = (K E[f'²])^(−½); the coherence at the overlap
    where Φ₂(a, a; ρ)/p = ρ."""
    f = sigmoid(alpha)
    found = design(P, f"sigmoid:alpha={alpha}", amplitude="unit")
    assert found.slope == alpha
    assert found.parameter == "amplitude"
    assert found.amplitude == pytest.approx((K * expected(f, 2)) ** -0.5, rel=1e-9)
    assert found.amplitude == pytest.approx(amplitude, abs=5e-3)
    row = next(row for row in found.trade_off if row.slope == alpha)
    assert row.amplitude == found.amplitude
    assert row.beta == pytest.approx(3 * expected(f, 4) / expected(f, 2) ** 2 - 1, rel=1e-8)
    assert row.beta == pytest.approx(beta, abs=0.06)
    rho = P
    for _ in range(60):
        rho = float(multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-A0, -A0])) / P
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)  # f' is smooth on the scale of σ: exact to 1e-9 here
    x, y = np.meshgrid(nodes, nodes)
    values = [alpha / (4 * np.cosh(alpha * (SIGMA * z - 1) / 2) ** 2) for z in (x, rho * x + math.sqrt(1 - rho**2) * y)]
    pair = float(weights @ (values[0] * values[1]) @ weights) / (2 * math.pi)
    assert row.coherence == pytest.approx(pair / expected(f, 2), rel=1e-4)
    assert row.coherence == pytest.approx(coherence, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "shape"), [("sigmoid", sigmoid), ("triangular", lambda a: lambda x: max(0.0, a - a * a * abs(x)))]
)
def test_the_slope_follows_a_given_amplitude(name: str, shape: Callable) -> None:
    """A² K E[f'_k²] = 1."""
    found = design(P, name, amplitude=2.05)
    value = float(dict(found.bound.values)["alpha"])
    assert 2.05**2 * K * expected(shape(value), 2) == pytest.approx(1, rel=1e-8)
    assert found.amplitude == 2.05
    assert design(P, name).amplitude == 1


@pytest.mark.parametrize("detach", [True, False])
def test_over_steps_a_deep_network_keeps_its_gradient(detach: bool) -> None:
    """Far from the loss the predicted factor tends to 1, also where the reset is not detached and f' enters twice; an amplitude
    that is 1 % off moves its logarithm by 0.02."""
    network = {"steps": 2, "leak": 0.5, "detach": detach, "depth": 150, "surrogate": "sigmoid:alpha=1", "reset": "soft"}
    assert abs(factors(**network, amplitude="unit")[20:23]).max() < 5e-3
    number = design(P, "sigmoid:alpha=1", amplitude="unit", steps=2, leak=0.5, detach=detach, reset="soft")
    assert number.se is not None
    off = factors(**network, amplitude=1.01 * number.amplitude, gain=number.n_var_w)
    assert off[20] == pytest.approx(2 * math.log(1.01), abs=5e-3)


def test_unit_amplitude_of_other_weights() -> None:
    """Weights that do not depend on f': the state where they settle, by iterating q ↦ K Q(1/√q) here."""
    f = sigmoid(1)
    for network, gain in (({"gain": 8.0}, 8.0), ({"scheme": "micheli"}, 1 / norm.sf(1))):
        q = 1.0
        for _ in range(3000):
            q = gain * norm.sf(1 / math.sqrt(q))
        assert abs(factors(surrogate="sigmoid:alpha=1", amplitude="unit", depth=60, **network)[30:35]).max() < 1e-4
        if "scheme" in network:
            told = init_variance("micheli", 100, surrogate="sigmoid:alpha=1", amplitude="unit")
            assert float(told.bound.amplitude) == pytest.approx((gain * expected(f, 2, math.sqrt(q))) ** -0.5, rel=1e-6)
            assert told.slope is None
            # three times the fan_out: a gradient of three times the second moment comes back
            out = init_variance("micheli", 100, 300, surrogate="sigmoid:alpha=1", amplitude="unit")
            assert float(out.bound.amplitude) == pytest.approx(float(told.bound.amplitude) / math.sqrt(3), rel=1e-12)
    padded = factors(surrogate="sigmoid:alpha=1", amplitude="unit", arch="conv2d:size=4", width=16, depth=40)
    assert abs(padded[18:22]).max() < 1e-3


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("kaiming", "activity dies"), ("ikun", "which the amplitude changes"), ("is-snn", "rows of weights"), ("ding", "a mean")],
)
def test_where_unit_has_no_answer(scheme: str, said: str) -> None:
    with pytest.raises(IkunError, match=said):
        init_variance(scheme, 100, amplitude="unit")


def test_theorem_1_sees_the_amplitude() -> None:
    """v A² E[f'²] = α: the weights of a louder surrogate are smaller."""
    v = init_variance("ikun-second-moment", 100, surrogate="sigmoid:alpha=1", amplitude=2.0).provenance["var_h"]
    assert 4 * v * expected(sigmoid(1), 2, math.sqrt(v)) == pytest.approx(1, rel=1e-7)


# ------------------------------------------------------------------------------------------------------------ the command


def said(*arguments: str) -> dict:
    result = CliRunner().invoke(ikun, [*arguments, "--json"], catch_exceptions=False, standalone_mode=False)
    return json.loads(result.stdout)


def test_the_commands_say_it(tmp_path) -> None:
    told = said("design", "--rate", "0.2", "--surrogate", "sigmoid:alpha=1", "--amplitude", "unit")
    assert told["amplitude"] == pytest.approx(2.048, abs=1e-3)
    assert {"slope", "amplitude", "coherence", "beta"} == set(told["trade_off"][0])
    assert said("init", "--scheme", "critical", "--fan-in", "9", "--amplitude", "2")["amplitude"] == 2
    assert said("meanfield", "--depth", "3", "--amplitude", "2")["amplitude"] == 2
    made = said("export", "sigmoid:alpha=1", "--target", "json", "--amplitude", "unit", "--out", str(tmp_path))
    assert made["amplitude"] == told["amplitude"]
    constants = json.loads((tmp_path / "ikun_sigmoid.json").read_text())["constants"]["THRESHOLD_1"]
    assert constants["E_g2"]["value"] == pytest.approx(told["amplitude"] ** 2 * expected(sigmoid(1), 2, 1.0), rel=1e-9)
    over_time = said("design", "--rate", "0.2", "--surrogate", "sign", "--amplitude", "unit")
    assert (over_time["trade_off"], over_time["slope"]) == (None, None)
    assert "no parameter" in over_time["reason"]


def test_the_emitted_code_has_it(tmp_path) -> None:
    """Amplitude 1 is the export without it; another one is a parameter of every function, at mean 0 too, where the moments are
    polynomials of their own."""
    plain, one = export("sigmoid", "python", tmp_path / "a"), export("sigmoid", "python", tmp_path / "b", amplitude=1)
    assert plain.read_bytes() == one.read_bytes()
    names: list[dict] = [{}, {}]
    for found, path in zip(names, (plain, export("sigmoid", "python", tmp_path / "c", amplitude=2.5)), strict=True):
        exec(compile(path.read_text(), str(path), "exec"), found)
    for mean in (0.0, -1.0):
        for power, name in ((1, "e_g"), (2, "e_g2"), (4, "e_g4")):
            assert names[1][name](mean, 0.7) == pytest.approx(2.5**power * names[0][name](mean, 0.7), rel=1e-13)
            assert names[1][name](mean, 0.7, 4.0, 1.0) == pytest.approx(names[0][name](mean, 0.7), rel=1e-13)
    assert names[1]["derivative"](0.3) == pytest.approx(2.5 * names[0]["derivative"](0.3), rel=1e-15)
