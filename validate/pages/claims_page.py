"""The page of a run: the matrix and its picture first, then every verdict, each claim with its plots, and the derivations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ikun_derivations.document import Document
from ikun_derivations.render.html_pages import render_page
from ikun_sym.schemes.constants import Constants

from ..claims import Claim
from ..verdicts.judge import Verdict
from .figures import figures, headline, overview
from .lines import Line, anchor, lines_of
from .matrix import MEANING, Matrix


def page(
    title: str,
    introduction: Sequence[str],
    verdicts: Sequence[Verdict],
    provenance: dict[str, Any],
    *,
    matrix: Matrix | None = None,
    lines: Sequence[Line] | None = None,
    constants: Sequence[Constants] = (),
    documents: Sequence[Document] = (),
) -> str:
    """One self-contained page. With a `matrix` it begins with that, and the table of all networks is folded."""
    shown = lines if lines is not None else [line for verdict in verdicts for line in lines_of(verdict)]
    return render_page(
        "ikun_validate.pages",
        title=title,
        introduction=introduction,
        matrix=matrix,
        meaning=MEANING,
        headline=headline(verdicts, matrix.networks) if matrix else None,
        groups=[list(rows) for _, rows in groupby(shown, key=lambda line: line.claim)],
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
