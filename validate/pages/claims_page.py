"""The page of a run: verdicts first, then each claim with its plots, then the derivations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ikun_derivations.document import Document
from ikun_derivations.render.html_pages import render_page
from ikun_sym.schemes.constants import Constants

from ..claims import Claim
from ..verdicts.judge import CaseResult, Verdict
from .figures import figures, overview


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


def page(
    title: str,
    introduction: Sequence[str],
    verdicts: Sequence[Verdict],
    provenance: dict[str, Any],
    *,
    findings: Sequence[str] = (),
    lines: Sequence[Line] | None = None,
    constants: Sequence[Constants] = (),
    documents: Sequence[Document] = (),
) -> str:
    """One self-contained page."""
    return render_page(
        "ikun_validate.pages",
        title=title,
        introduction=introduction,
        findings=findings,
        lines=lines if lines is not None else [line for verdict in verdicts for line in lines_of(verdict)],
        confidence=verdicts[0].settings.confidence if verdicts else 0.99,
        constants=constants,
        overview=overview(verdicts),
        verdicts=_sections(verdicts, documents),
        documents=documents,
        provenance=provenance,
    )


def _sections(verdicts: Sequence[Verdict], documents: Sequence[Document]) -> list[dict[str, Any]]:
    """A section per claim; plots of the same networks are shown once, at the first claim that looks at them."""
    shown: dict[Any, Claim] = {}
    sections = []
    for verdict in verdicts:
        networks = tuple(result.case.architecture for result in verdict.results)
        first = shown.setdefault(networks, verdict.claim)
        same = first is not verdict.claim
        sections.append(
            {
                "claim": verdict.claim,
                "verdict": verdict.verdict,
                "anchor": anchor(verdict.claim),
                "same_as": {"id": first.id, "anchor": anchor(first)} if same else None,
                "figures": [] if same else figures(verdict, anchor(verdict.claim)),
                "derivation": _derivation(verdict.claim, documents),
            }
        )
    return sections


def _derivation(claim: Claim, documents: Sequence[Document]) -> dict[str, Any] | None:
    """The document that derives what the claim is about, and whether the page holds it."""
    if not claim.derivation:
        return None
    found = next((document for document in documents if document.id == claim.derivation), None)
    return {"id": claim.derivation, "title": found.title if found else "", "here": found is not None}
