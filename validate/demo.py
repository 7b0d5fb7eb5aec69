"""The main job, end to end: derive, prove, emit, validate, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ikun_derivations.documents import d01_gaussian_moments, d02_theorem_1
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.cli.console import stderr
from ikun_sym.errors import DomainError, NoSolutionError
from ikun_sym.files import write_atomically
from ikun_sym.schemes.constants import Constants, constants
from ikun_sym.targets import export

from .cases.case import Case, build, label
from .claims import Claim, select
from .networks.device import choose
from .networks.network import Architecture
from .pages.claims_page import page
from .pages.lines import Line, lines_of
from .pages.matrix import Matrix, Network, key, matrix_of, on_terminal
from .progress import run
from .verdicts.judge import CaseResult, RunSettings, Verdict
from .verdicts.records import recorded, write_verdicts

if TYPE_CHECKING:
    from rich.console import Console

NAMES = ("sigmoid", "tanh", "linear", "atan")
THRESHOLDS = (0.0, 1.0)
NETWORKS = tuple((name, theta) for name in NAMES for theta in THRESHOLDS)
TARGETS = ("python", "json")


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    out: Path
    constants: list[Constants]
    exports: list[Path]
    verdicts: list[Verdict]
    lines: list[Line]
    matrix: Matrix

    @property
    def results(self) -> list[CaseResult]:
        return [result for verdict in self.verdicts for result in verdict.results]

    @property
    def surprises(self) -> list[CaseResult]:
        """Cases whose verdict is not the one that theory predicted."""
        return [r for r in self.results if r.predicted_outcome is not None and r.outcome != r.predicted_outcome]

    @property
    def as_predicted(self) -> int:
        return len(self.results) - len(self.surprises)

    @property
    def exit_code(self) -> int:
        if any(result.outcome != "inconclusive" for result in self.surprises):
            return 1
        return 3 if any(result.outcome == "inconclusive" for result in self.results) else 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "page": str(self.out / "report.html"),
            "constants": [table.to_dict() for table in self.constants],
            "exports": [str(path) for path in self.exports],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "matrix": self.matrix.to_dict(),
            "table": [dict(vars(line)) for line in self.lines],
            "as_predicted": self.as_predicted,
            "cases": len(self.results),
        }


def main_job(out: Path, *, claims: str, depth: int, width: int, device: str, seed: int, resume: bool) -> DemoResult:
    """Run all four parts and report progress on stderr. `claims`: an id or a prefix of ids."""
    chosen = select(claims)
    say = stderr().print
    settings = RunSettings(device=choose(device), seed=seed)
    say("1/4 deriving: every step is checked as it is written")
    documents = [d01_gaussian_moments.build([SURROGATES[name] for name in NAMES]), d02_theorem_1.build()]
    tables = [constants(name, int(theta), 1) for name in NAMES for theta in THRESHOLDS]
    say("2/4 exporting")
    exports = [export(name, target, out / "export") for name in NAMES for target in TARGETS]
    say(f"3/4 validating on networks {depth} layers deep and {width} wide")
    architecture = Architecture(depth=depth, width=width)
    jobs, missing = [], []
    for claim in chosen:
        cases, absent = _cases(claim, architecture)
        missing += absent
        jobs.append((claim, cases, None))
    architectures = [case.architecture for _, cases, _ in jobs for case in cases]
    with recorded(out, settings, architectures, resume=resume) as (laboratory, made):
        verdicts = run(jobs, laboratory)
    say("4/4 writing the page")
    write_verdicts(out, verdicts)
    found = [line for verdict in verdicts for line in lines_of(verdict)] + [line for _, line in missing]
    order = {claim.id: index for index, claim in enumerate(chosen)}
    lines = sorted(found, key=lambda line: order[line.claim])
    matrix = matrix_of(chosen, NETWORKS, verdicts, missing)
    result = DemoResult(out=out, constants=tables, exports=exports, verdicts=verdicts, lines=lines, matrix=matrix)
    write_atomically(
        out / "report.html",
        page(
            "Theorem 1 of IKUN, derived and measured",
            introduction(result),
            verdicts,
            made,
            matrix=matrix,
            lines=lines,
            constants=tables,
            documents=documents,
        ),
    )
    return result


def _cases(claim: Claim, architecture: Architecture) -> tuple[list[Case], list[tuple[Network, Line]]]:
    """The claim on every network. Where its weights do not exist, a line of the table says so."""
    cases, absent = [], []
    for name, theta in NETWORKS:
        wanted = architecture.but(surrogate=name, threshold=theta, forward=claim.forward)
        try:
            cases.append(build(wanted, claim.scheme))
        except (NoSolutionError, DomainError) as error:
            line = Line(
                claim=claim.id,
                case=label(wanted),
                claimed="",
                predicted="",
                measured="",
                draws="0",
                verdict="not run",
                note=error.reason if isinstance(error, NoSolutionError) else str(error),
            )
            absent.append(((name, theta), line))
    return cases, absent


def introduction(result: DemoResult) -> list[str]:
    """The question; the matrix answers it."""
    return [
        "IKUN's Theorem 1 (Chang, Wang & Yang, arXiv 2411.18250) sets Var(W) = α/(fan_in σ_X² E[f'²]) and claims that forward "
        "and backward variance stay the same from layer to layer of a deep spiking network. Does it hold? "
        f"{result.as_predicted} of {len(result.results)} verdicts are the ones that infinite-width theory predicts.",
    ]


def show(console: Console, result: DemoResult) -> None:
    """Claim by network, what is right where a claim fails, and where to read on: at most 25 lines for Theorem 1."""
    architecture = result.results[0].case.architecture if result.results else None
    size = f" in networks of {architecture.depth} layers" if architecture else ""
    console.print(f"Theorem 1{size}: does it hold, and the measured factor a layer")
    for line in on_terminal(result.matrix, console.width):
        console.print(line, no_wrap=True, overflow="crop")
    if marks := key(console.width):
        console.print(marks)
    for rows, text in result.matrix.instead():
        console.print(f"{', '.join(str(row.number) for row in rows)} instead: {text}")
    console.print(f"{result.as_predicted} of {len(result.results)} verdicts as infinite-width theory predicts")
    console.print(f"page: {result.out / 'report.html'}")
