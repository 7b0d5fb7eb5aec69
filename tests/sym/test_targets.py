"""Emitted code: it runs by itself, says the same as the ball arithmetic, and no name or parameter can put code into it."""

from __future__ import annotations

import ast
import json
import math
import py_compile
import random
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.spec import resolve
from ikun_sym.catalogue.surrogate import Bound, Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import DomainError, IkunError, UnknownNameError
from ikun_sym.gaussian.moment import float_function, moment
from ikun_sym.targets import TARGETS, Export, export
from ikun_sym.targets.python_target import parameter_name
from ikun_sym.targets.target import THRESHOLDS, Target
from ikun_sym.theory.constants import POWERS, constants
from tests.selection import spread

NAMES = SURROGATES.names()
PERIODIC = [name for name in NAMES if SURROGATES[name].derivative.tails]
EACH = pytest.mark.parametrize("name", spread(name for name in NAMES if name not in PERIODIC))
"""Each runs an interpreter of its own."""
EACH_TARGET = pytest.mark.parametrize("target", TARGETS.names())

EXACT_ENOUGH = 1e-12
"""Both sides are float64: 1e-13 of the rule, and the rounding of a sum of a few hundred positive terms."""

SETTINGS = [  # (parameter as a multiple of the default, mean in σ, slope · σ)
    (scale, mean, reach)
    for scale in (1.0, 0.25)
    for mean, reach in ((0, 1e-3), (-1, 1), (0, 1e3), (-3, 1e5), (2.5, 0.3), (0, 1e5))
]


def points() -> list[float]:
    """n = 200 doubles drawn by the logarithm of their magnitude, seed 0, and the ones that break things. The comparison is
    of values at the same points: no draw makes it fail by chance."""
    source = random.Random(0)
    drawn = [source.choice((-1, 1)) * 10 ** source.uniform(-12, 6) for _ in range(200)]
    edges = [0.0, -0.0, 5e-324, 1e-300, 1e-17, 1e4, 1e300, 1.7e308]
    return [*drawn, *edges, *(-x for x in edges)]


def scaled(param: Param, value: float, scale: float) -> float:
    """value · scale where the parameter's domain allows it."""
    try:
        return float(param.check(value * scale))
    except DomainError:
        return value


def settings_of(bound: Bound) -> list[tuple[dict[str, float], float, float]]:
    """(parameters, mean, var) with slope · σ from 1e-3 to 1e5."""
    found = []
    for scale, mean, reach in SETTINGS:
        parameters = {
            param.name: scaled(param, float(value), scale)
            for param, (_, value) in zip(bound.surrogate.params, bound.values, strict=True)
        }
        slope = abs(next(iter(parameters.values()), 1.0)) or 1.0
        sigma = reach / slope
        found.append((parameters, mean * sigma, sigma * sigma))
    return found


HARNESS = """
import importlib.util, json, sys
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
emitted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(emitted)
asked = json.load(sys.stdin)
def float64(function, *args, **kwargs):
    # Python raises where IEEE arithmetic gives infinity or NaN.
    try:
        return repr(function(*args, **kwargs))
    except OverflowError:
        return "inf"
    except ValueError:
        return "nan"
constants = {name: repr(value) for name, value in vars(emitted).items() if name.isupper()}
print(json.dumps({
    "derivative": [float64(emitted.derivative, float(x)) for x in asked["points"]],
    "expectation": [
        [float64(emitted.expectation, p, m, v, **parameters) for p in (1, 2, 4)] for parameters, m, v in asked["settings"]
    ],
    "variance": repr(emitted.ikun_variance(200, 0.3, -1.0, 2.0, 0.7)),
    "unit": repr(emitted.ikun_variance(1, 1, -1.0, 2.0)),
    "e_g2": repr(emitted.e_g2(-1.0, 2.0)),
    "constants": constants,
    "modules": sorted(name for name in sys.modules if "site-packages" in str(getattr(sys.modules[name], "__file__", ""))),
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emitted")


@cache
def ran(path: Path, name: str) -> dict[str, Any]:
    """The emitted module's answers, from a fresh interpreter that sees the standard library only (-I -S)."""
    settings = [({parameter_name(key): x for key, x in given.items()}, m, v) for given, m, v in settings_of(resolve(name))]
    asked = {"points": [repr(x) for x in points()], "settings": settings}
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", HARNESS, str(path)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.fixture
def answers(name: str, folder: Path) -> dict[str, Any]:
    return ran(export(name, "python", folder / "python"), name)


# --- every target -----------------------------------------------------------------------------------------------------


@EACH
@EACH_TARGET
def test_export(name: str, target: str, tmp_path: Path) -> None:
    path = export(name, target, tmp_path / "deep" / "er")
    assert path.parent == tmp_path / "deep" / "er"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    text = path.read_text(encoding="utf-8")
    assert name in text
    assert export(name, target.upper(), tmp_path / "again").read_text(encoding="utf-8") == text  # and the same each time


@pytest.mark.parametrize("target", TARGETS.names())
def test_ends_with_a_newline(target: str, tmp_path: Path) -> None:
    assert export("atan", target, tmp_path).read_text(encoding="utf-8").endswith("\n")


@pytest.mark.parametrize("name", PERIODIC)
def test_what_recurs_for_ever_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(IkunError, match="recur for ever"):
        export(name, "python", tmp_path)
    assert not list(tmp_path.rglob("*"))
    assert json.loads(export(name, "json", tmp_path).read_text(encoding="utf-8"))["forms"]


def test_every_target_is_tested() -> None:
    assert set(TARGETS.names()) == {"python", "json"}, "a new target needs its own test: does it compile and run?"


# --- python -----------------------------------------------------------------------------------------------------------


@EACH
def test_derivative(name: str, answers: dict[str, Any]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):  # u² is an honest infinity at 1e300, and 1/(1 + u²) is 0
        wanted = float_function(resolve(name))(np.array(points()))
    got = np.array([float(value) for value in answers["derivative"]])
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(got), finite)
    got, wanted = got[finite], wanted[finite]
    # a handful of operations, each rounded once; below 1e-300 subnormals lose digits
    np.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-300)


@EACH
def test_expectation(name: str, answers: dict[str, Any]) -> None:
    """At every setting the emitted float lies within 1e-12 of the rigorous enclosure."""
    for (parameters, mean, var), values in zip(settings_of(resolve(name)), answers["expectation"], strict=True):
        bound = resolve(name, **parameters)
        for power, value in zip((1, 2, 4), values, strict=True):
            true = moment(bound, mean, var, power=power).value
            if float(value) == pytest.approx(true, rel=EXACT_ENOUGH, abs=0):
                continue
            # of a function that changes its sign the rule promises digits relative to √E[g²] only
            size = math.sqrt(moment(bound, mean, var, power=2 * power).value) if power % 2 else 0.0
            assert float(value) == pytest.approx(true, rel=0, abs=EXACT_ENOUGH * size), (bound.spec, mean, var, power)


def test_a_wrong_moment_is_found(folder: Path) -> None:
    """Another power, threshold or variance by one part in 1e9 is not taken for the right one."""
    asked, values = settings_of(resolve("atan"))[1], ran(export("atan", "python", folder / "python"), "atan")["expectation"][1]
    parameters, mean, var = asked
    bound = resolve("atan", **parameters)
    for wrong in (
        moment(bound, mean, var, power=1),
        moment(bound, -mean * (1 + 1e-9), var, power=2),
        moment(bound, mean, var * (1 + 1e-9), power=2),
    ):
        assert float(values[1]) != pytest.approx(wrong.value, rel=EXACT_ENOUGH, abs=0)


@EACH
def test_constants(name: str, answers: dict[str, Any]) -> None:
    """To the last bit: 17 digits are printed, and 17 digits determine a double."""
    found = {key: float(value) for key, value in answers["constants"].items()}
    for label, threshold in THRESHOLDS.items():
        table = constants(name, threshold, 1)
        for key in POWERS:
            assert found.pop(f"{key.upper()}_{label}") == table.moments[key].value
        assert found.pop(f"GAIN_{label}", None) == table.gain
    assert not found


@EACH
def test_ikun_variance(name: str, answers: dict[str, Any]) -> None:
    true = moment(name, -1, 2, power=2).value
    assert float(answers["e_g2"]) == pytest.approx(true, rel=EXACT_ENOUGH)
    inverse = 1 / true if true else math.inf
    assert float(answers["variance"]) == pytest.approx(0.7 / (200 * 0.3) * inverse, rel=EXACT_ENOUGH)
    assert float(answers["unit"]) == pytest.approx(inverse, rel=EXACT_ENOUGH)


@EACH
def test_needs_the_standard_library_only(answers: dict[str, Any]) -> None:
    assert answers["modules"] == []


@EACH
def test_compiles_without_a_warning(name: str, folder: Path, tmp_path: Path) -> None:
    path = export(name, "python", folder / "python")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        py_compile.compile(str(path), cfile=str(tmp_path / "out.pyc"), doraise=True)
    check_module(path)


@EACH
@pytest.mark.skipif(which("ruff", path=str(Path(sys.executable).parent)) is None, reason="needs the extra `dev`")
def test_passes_ruff(name: str, folder: Path) -> None:
    path = export(name, "python", folder / "python")
    ruff = Path(sys.executable).with_name("ruff")
    found = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", path], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stdout


@EACH
def test_refuses_what_has_no_expectation(name: str, folder: Path) -> None:
    """The emitted functions refuse a variance of zero, NaN and infinities."""
    namespace: dict[str, Any] = {}
    exec(compile(export(name, "python", folder / "python").read_text(encoding="utf-8"), name, "exec"), namespace)
    for mean, var in ((0.0, 0.0), (0.0, -1.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, 1.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match="finite"):
            namespace["expectation"](2, mean, var)


# --- json -------------------------------------------------------------------------------------------------------------


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@EACH
def test_json(name: str, tmp_path: Path) -> None:
    found = json.loads(export(name, "json", tmp_path).read_text(encoding="utf-8"), parse_constant=_refuse)
    bound = resolve(name)
    assert found["surrogate"] == bound.spec
    assert found["parameters"] == {key: float(value) for key, value in bound.values}
    for label, threshold in THRESHOLDS.items():
        for key, power in POWERS.items():
            true = moment(name, -threshold, 1, power=power)
            shown = found["constants"][label][key]
            assert shown["enclosure"] == true.enclosure.to_dict()
            assert shown["value"] == true.value
            assert shown["status"] == true.status
            if threshold:  # at mean 0 more is known
                assert found["forms"][key]["kind"] == true.form.kind
    assert f"ikun export '{bound.spec}' --target json" == found["command"]


# --- hostile names and parameters -------------------------------------------------------------------------------------

ALLOWED = (ast.Import, ast.Assign, ast.FunctionDef)


def check_module(path: Path) -> None:
    """Docstring, imports of the standard library, assignments of numbers, functions: nothing that acts on import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) is not None
    for node in tree.body[1:]:
        assert isinstance(node, ALLOWED), ast.dump(node)[:200]
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"functools", "math"}
        if isinstance(node, ast.Assign):
            assert isinstance(ast.literal_eval(node.value), float | int)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    builtins = {"range", "round", "abs", "min", "max", "enumerate", "tuple", "ValueError", "value"}
    assert called <= defined | builtins, called


PAYLOAD = "import os; os.system('touch owned')"
HOSTILE = (
    f'"""\n{PAYLOAD}\n"""',
    f"'''\n{PAYLOAD}\n'''",
    f"a\n{PAYLOAD}",
    f"a\r{PAYLOAD}",
    f"a\u2028{PAYLOAD}",
    f'"; {PAYLOAD} #',
    f"'; {PAYLOAD} #",
    "a\\",
    'a"',
    'ends in three"""',
    "\\N{nothing}",
    "\\x",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "../../escape",
    "/etc/escape",
    "a\x00b",
    "",
    "..",
    "é" * 300,
)


def emitted(surrogate: Surrogate | str, target: str, out: Path) -> Path | None:
    """The file, or None where the input is refused as bad input and nothing is written."""
    try:
        path = export(surrogate, target, out)
    except IkunError:
        assert not [p for p in out.rglob("*") if p.is_file()]
        return None
    assert path.resolve().parent == out.resolve()  # no name leads out of the folder
    return path


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_refused(name: str) -> None:
    """Names reach docstrings, comments and file names: nothing that could end one of them is a name."""
    with pytest.raises(IkunError, match="name") as caught:
        replace(SURROGATES["triangular"], name=name, equivalents=())
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        f'1 """\n{PAYLOAD}\n"""',
        "1\n+\n1",
        '1+"',
        "exp(-abs(x))\n\n#",
        "exp(-abs(x))  \\",
        "k*exp(-abs(x));k=2",
        "exp(-abs(x));lambda=2",
        "1;__import__=3",
        "\t1\t",
        "1\u2028+1",
        "1 # comment",
    ],
)
@EACH_TARGET
def test_hostile_expressions(text: str, target: str, tmp_path: Path) -> None:
    path = emitted("expr:" + text, target, tmp_path)
    if path and target == "python":
        check_module(path)


@pytest.mark.parametrize("name", ["lambda", "def", "None", "x", "u", "pi", "a b", "", "1a", "a;b"])
def test_no_parameter_names(name: str) -> None:
    with pytest.raises(IkunError, match="parameter name"):
        Param(name, 1)


@pytest.mark.parametrize(
    "name",
    [
        "derivative",
        "beta",
        "mean",
        "var",
        "power",
        "math",
        "abs",
        "fan_in",
        "sigma_x2",
        "alpha_ikun",
        "lo",
        "value",
        "functools",
    ],
)
def test_parameters_named_like_words_of_the_code(name: str, tmp_path: Path) -> None:
    """Where the emitted module uses a parameter's name itself, the parameter is renamed."""
    old = SURROGATES["triangular"].params[0].symbol
    param = Param(name, 1)
    surrogate = replace(
        SURROGATES["triangular"],
        name="named",
        params=(param,),
        derivative=SURROGATES["triangular"].derivative.substitute({old: param.symbol}),
        equivalents=(),
    )
    path = emitted(surrogate, "python", tmp_path)
    if path is None:
        return
    check_module(path)
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), name, "exec"), namespace)
    assert namespace["expectation"](2, -1.0, 2.0) == pytest.approx(moment("triangular", -1, 2, power=2).value, rel=EXACT_ENOUGH)
    assert namespace["derivative"](0.25) == pytest.approx(0.75, rel=1e-14)


def test_the_module_check_finds_code(tmp_path: Path) -> None:
    for planted in (PAYLOAD, "print(1)", "X = __import__('os')", "if True:\n    pass", "def f():\n    eval('1')"):
        path = tmp_path / "planted.py"
        path.write_text(f'"""Doc."""\n\nimport math\n\nA = 1.0\n{planted}\n', encoding="utf-8")
        with pytest.raises((AssertionError, ValueError)):
            check_module(path)


# --- writing ----------------------------------------------------------------------------------------------------------


@EACH_TARGET
def test_the_old_file_stays_when_emitting_fails(target: str, tmp_path: Path) -> None:
    path = export("atan", target, tmp_path)
    kept = path.read_text(encoding="utf-8")

    def broken(work: Export) -> str:
        raise RuntimeError("planted")

    right = TARGETS[target]
    TARGETS.unregister(target)
    TARGETS.register(Target(target, right.suffix, broken))
    try:
        with pytest.raises(RuntimeError, match="planted"):
            export("atan", target, tmp_path)
    finally:
        TARGETS.unregister(target)
        TARGETS.register(right)
    assert [(p, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [(path, kept)]


@EACH_TARGET
def test_the_old_file_stays_when_writing_fails(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export("atan", target, tmp_path)
    kept = path.read_text(encoding="utf-8")

    def full(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(IkunError, match="No space left"):
        export("atan:alpha=3", target, tmp_path)
    assert [(p, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [(path, kept)]


def test_an_export_replaces_the_old_file(tmp_path: Path) -> None:
    old, new = export("atan", "json", tmp_path), export("atan:alpha=3", "json", tmp_path)
    assert old == new
    assert json.loads(new.read_text(encoding="utf-8"))["parameters"] == {"alpha": 3.0}


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean python"):
        export("atan", "pyton", tmp_path / "new")
    with pytest.raises(UnknownNameError, match="did you mean atan"):
        export("atn", "python", tmp_path / "new")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(IkunError, match="cannot write"):
        export("atan", "python", tmp_path / "file" / "below")
