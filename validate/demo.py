"""The main job, end to end: derive, prove, emit, validate, report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ikun_derivations.documents import d01_gaussian_moments, d02_theorem_1
from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.cli.console import stderr, table
from ikun_sym.errors import DomainError, NoSolutionError
from ikun_sym.files import write_atomically
from ikun_sym.schemes.constants import Constants, constants
from ikun_sym.targets import export

from .cases.case import Case, build, label
from .cases.observables import OBSERVABLES
from .claims import Claim, select
from .networks.device import choose
from .networks.network import Architecture
from .pages.claims_page import Line, lines_of, page
from .progress import run
from .verdicts.judge import CaseResult, RunSettings, Verdict
from .verdicts.records import recorded, write_verdicts

if TYPE_CHECKING:
    from rich.console import Console

NAMES = ("sigmoid", "tanh", "linear", "atan")
THRESHOLDS = (0.0, 1.0)
TARGETS = ("python", "json")


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """`claims`: the requested id or prefix of ids."""

    out: Path
    claims: str
    constants: list[Constants]
    exports: list[Path]
    verdicts: list[Verdict]
    lines: list[Line]

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
    found = [line for verdict in verdicts for line in lines_of(verdict)] + missing
    order = {claim.id: index for index, claim in enumerate(chosen)}
    lines = sorted(found, key=lambda line: order[line.claim])
    result = DemoResult(out=out, claims=claims, constants=tables, exports=exports, verdicts=verdicts, lines=lines)
    write_atomically(
        out / "report.html",
        page(
            "Theorem 1 of IKUN, derived and measured",
            introduction(result),
            verdicts,
            made,
            findings=[finding(verdict) for verdict in verdicts],
            lines=lines,
            constants=tables,
            documents=documents,
        ),
    )
    return result


def _cases(claim: Claim, architecture: Architecture) -> tuple[list[Case], list[Line]]:
    """The claim on every surrogate and threshold. If its weights do not exist there, a line of the table says so."""
    cases, absent = [], []
    for name in NAMES:
        for theta in THRESHOLDS:
            wanted = architecture.but(surrogate=name, threshold=theta, forward=claim.forward)
            try:
                cases.append(build(wanted, claim.scheme))
            except (NoSolutionError, DomainError) as error:
                absent.append(
                    Line(
                        claim=claim.id,
                        case=label(wanted),
                        claimed="",
                        predicted="",
                        measured="",
                        draws="0",
                        verdict="not run",
                        note=error.reason if isinstance(error, NoSolutionError) else str(error),
                    )
                )
    return cases, absent


def introduction(result: DemoResult) -> list[str]:
    """The question and the result."""
    return [
        "IKUN's Theorem 1 (Chang, Wang & Yang, arXiv 2411.18250) sets Var(W) = α/(fan_in σ_X² E[f'²]) and claims that forward "
        "and backward variance stay stable in deep spiking networks. Here the constants are derived and enclosed, the claim is "
        "tested on random networks, and each verdict can be wrong with at most the stated probability.",
        f"{result.as_predicted} of {len(result.results)} verdicts are the ones that infinite-width theory predicts.",
    ]


def finding(verdict: Verdict) -> str:
    """One claim in one sentence: how often it held, and what was measured."""
    counts = Counter(result.outcome for result in verdict.results)
    said = ", ".join(f"{outcome} in {count}" for outcome, count in counts.items())
    values = [r.checks[0].interval.value for r in verdict.results if r.checks[0].interval.known]
    if not values:
        return f"{verdict.claim.id}: {said} of {len(verdict.results)} networks; every network fell silent."
    span = f"{min(values):.4g} to {max(values):.4g}"
    label, claimed = OBSERVABLES[verdict.claim.observable].label, verdict.results[0].checks[0].claimed
    return f"{verdict.claim.id}: {said} of {len(verdict.results)} networks; {label} measured {span}, claimed {claimed:g}."


def show(console: Console, result: DemoResult) -> None:
    rows = [
        (c.surrogate, f"{c.threshold:g}", *(f"{m.value:.15g}" for m in c.moments.values()), c.moments["E_g2"].status)
        for c in result.constants
    ]
    console.print(table("Constants, H ~ N(0, 1)", ("surrogate", "θ", "E[f']", "E[f'²]", "E[f'⁴]", "E[f'²] is"), rows))
    columns = ("claim", "network", "paper says", "predicted", "measured", "draws", "verdict")
    above = [""] + [line.claim for line in result.lines]
    lines = [
        (
            "" if l.claim == before else l.claim.removeprefix(result.claims + "."),
            l.case,
            l.claimed,
            l.predicted,
            l.measured,
            l.draws,
            l.verdict + (f" ({l.note})" if l.note else ""),
        )
        for before, l in zip(above, result.lines, strict=False)
    ]
    console.print(table("Theorem 1, per-layer factors", columns, lines))
    console.print(f"{result.as_predicted} of {len(result.results)} verdicts as predicted")
    console.print(f"exports: {result.exports[0].parent}")
    console.print(f"page:    {result.out / 'report.html'}")
