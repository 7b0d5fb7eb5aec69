"""The contract of the command `ikun`: exit codes, one line on stderr for bad input, JSON that stands alone on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ikun_sym
from ikun_sym.catalogue.schemes import SCHEMES
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.catalogue.unsupported import UNSUPPORTED
from ikun_sym.cli.main import main
from ikun_sym.targets import TARGETS
from tests.selection import spread

COMMANDS = sorted(entry.name for entry in entry_points(group="ikun.commands"))
GROUPS = {"benchmark": sorted(entry.name for entry in entry_points(group="ikun.benchmarks"))}
NEEDS_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="needs the extra `validate`")
MOMENT = ("--mean", "0", "--var", "1")


@dataclass(frozen=True)
class Ran:
    """What one call of the command showed."""

    code: int | str | None
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON on stdout; stdout must hold nothing else, and JSON has no NaN and no Infinity."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        out, err = capsys.readouterr()
        return Ran(caught.value.code, out, err)

    return call


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch on one thread and without CUDA, whatever the machine has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own chatter on import
        import torch
    torch.set_num_threads(1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def in_child(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


# --- help and version -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)], ids=str)
def test_help_lists_every_command(run: Run, arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert (found.code, found.err) == (0, "")
    listed = {line.split()[0] for line in found.out.splitlines() if line.startswith("  ") and line.strip()}
    assert set(COMMANDS) <= listed


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(run: Run, command: str) -> None:
    found = run(command, "--help")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"Usage: ikun {command}")
    for name in GROUPS.get(command, ()):
        assert "--json" in run(command, name, "--help").out
    swept = command == "sweep"  # its commands are those that it sweeps, each with its own words
    assert "--json" in (run(command, "meanfield", "--help").out if swept else found.out) or command in GROUPS


def test_version(run: Run) -> None:
    found = run("--version")
    assert found.code == 0
    assert ikun_sym.__version__ in found.out


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from ikun_sym.cli.main import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
print("HEAVY", sorted({"sympy", "scipy", "torch", "numpy", "matplotlib"} & set(sys.modules)))
"""
    found = in_child(code, "-W", "error")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1] == "HEAVY []"


def test_the_installed_command_ends_with_the_exit_code(tmp_path: Path) -> None:
    """Once through a real process: the code reaches the shell, and stderr is one line."""
    found = subprocess.run(
        [sys.executable, "-m", "ikun_sym.cli", "moment", "atn", *MOMENT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "ikun: error: unknown surrogate 'atn'; did you mean atan?\n"


def test_what_is_no_terminal_gets_no_colours_and_no_bars(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the machine asks all programs for colours."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert "\x1b" not in run("moment", "atan", *MOMENT).out
    refused = run("report", "theorem-1", "--out", str(tmp_path / "file" / "below"))
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 1


@pytest.mark.parametrize("command", [("surrogates", "--library", "snntorch"), ("moment", "atan", *MOMENT)], ids=lambda c: c[0])
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
def test_formulas_are_written_in_utf8_whatever_the_locale(command: tuple[str, ...], more: tuple[str, ...]) -> None:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    arguments = [sys.executable, "-m", "ikun_sym.cli", *command, *more]
    found = subprocess.run(arguments, capture_output=True, timeout=300, check=False, env=environment)
    assert (found.returncode, found.stderr) == (0, b"")
    assert not found.stdout.decode("utf-8").isascii() or more


# --- moment -----------------------------------------------------------------------------------------------------------


def moment(run: Run, spec: str, mean: str = "0", var: str = "1", *more: str) -> dict[str, Any]:
    found = run("moment", spec, "--mean", mean, "--var", var, *more, "--json")
    assert (found.code, found.err) == (0, "")
    return found.document


def test_atan_value(run: Run) -> None:
    # at μ = 0, v = 1, α = 2: ½ [√π b (1 − 2b²) erfcx(b) + 2b²], b = 1/(π√2), by mpmath to 30 digits, and by its quadrature
    found = moment(run, "atan:alpha=2", "0", "1", "--power", "2")
    assert found["enclosure"]["mid"].startswith("0.192139639659469401417")
    assert found["value"] == 0.192139639659469401417944099533


def test_sigmoid_value_to_thirty_digits(run: Run) -> None:
    found = moment(run, "sigmoid:alpha=1", "0", "1", "--power", "2", "--digits", "30")
    assert found["enclosure"]["mid"].startswith("0.044836241350194371792582658298"[:31])
    assert float(found["enclosure"]["rad"]) < 1e-25
    assert found["value"] == float(found["enclosure"]["mid"])


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 6))
def test_moment_keys(run: Run, name: str) -> None:
    found = moment(run, name, "-1", "0.5", "--power", "2", "--explain")
    assert {"value", "enclosure", "form", "status", "proved"} <= set(found)
    assert {"mid", "rad"} <= set(found["enclosure"])
    assert all(isinstance(found["enclosure"][key], str) for key in ("mid", "rad"))
    assert {"kind", "text", "latex"} <= set(found["form"])
    assert found["form"]["kind"] in ("elementary", "special", "series", "none")
    assert found["proved"] is found["status"].startswith("proved")
    # `proved` exactly where there is a certificate whose every check holds
    checks = found["certificate"]["checks"]
    assert found["form"]["kind"] != "none" or found["status"] == "numeric-only"
    assert not found["proved"] or (checks and all(check["holds"] for check in checks))
    assert found["value"] == float(found["enclosure"]["mid"])


def test_some_forms_are_proved_and_some_are_not(run: Run) -> None:
    kinds = {name: moment(run, name)["form"]["kind"] for name in ("triangular", "atan", "sigmoid", "periodic_exponential")}
    assert list(kinds.values()) == ["elementary", "special", "series", "none"]
    assert moment(run, "triangular")["proved"]
    assert not moment(run, "periodic_exponential")["proved"]  # no closed form is known: nothing can be proved of it


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("atan", "ATan:alpha=2"),
        ("fast_sigmoid", "FAST_Sigmoid:slope=25"),
        ("atan:alpha=2", "spikingjelly.ATan"),
        ("atan:alpha=3", "SpikingJelly.atan:alpha=3"),
        ("fast_sigmoid:slope=25", "snntorch.fast_sigmoid"),
        ("rectangular:alpha=1/2", "expr:Piecewise((1/2, Abs(x) < 1), (0, True))"),
        ("linear:slope=3", "EXPR:k;k=3"),
        ("exponential:alpha=1", "expr:exp(-c*abs(x))/2;c=1"),
        ("atan:alpha=0.1", "atan:alpha=1/10"),
    ],
)
def test_two_ways_to_name_one_surrogate(run: Run, one: str, other: str) -> None:
    first, second = (moment(run, spec, "-1", "2", "--power", "2") for spec in (one, other))
    # two enclosures of one number, each of relative width below 1e-17
    assert first["value"] == pytest.approx(second["value"], rel=1e-15)


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 6))
def test_the_spec_shown_names_the_same_surrogate(run: Run, name: str) -> None:
    first = moment(run, name)
    assert moment(run, first["surrogate"])["value"] == first["value"]


def test_of_f(run: Run) -> None:
    # f(−∞) = 0 and area 1: by symmetry E[f(X)] = 1/2 at mean 0
    assert moment(run, "sigmoid", "0", "1", "--of", "f")["value"] == pytest.approx(0.5, rel=1e-15)
    # f' = k is not integrable: f(0) = 0, f = kx, E[f²] = k²(μ² + v)
    assert moment(run, "linear:slope=3", "2", "5", "--of", "f", "--power", "2")["value"] == pytest.approx(81, rel=1e-15)


def test_variance_zero_is_the_value_at_the_mean(run: Run) -> None:
    found = moment(run, "atan", "0", "0")
    assert found["value"] == 1.0
    assert "variance 0" in found["note"]
    edge = moment(run, "rectangular", "0.5", "0")  # a jump from 1 to 0
    assert edge["value"] == 0.5
    assert "averaged" in edge["note"]


def test_without_json_a_table(run: Run) -> None:
    found = run("moment", "atan", *MOMENT, "--explain")
    assert (found.code, found.err) == (0, "")
    assert "enclosure" in found.out
    assert "method:" in found.out


# --- the other commands' JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", spread(SURROGATES.names(), 6))
def test_constants(run: Run, name: str) -> None:
    found = run("constants", name, "--threshold", "1", "--std", "2", "--json").document
    for power, key in ((1, "E_g"), (2, "E_g2"), (4, "E_g4")):
        # x = H − θ: a threshold is a mean of −θ, and std is squared
        assert found[key]["value"] == moment(run, name, "-1", "4", "--power", str(power))["value"]
        assert {"value", "enclosure", "form", "status", "proved"} <= set(found[key])
    assert found["gain"] == (found["E_g2"]["value"] ** -0.5 if found["E_g2"]["value"] else None)


@pytest.mark.parametrize("scheme", [scheme.name for scheme in SCHEMES if scheme.needs_data])
def test_init_of_what_needs_data(run: Run, scheme: str) -> None:
    found = run("init", "--scheme", scheme, "--fan-in", "100", "--json")
    assert (found.code, found.out) == (2, "")
    assert "needs data" in found.err
    assert SCHEMES[scheme].advice in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("scheme", [scheme.name for scheme in SCHEMES if not scheme.needs_data])
def test_init(run: Run, scheme: str) -> None:
    found = run("init", "--scheme", scheme.upper(), "--surrogate", "atan", "--fan-in", "100", "--json").document
    assert {"variance", "std", "uniform_bound", "bias", "scheme", "provenance"} <= set(found)
    assert found["scheme"] == scheme
    assert found["std"] ** 2 == pytest.approx(found["variance"], rel=1e-15)
    assert found["uniform_bound"] ** 2 == pytest.approx(3 * found["variance"], rel=1e-15)
    assert {"formula", "source"} <= set(found["provenance"])  # where each number came from
    assert run("init", "--scheme", scheme, "--fan-in", "100").code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("init", "--scheme", "critical", "--fan-in", "9", "--rate", "0.1"), "0.116905"),
        (("init", "--scheme", "critical", "--fan-in", "9", "--rate", "0.5"), "below 0.5"),
        (("design", "--rate", "0.2", "--surrogate", "linear"), "no slope"),
        (("init", "--scheme", "orthogonal:size=2", "--fan-in", "9"), "gain"),
        (("init", "--scheme", "kaiming", "--conv", "8,16,3,3,1"), "groups"),
        (("init", "--scheme", "kaiming", "--conv", "8,16,1,3,1", "--fan-out", "3"), "--conv"),
        (("design", "--rate", "0.1169"), "0.116905"),
        (("design", "--rate", "0.5"), "below 0.5"),
        (("design", "--rate", "0.1", "--steps", "2", "--leak", "0.5"), "lowest stable firing rate with 2 steps"),
        (("design", "--rate", "0.2", "--surrogate", "spikingjelly.DeterministicPass"), "no slope"),
        (("design", "--rate", "0.2", "--leak", "1.5"), "leak"),
        (("design", "--rate", "0.2", "--steps", "0"), "steps"),
        (("design", "--rate", "0.2", "--seed", "-1"), "seed"),
        (("joint", "--threshold", "-1"), "threshold"),
        (("joint", "--surrogate", "zero"), "no gradient"),
    ],
)
def test_refusals_of_initialisation(run: Run, arguments: tuple[str, ...], word: str) -> None:
    found = run(*arguments, "--json")
    assert (found.code, found.out) == (2, "")
    assert word in found.err
    assert found.err.count("\n") == 1


def test_design(run: Run) -> None:
    found = run("design", "--rate", "0.2", "--surrogate", "sigmoid", "--threshold", "1", "--fan-in", "50", "--json").document
    assert found["n_var_w"] == pytest.approx(7.0589, abs=5e-5)
    assert found["slope"] == pytest.approx(3.6456, abs=5e-5)
    assert found["forward_slope"] == pytest.approx(0.5891, abs=5e-5)
    assert found["stable"] is True
    assert found["std"] == pytest.approx((found["n_var_w"] / 50) ** 0.5, rel=1e-15)
    assert {"sigma_h", "surrogate", "parameter"} <= set(found)
    timed = run("design", "--rate", "0.2", "--steps", "2", "--leak", "0.5", "--json")
    assert (timed.code, timed.err) == (0, "")
    assert {"n_var_w", "slope", "forward_slope"} <= set(timed.document["se"])
    assert sum(timed.document["rates"]) == pytest.approx(0.4, abs=1e-4)


def test_joint(run: Run) -> None:
    found = run("joint", "--surrogate", "atan:alpha=2", "--threshold", "1", "--json").document
    assert found["min_C"] == pytest.approx(0.6926, abs=1e-4)
    stable = [s for s in found["solutions"] if s["stable"]]
    assert [s["n_var_w"] for s in stable] == pytest.approx([10.0817], abs=5e-5)
    assert {"sigma_h", "rate", "n_var_w", "forward_slope", "stable"} <= set(stable[0])
    assert "no solution" in run("joint", "--surrogate", "erf:alpha=2").out
    assert run("joint", "--threshold", "0", "--json").document["min_C_at"] is None


def test_init_of_a_convolution(run: Run) -> None:
    found = run("init", "--scheme", "xavier", "--conv", "8,16,2,3,2", "--json").document
    # fan_in 8/2 · 9 = 36, mean fan_out 16/2 · 9/4 = 18
    assert found["variance"] == pytest.approx(2 / (36 + 18), rel=1e-15)


def test_surrogates(run: Run) -> None:
    found = run("surrogates", "--json").document["surrogates"]
    assert [entry["name"] for entry in found] == list(SURROGATES.names())
    wanted = {"derivative", "parameters", "area", "peak", "form", "equivalents"}
    assert all(wanted <= set(entry) for entry in found)


@pytest.mark.parametrize("library", sorted({e.library for s in SURROGATES for e in s.equivalents}))
def test_surrogates_of_a_library(run: Run, library: str) -> None:
    found = run("surrogates", "--library", library.upper(), "--json").document
    assert {entry["name"] for entry in found["surrogates"]} == {
        e.name for s in SURROGATES for e in s.equivalents if e.library == library
    }  # fmt: skip
    stated = {entry["name"]: entry["reason"] for entry in found["unsupported"]}
    assert stated == {e.name: e.reason for e in UNSUPPORTED if e.library == library}


@pytest.mark.parametrize("target", TARGETS.names())
def test_export(run: Run, target: str, tmp_path: Path) -> None:
    found = run("export", "atan", "--target", target, "--out", "new/folder", "--json")
    assert (found.code, found.err) == (0, "")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [tmp_path / found.document["file"]] == written


def test_report(run: Run, tmp_path: Path) -> None:
    found = run("report", "theorem-1", "--out", "pages", "--json")
    assert (found.code, found.err) == (0, "")
    assert [Path(file).name for file in found.document["files"]] == ["theorem-1.html", "index.html"]
    assert (tmp_path / "pages" / "theorem-1.html").is_file()


@NEEDS_TORCH
@pytest.mark.usefixtures("no_cuda")
def test_claims(run: Run) -> None:
    found = run("claims", "--json")
    assert (found.code, found.err) == (0, "")
    assert all({"id", "statement", "source", "expected", "last"} <= set(claim) for claim in found.document)
    assert {"theorem1.backward.alpha-one", "theorem1.backward.alpha-matched"} <= {c["id"] for c in found.document}


# --- bad input --------------------------------------------------------------------------------------------------------

CODE = (  # expressions that would do something if they were ever evaluated
    '__import__("os").system("touch owned")',
    "__import__('os').system('touch owned')",
    "().__class__.__bases__[0].__subclasses__()",
    "open('owned', 'w').write('x')",
    "exec('open(chr(111),chr(119))')",
    "(lambda: 1)()",
    "x.__class__",
    "f'{x}'",
    "[x for x in (1,)]",
    "x if x else x",
    "x := 3",
    "x; import os",
    "x\nimport os",
    "9**9**9**9",
    "(" * 500 + "x" + ")" * 500,
    "1" * 100_000,
)

INIT = ("init", "--scheme", "ikun")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    # name: (arguments, what the message must contain)
    "command": (("momen", "atan"), "did you mean moment"),
    "group option": (("--foo",), "--foo"),
    "surrogate": (("moment", "atn", *MOMENT), "did you mean atan"),
    "no surrogate": (("moment", "", *MOMENT), "known: atan"),
    "library surrogate": (("moment", "snntorch.fast_sigmod", *MOMENT), "snntorch.fast_sigmoid"),
    "no default": (("moment", "norse.heavi_erfc_fn", *MOMENT), "k=…"),
    "parameter": (("moment", "atan:beta=1", *MOMENT), "it has alpha"),
    "parameters are case-sensitive": (("moment", "atan:Alpha=1", *MOMENT), "it has alpha"),
    "no value": (("moment", "atan:alpha", *MOMENT), "alpha=2"),
    "twice": (("moment", "atan:alpha=1,alpha=2", *MOMENT), "twice"),
    "domain 0": (("moment", "atan:alpha=0", *MOMENT), "a positive number"),
    "domain -1": (("constants", "sigmoid:alpha=-1"), "a positive number"),
    "parameter nan": (("moment", "atan:alpha=nan", *MOMENT), "finite"),
    "parameter inf": (("moment", "atan:alpha=inf", *MOMENT), "finite"),
    "parameter 1/0": (("moment", "atan:alpha=1/0", *MOMENT), "zero"),
    "negative variance": (("moment", "atan", "--mean", "0", "--var", "-1"), "zero or a positive number"),
    "nan": (("moment", "atan", "--mean", "nan", "--var", "1"), "finite"),
    "inf": (("moment", "atan", "--mean", "0", "--var", "inf"), "finite"),
    "-inf": (("moment", "atan", "--mean", "-inf", "--var", "1"), "finite"),
    "too large": (("moment", "atan", "--mean", "0", "--var", "1e999"), "1e300"),
    "word": (("moment", "atan", "--mean", "zero", "--var", "1"), "finite number"),
    "no mean": (("moment", "atan", "--var", "1"), "--mean"),
    "power 0": (("moment", "atan", *MOMENT, "--power", "0"), "from 1"),
    "power -2": (("moment", "atan", *MOMENT, "--power", "-2"), "from 1"),
    "power 1.5": (("moment", "atan", *MOMENT, "--power", "1.5"), "integer"),
    "of": (("moment", "atan", *MOMENT, "--of", "g"), "fprime"),
    "digits": (("moment", "atan", *MOMENT, "--digits", "0"), "from 1"),
    "too many digits": (("moment", "atan", *MOMENT, "--digits", "1000000"), "1000"),
    "option": (("moment", "atan", *MOMENT, "--pover", "2"), "--power"),
    "extra": (("moment", "atan", "erf", *MOMENT), "extra"),
    "infinite expectation": (("moment", "expr:exp(x**2)", *MOMENT), "smaller variance"),
    "expression": (("moment", "expr:foo(x)", *MOMENT), "foo"),
    "empty expression": (("moment", "expr:", *MOMENT), ""),
    "zero std": (("constants", "atan", "--std", "0"), "a positive number"),
    "negative std": (("constants", "atan", "--std", "-1"), "a positive number"),
    "threshold": (("constants", "atan", "--threshold", "nan"), "finite"),
    "library": (("surrogates", "--library", "snntorc"), "did you mean snntorch"),
    "scheme": (("init", "--scheme", "kaimin", "--fan-in", "3"), "did you mean kaiming"),
    "no scheme": (("init", "--fan-in", "3"), "--scheme"),
    "no fans": (INIT, "--fan-in"),
    "fans and convolution": ((*INIT, "--fan-in", "3", "--conv", "1,1,1,1,1"), "either"),
    "fan-in 0": ((*INIT, "--fan-in", "0"), "a positive number"),
    "fan-in -1": ((*INIT, "--fan-in", "-1"), "a positive number"),
    "fan-in 1.5": ((*INIT, "--fan-in", "1.5"), "integer"),
    "fan-out 0": ((*INIT, "--fan-in", "3", "--fan-out", "0"), "a positive number"),
    "short convolution": ((*INIT, "--conv", "1,2,3"), "five integers"),
    "worded convolution": ((*INIT, "--conv", "a,b,c,d,e"), "five integers"),
    "stride 0": ((*INIT, "--conv", "4,4,1,3,0"), "at least 1"),
    "groups": ((*INIT, "--conv", "3,4,2,3,1"), "divide"),
    "distribution": ((*INIT, "--fan-in", "3", "--distribution", "cauchy"), "normal"),
    "negative threshold": ((*INIT, "--fan-in", "3", "--threshold", "-1"), "zero or a positive number"),
    "alpha 0": ((*INIT, "--fan-in", "3", "--alpha", "0"), "a positive number"),
    "second moment 0": ((*INIT, "--fan-in", "3", "--second-moment", "0"), "a positive number"),
    "no stationary state": (("init", "--scheme", "backward-only", "--fan-in", "3", "--surrogate", "expr:0"), "another"),
    "target": (("export", "atan", "--target", "pyton", "--out", "x"), "did you mean python"),
    "export of nothing": (("export", "atn", "--target", "json", "--out", "x"), "did you mean atan"),
    "export, unwritable": (("export", "atan", "--target", "json", "--out", "a-file/below"), "cannot write"),
    "architecture": (("meanfield", "--arch", "conv2d:siz=4"), "did you mean size"),
    "architecture's size": (("meanfield", "--arch", "conv2d:size=100000"), "take a smaller size"),
    "surrogate and colon": (("moment", "atan:", *MOMENT), "nothing follows the colon"),
    "v_reset above, in the reset": (
        ("init", "--scheme", "critical", "--fan-in", "9", "--reset", "hard:v_reset=2"),
        "threshold",
    ),
    "report": (("report", "theorem1", "--out", "x"), "did you mean theorem-1"),
    "report format": (("report", "--format", "htm", "--out", "x"), "did you mean html"),
    "report, unwritable": (("report", "theorem-1", "--out", "a-file/below"), "cannot write"),
} | {f"code {i}": (("moment", f"expr:{text}", *MOMENT), "") for i, text in enumerate(CODE)}

CLAIM = "theorem1.backward.alpha-one"
BAD_RUN: dict[str, tuple[tuple[str, ...], str]] = {
    "no claim": ((), "ikun claims"),
    "claim and all": ((CLAIM, "--all"), "--all"),
    "claim": (("theorem1.backward.alpha-on",), f"did you mean {CLAIM}"),
    "one draw": ((CLAIM, "--draws", "1"), "at least 2"),
    "draws": ((CLAIM, "--draws", "x"), "auto"),
    "negative draws": ((CLAIM, "--draws", "-3"), "auto"),
    "confidence": ((CLAIM, "--confidence", "2"), "between 0 and 1"),
    "tolerance": ((CLAIM, "--tolerance", "0"), "a positive number"),
    "seed": ((CLAIM, "--seed", "-1"), "zero or a positive"),
    "batch": ((CLAIM, "--batch", "0"), "at least 1"),
    "device": ((CLAIM, "--device", "tpu"), "cuda"),
    "no cuda": ((CLAIM, "--device", "cuda"), "no CUDA"),
    "no cuda 3": ((CLAIM, "--device", "cuda:3"), "no CUDA"),
    "dtype": ((CLAIM, "--dtype", "float16"), "float32"),
    "depth 0": ((CLAIM, "--depth", "0"), "at least 1"),
    "depth 1": ((CLAIM, "--depth", "1"), "at least 2"),
    "width 0": ((CLAIM, "--width", "0"), "at least 1"),
    "steps 0": ((CLAIM, "--steps", "0"), "at least 1"),
    "leak 2": ((CLAIM, "--leak", "2"), "between 0 and 1"),
    "leak -1": ((CLAIM, "--leak", "-1"), "between 0 and 1"),
    "threshold -1": ((CLAIM, "--threshold", "-1"), "zero or a positive"),
    "gain -1": ((CLAIM, "--gain", "-1"), "a positive number"),
    "gain nan": ((CLAIM, "--gain", "nan"), "finite"),
    "input rate 2": ((CLAIM, "--input-rate", "2"), "between 0 and 1"),
    "input": ((CLAIM, "--input", "foo"), "poisson"),
    "loss": ((CLAIM, "--loss", "foo"), "white"),
    "reset": ((CLAIM, "--reset", "foo"), "adaptive:adaptation=0.2,adaptation_leak=0.9"),
    "reset nearly": ((CLAIM, "--reset", "hrd"), "did you mean hard:v_reset=0"),
    "reset and colon": ((CLAIM, "--reset", "adaptive:"), "nothing follows the colon"),
    "v_reset above": ((CLAIM, "--v-reset", "2"), "at most the threshold, 1"),
    "architecture": ((CLAIM, "--arch", "conv3d"), "conv2d"),
    "channels in groups": ((CLAIM, "--arch", "conv1d:groups=3", "--width", "8"), "divisor"),
    "widths": ((CLAIM, "--widths", "64,x"), "512,256"),
    "distribution": ((CLAIM, "--distribution", "foo"), "normal"),
    "surrogate": ((CLAIM, "--surrogate", "atn"), "did you mean atan"),
    "scheme": ((CLAIM, "--scheme", "ikum"), "did you mean ikun"),
    "gain and scheme": ((CLAIM, "--gain", "2", "--scheme", "ikun"), "not both"),
    "no stationary state": ((CLAIM, "--scheme", "backward-only", "--surrogate", "expr:0"), "another"),
    "unwritable": ((CLAIM, "--out", "a-file/below"), "cannot write"),
}


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def check_refusal(found: Ran, contains: str) -> None:
    """Exit code 2 and one line that says something, on stderr only."""
    assert found.code == 2
    assert found.out == ""
    assert found.err.endswith("\n")
    assert len(found.err.splitlines()) == 1
    assert found.err.startswith("ikun: error: ")
    assert len(found.err) > len("ikun: error: \n") + 5
    assert "Traceback" not in found.err
    assert contains in found.err


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run: Run, name: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("kept", encoding="utf-8")  # a path below a file is unwritable for root too
    arguments, contains = BAD[name]
    check_refusal(run(*arguments), contains)
    assert everything(tmp_path) == {"a-file"}
    check_refusal(run(*arguments, "--json") if "--foo" not in arguments else run(*arguments), contains)


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 74.5 GiB"), RuntimeError("you tried to allocate, but can't allocate memory: …")]
)
def test_what_needs_more_memory_than_there_is(run: Run, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(error: Exception) -> None:
        def give_up(**kwargs: Any) -> None:
            raise error

        monkeypatch.setattr("ikun_sym.cli.main.ikun", SimpleNamespace(main=give_up))

    raises(error)
    check_refusal(run("meanfield"), "out of memory")
    raises(RuntimeError("a mistake of ours"))
    with pytest.raises(RuntimeError, match="a mistake"):
        run("meanfield")


@NEEDS_TORCH
@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize("name", BAD_RUN)
def test_bad_run(run: Run, name: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("kept", encoding="utf-8")
    arguments, contains = BAD_RUN[name]
    check_refusal(run("validate", *arguments), contains)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "a-file"]


@NEEDS_TORCH
@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--draws", "x"),
        ("--device", "tpu"),
        ("--depth", "0"),
        ("--depth", "1"),
        ("--loss", "foo"),
        ("--batch", "0"),
    ],
    ids=str,
)
def test_a_refused_run_leaves_no_folder(run: Run, arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert run("validate", CLAIM, *arguments).code == 2
    assert everything(tmp_path) == set()


@NEEDS_TORCH
@pytest.mark.usefixtures("no_cuda")
def test_cuda_refused_by_demo(run: Run) -> None:
    check_refusal(run("demo", "--device", "cuda"), "no CUDA")


@pytest.mark.parametrize(
    "arguments",
    [
        ("constants", "atan", "--threshold", "100"),  # rate underflows
        ("constants", "rectangular", "--threshold", "100"),  # E[f'²] underflows
        ("constants", "expr:0"),
        ("constants", "linear:slope=1e200"),
        ("init", "--scheme", "lecun", "--fan-in", "1" + 400 * "0"),
        ("moment", "linear:slope=1e300", *MOMENT, "--power", "4"),
        ("moment", "linear:slope=1e-300", *MOMENT, "--power", "4"),
        ("constants", "atan", "--std", "1e200"),
        ("moment", "expr:0", *MOMENT),
    ],
    ids=lambda a: " ".join(a)[:40],
)
def test_beyond_float64(run: Run, arguments: tuple[str, ...]) -> None:
    """A number that float64 cannot hold is null with a reason, or a refusal; never a traceback, NaN or Infinity."""
    found = run(*arguments, "--json")
    if found.code == 2:
        check_refusal(found, "")
    else:
        assert found.code == 0
        assert found.document


# --- validate ---------------------------------------------------------------------------------------------------------


def verdict(found: str, expected: str | None) -> Any:
    return SimpleNamespace(verdict=found, expected=expected)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([("confirmed", "confirmed")], 0),
        ([("refuted", "refuted")], 0),
        ([("confirmed", "refuted")], 1),
        ([("refuted", "confirmed")], 1),
        ([("inconclusive", "confirmed")], 3),
        ([("inconclusive", "refuted")], 3),
        ([("confirmed", None)], 0),
        ([("refuted", None)], 0),
        ([("inconclusive", None)], 3),
        ([("inconclusive", "confirmed"), ("refuted", "confirmed")], 1),  # 1 beats 3, in either order
        ([("refuted", "confirmed"), ("inconclusive", "confirmed")], 1),
        ([("confirmed", "confirmed"), ("inconclusive", None)], 3),
        ([("confirmed", "confirmed"), ("refuted", "refuted")], 0),
    ],
)
def test_exit_code(verdicts: list[tuple[str, str | None]], code: int) -> None:
    from ikun_validate.commands import exit_code

    assert exit_code([verdict(*pair) for pair in verdicts]) == code


TINY = ("--depth", "6", "--width", "64", "--batch", "8", "--draws", "4")


@NEEDS_TORCH
@pytest.mark.usefixtures("no_cuda")
def test_a_run_and_its_records(run: Run, tmp_path: Path) -> None:
    def tiny(out: str, *more: str) -> Ran:
        return run("validate", CLAIM, *TINY, "--out", out, "--json", *more)

    first = tiny("first")
    found = first.document
    assert found["claim"] == CLAIM
    assert found["verdict"] in ("confirmed", "refuted", "inconclusive")
    assert found["expected"] is None  # depth is a model flag: the user's own settings
    assert first.code == (3 if found["verdict"] == "inconclusive" else 0)
    assert found["draws"] == 4
    assert found["checks"]
    assert all({"value", "low", "high", "threshold", "holds"} <= set(check) for check in found["checks"].values())
    assert [layer["layer"] for layer in found["layers"]] == list(range(1, 7))
    for layer in found["layers"]:
        assert all({"mean", "low", "high", "predicted"} <= set(layer[key]) for key in ("var_h", "rate", "grad_var"))
    files = {path.name for path in (tmp_path / "first").iterdir()}
    assert {"rows.jsonl", "verdicts.json", "provenance.json", "report.html"} <= files
    assert not [name for name in files if name.endswith(".tmp")]  # no temporary file is left
    for name in ("verdicts.json", "provenance.json"):
        json.loads((tmp_path / "first" / name).read_text(encoding="utf-8"), parse_constant=_refuse)

    def rows(out: str) -> str:
        return (tmp_path / out / "rows.jsonl").read_text(encoding="utf-8")

    assert len(rows("first").splitlines()) == 4
    tiny("again")
    assert rows("again") == rows("first")
    tiny("other", "--seed", "1")
    assert rows("other") != rows("first")
