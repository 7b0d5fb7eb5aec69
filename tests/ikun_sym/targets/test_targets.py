"""Emitted code: it compiles without a warning, runs by itself, says the same as ball arithmetic, and no name or parameter
can put code into it."""

from __future__ import annotations

import ast
import itertools
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from ikun_sym.catalogue.parameter import Param
from ikun_sym.catalogue.surrogate import Surrogate
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.errors import IkunError, UnknownNameError
from ikun_sym.gaussian.moment import moment
from ikun_sym.reading.surrogate_spec import resolve
from ikun_sym.schemes.constants import POWERS, constants
from ikun_sym.schemes.initialise import init_variance
from ikun_sym.targets import TARGETS, Export, drivers, export
from ikun_sym.targets.accuracy import Cell, Sample, measure, moment_samples, runnable
from ikun_sym.targets.build import TAKEN, build
from ikun_sym.targets.drivers import Group, NotRunError
from ikun_sym.targets.naming import RESERVED, comment_lines, safe_names
from ikun_sym.targets.target import THRESHOLDS, Target
from tests.selection import spread

NAMES = SURROGATES.names()
CODE = [target.name for target in runnable()]
EACH_TARGET = pytest.mark.parametrize("target", TARGETS.names())
EACH_CODE = pytest.mark.parametrize("target", CODE)

REPRESENTATIVE = ("atan", "erf", "triangular")
"""Rational, in closed form, cut off."""


# --- every target -----------------------------------------------------------------------------------------------------


@EACH_TARGET
@pytest.mark.parametrize("name", spread(NAMES, 18))
def test_export(name: str, target: str, tmp_path: Path) -> None:
    path = export(name, target, tmp_path / "deep" / "er")
    assert path.parent == tmp_path / "deep" / "er"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert name.replace("_", "") in text.replace("\\", "").replace("_", "")
    assert export(name, target.upper(), tmp_path / "again").read_text(encoding="utf-8") == text  # and the same each time
    if target != "json":
        assert text.isascii() or target == "latex"


def test_files_of_different_targets_differ() -> None:
    suffixes = [target.suffix for target in TARGETS]
    assert len(set(suffixes)) == len(suffixes)


def run(target: str, names: tuple[str, ...], folder: Path) -> dict[str, Cell]:
    found = measure(TARGETS[target], names, folder)
    for cell in found.values():
        if cell.not_run:
            pytest.skip(f"not run: {cell.not_run}")
    return found


@EACH_CODE
def test_a_representative_set_is_right(target: str, tmp_path: Path) -> None:
    """f' to 4 ulp (1 + condition number), moments to 1e-13, as compiled and run by the language's own tools with warnings as
    errors. The samples are fixed: nothing here is left to chance."""
    for name, cell in run(target, REPRESENTATIVE, tmp_path).items():
        assert cell.holds, (name, cell.text, cell.at)


@pytest.mark.parametrize(("script", "reason"), [("exit 1", "does not run here"), ("sleep 60", "does not say its version")])
def test_a_tool_that_fails_or_hangs_is_not_run(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "gcc"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(drivers, "ANSWER_S", 0.5)
    for cell in measure(TARGETS["c"], ("atan",), tmp_path).values():
        assert reason in cell.not_run


def test_two_periodic_tails_in_one_function_compile(tmp_path: Path) -> None:
    """Two sums with counters. Whether they are right is among what every surrogate is asked."""
    try:
        drivers.tool("gcc")
    except NotRunError as reason:
        pytest.skip(f"not run: {reason}")
    path = export("refractory_logistic", "c", tmp_path)
    found = subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", path], timeout=300, check=False)
    assert found.returncode == 0


@pytest.mark.slow
@EACH_CODE
def test_every_surrogate_is_right(target: str, tmp_path: Path) -> None:
    wrong = {name: cell.at for name, cell in run(target, tuple(NAMES), tmp_path).items() if not cell.holds}
    assert not wrong, wrong


def test_a_wrong_moment_is_found() -> None:
    """Errors are measured: one part in 1e12, NaN and a wrong sign are errors."""
    sample: Sample = moment_samples(resolve("atan"), 2)[2]
    assert sample.error(sample.true) == 0
    assert sample.error(sample.true * (1 + 1e-12)) > 1e-13
    for wrong in (math.nan, math.inf, -sample.true):
        assert sample.error(wrong) > 1


def test_a_planted_error_is_found(tmp_path: Path) -> None:
    """A coefficient changed in the 13th digit, a breakpoint, a node's weight: each makes a cell fail."""
    right = TARGETS["python"]
    for old, new in (("_exp(-(0.5 * z * z))", "_exp(-(0.5000000001 * z * z))"), ("/ (s +", "/ (1.0000000001 * s +")):

        def planted(work: Export, old: str = old, new: str = new) -> str:
            text = right.emit(work)
            assert old in text
            return text.replace(old, new)

        cell = measure(replace(right, emit=planted), ("triangular",), tmp_path)["triangular"]
        assert not cell.holds


@pytest.mark.parametrize("target", [*(t for t in CODE if t not in ("jax", "torch", "julia"))])
def test_constants_and_variances(target: str, tmp_path: Path) -> None:
    """Theorem 1's variance, the backward-only one and the self-consistent one, whose equation is solved again here."""
    path = export("triangular", target, tmp_path)
    driver = TARGETS[target].driver
    assert driver is not None
    m2 = moment("triangular", -1, 2, power=2).value
    groups = [
        Group(path, "ikun_variance", ((200.0, 0.3, -1.0, 2.0, 0.7),), (1.0,)),
        Group(path, "backward_only_variance", ((300.0, -1.0, 2.0),), (1.0,)),
        Group(path, "self_consistent_variance", ((200.0, 1.0, 1.0), (200.0, 0.0, 0.5)), (1.0,)),
    ]
    try:
        stated, backward, consistent = driver(groups, tmp_path)
    except NotRunError as reason:
        pytest.skip(f"not run: {reason}")
    assert stated[0] == pytest.approx(0.7 / (200 * 0.3 * m2), rel=1e-13)
    assert backward[0] == pytest.approx(1 / (300 * m2), rel=1e-13)
    # the solver of `ikun init` finds the same state, to its own tolerance of 1e-14 in log v
    for value, theta, alpha in ((consistent[0], 1.0, 1.0), (consistent[1], 0.0, 0.5)):
        layer = init_variance("ikun-second-moment", 200, surrogate="triangular", threshold=theta, alpha=alpha)
        assert value == pytest.approx(layer.variance, rel=1e-11)


def test_named_constants() -> None:
    """To the last bit: 17 digits are printed, and 17 digits determine a double."""
    for name in REPRESENTATIVE:
        found = {c.name: c.value for c in build(Export(resolve(name))).constants}
        for label, threshold in THRESHOLDS.items():
            table = constants(name, threshold, 1)
            for key in POWERS:
                assert found.pop(f"{key.upper()}_{label}") == table.moments[key].value
            assert found.pop(f"GAIN_{label}", None) == table.gain
        assert not found


@pytest.mark.parametrize("target", ["python", "numpy", "torch", "jax"])
@pytest.mark.skipif(which("ruff", path=str(Path(sys.executable).parent)) is None, reason="needs the extra `dev`")
def test_passes_ruff(target: str, tmp_path: Path) -> None:
    for name in (*REPRESENTATIVE, "zero", "linear"):
        export(name, target, tmp_path)
    ruff = Path(sys.executable).with_name("ruff")
    found = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", tmp_path], capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("target", ["python", "numpy"])
def test_far_from_the_threshold(target: str, tmp_path: Path) -> None:
    """No NaN at ±1e4, where e^{αx} is beyond float64; NaN for what has no expectation."""
    path = export("sigmoid", target, tmp_path)
    driver = TARGETS[target].driver
    assert driver is not None
    far, none = driver(
        [Group(path, "derivative", ((1e4,), (-1e4,)), (25.0,)), Group(path, "e_g2", ((0.0, 0.0), (0.0, -1.0)), (4.0,))],
        tmp_path,
    )
    assert far == [0.0, 0.0]
    assert all(math.isnan(value) for value in none)


TORCH = """
import sys, importlib.util, torch
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
emitted = importlib.util.module_from_spec(spec); spec.loader.exec_module(emitted)
x = torch.linspace(-2, 2, 41, requires_grad=True)
y = emitted.Spike.apply(x, 2.0)
y.sum().backward()
assert y.dtype == x.grad.dtype == torch.float32 and set(y.tolist()) == {0.0, 1.0}
assert torch.allclose(x.grad, emitted.derivative(x.detach(), 2.0)) and x.grad.max() > 0.9
w = torch.empty(400, 300)
assert emitted.init_(w, 1.0, generator=torch.Generator().manual_seed(1)) is w
wanted = float(emitted.self_consistent_variance(300, 1.0, 1.0))
assert abs(w.var().item() / wanted - 1) < 6 * (2 / w.numel()) ** 0.5, (w.var().item(), wanted)
"""
JAX = """
import sys, importlib.util, jax, jax.numpy as jnp
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
emitted = importlib.util.module_from_spec(spec); spec.loader.exec_module(emitted)
x = jnp.linspace(-2, 2, 41)
grad = jax.jit(jax.vmap(jax.grad(lambda v: emitted.spike(v, 2.0))))(x)
assert jnp.allclose(grad, emitted.derivative(x, 2.0)) and grad.max() > 0.9
w = emitted.init(jax.random.key(1), (300, 400), 0.0)
wanted = float(emitted.self_consistent_variance(300, 0.0, 1.0))
assert abs(float(w.var()) / wanted - 1) < 6 * (2 / w.size) ** 0.5
"""


@pytest.mark.parametrize(("target", "script"), [("torch", TORCH), ("jax", JAX)])
def test_spike_and_init(target: str, script: str, tmp_path: Path) -> None:
    """The spike passes f' back, and weights have the variance: six standard errors of the variance of n = 120,000 normal
    draws, √(2/n), a false alarm in 5e8 (the seed is fixed)."""
    pytest.importorskip(target, reason=f"not run: {target} is not installed")
    path = export("triangular" if target == "jax" else "atan", target, tmp_path)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


# --- json and latex ---------------------------------------------------------------------------------------------------


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("name", spread(NAMES, 12))
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


@pytest.mark.parametrize("name", spread(NAMES, 12))
def test_latex(name: str, tmp_path: Path) -> None:
    """Braces and environments close, and every constant is there."""
    text = export(name, "latex", tmp_path).read_text(encoding="utf-8")
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert re.findall(r"\\begin\{(\w+)\}", text) == list(reversed(re.findall(r"\\end\{(\w+)\}", text)))
    for threshold in THRESHOLDS.values():
        for power in POWERS.values():
            assert moment(name, -threshold, 1, power=power).enclosure.mid[:12] in text


# --- hostile names and parameters -------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_refused(name: str) -> None:
    """Names reach comments and file names: nothing that could end one of them is a name."""
    with pytest.raises(IkunError, match="name") as caught:
        replace(SURROGATES["triangular"], name=name, equivalents=())
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", [*HOSTILE, "a */ code(); /*", "??/", "#= code =#", "a\u202eb", "% \u2029 x", "`x` ${y}"])
def test_comments_cannot_be_left(text: str) -> None:
    for line in comment_lines(text):
        assert re.fullmatch(r"[\x20-\x7e]*", line)
        assert not any(mark in line for mark in ("\\", "*/", "/*", "??", "#=", "=#", '"'))


def code_of(path: Path) -> str:
    """The text without comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'"""[^"]*"""', "", text)
    return "\n".join(re.split(r"//|#(?!include|ifndef|define|endif|\[)|^%", line, maxsplit=1)[0] for line in text.splitlines())


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
        "fn*exp(-abs(x));fn=2",
        "1\u2028+1",
        "1 # owned",
        "1 // owned",
        "1 */ owned",
    ],
)
@EACH_TARGET
def test_hostile_expressions(text: str, target: str, tmp_path: Path) -> None:
    try:
        path = export("expr:" + text, target, tmp_path)
    except IkunError:
        assert not [p for p in tmp_path.rglob("*") if p.is_file()]
        return
    assert path.resolve().parent == tmp_path.resolve()
    assert "owned" not in code_of(path)
    assert "__import__" not in code_of(path) or target == "json"


NAMED = ("int", "Var", "fn", "T", "mean", "e1", "derivative", "self", "ß", "Σ_x", "nan")


@pytest.mark.parametrize(("name", "target"), spread(itertools.product(NAMED, CODE), 4))
def test_parameters_named_like_words_of_a_language(name: str, target: str, tmp_path: Path) -> None:
    """They are renamed, in every target to the same name, and what is emitted is still code of that language."""
    old = SURROGATES["triangular"].params[0].symbol
    param = Param(name, 1)
    surrogate: Surrogate = replace(
        SURROGATES["triangular"],
        name="named",
        params=(param,),
        derivative=SURROGATES["triangular"].derivative.substitute({old: param.symbol}),
        equivalents=(),
    )
    path = export(surrogate, target, tmp_path)
    (safe,) = safe_names([name], TAKEN).values()
    assert re.fullmatch(r"[a-z][a-z0-9_]*", safe)
    assert safe not in RESERVED | TAKEN
    assert re.search(rf"\b{safe}\b", code_of(path))
    if path.suffix == ".py":
        ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["lambda", "def", "None", "x", "u", "pi", "a b", "", "1a", "a;b"])
def test_no_parameter_names(name: str) -> None:
    with pytest.raises(IkunError, match="parameter name"):
        Param(name, 1)


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


def test_the_old_file_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export("atan", "json", tmp_path)
    kept = path.read_text(encoding="utf-8")

    def full(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(IkunError, match="No space left"):
        export("atan", "json", tmp_path)
    assert [(p, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [(path, kept)]


def test_an_export_replaces_the_old_file(tmp_path: Path) -> None:
    """Of the same surrogate, which an earlier version may have written otherwise."""
    path = export("atan:alpha=3", "json", tmp_path)
    now = path.read_text(encoding="utf-8")
    path.write_text(now + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") != now
    assert export("atan:alpha=3", "json", tmp_path) == path
    assert path.read_text(encoding="utf-8") == now


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean python"):
        export("atan", "pyton", tmp_path / "new")
    with pytest.raises(UnknownNameError, match="did you mean atan"):
        export("atn", "python", tmp_path / "new")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(IkunError, match="cannot write"):
        export("atan", "python", tmp_path / "file" / "below")
