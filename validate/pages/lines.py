"""The table of verdicts: a row a network, as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..claims import Claim
from ..verdicts.judge import CaseResult, Verdict


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table of verdicts, as text. A case that could not be run has a note that says why."""

    claim: str
    case: str
    claimed: str
    predicted: str
    measured: str
    draws: str
    verdict: str
    note: str = ""
    anchor: str = ""


def lines_of(verdict: Verdict) -> list[Line]:
    """A line per case."""
    return [_line(verdict.claim, result, anchor(verdict.claim)) for result in verdict.results]


def _line(claim: Claim, result: CaseResult, target: str) -> Line:
    main = result.checks[0]
    interval = main.interval
    measured = "silent" if not interval.known else f"{interval.value:.4g}  [{interval.low:.4g}, {interval.high:.4g}]"
    survival = next((check for check in result.checks if check.name == "survival"), None)
    note = ""
    if survival is not None and survival.holds is False:
        note = f"activity dies in {1 - survival.interval.value:.0%} of the draws"
    return Line(
        claim=claim.id,
        case=result.case.label,
        claimed=main.range,
        predicted="no theory" if np.isnan(main.predicted) else f"{main.predicted:.4g}",
        measured=measured,
        draws=str(len(result.draws)),
        verdict=result.outcome,
        note=note,
        anchor=target,
    )


def anchor(claim: Claim) -> str:
    return "claim-" + claim.id.replace(".", "-")
