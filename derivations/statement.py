"""One line of a derivation: what it says, its mark, who checked it, and what was checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ikun_sym.errors import IkunError
from ikun_sym.gaussian.enclosures.certify import Enclosure

if TYPE_CHECKING:
    from .figure import Figure

MARKS = {
    "assumed": "taken as given",
    "defined": "a name, nothing to check",
    "proved": "checked by machine for all parameters in their domains",
    "enclosed": "a rigorous enclosure by ball arithmetic, at the stated parameters",
    "agrees": "both sides overlap at several points, or tend to each other: evidence, not a proof",
    "sampled": "estimated from random draws: evidence, not a proof",
    "plotted": "float64 values, drawn to be seen: not a proof",
    "cited": "taken from the source named, not checked here",
    "not shown": "stated, not checked here",
    "concluded": "follows from the steps it names",
}
"""Mark of a statement to its meaning. Marks are never upgraded."""


class DerivationError(IkunError):
    """A step does not hold, or could not be decided. The build stops."""

    def __init__(self, document: str, section: str, text: str, why: str) -> None:
        super().__init__(f"derivation {document!r}, section {section!r}: step {text!r} does not hold: {why}")


@dataclass(frozen=True)
class Statement:
    """`text`: prose. `formulas`: LaTeX. `id`: permanent anchor, unique in its document. `because`: the author's reason.
    `checker`: what checked it (empty: nothing). `details`: what was done. `rests_on`: ids of the statements that it needs.
    `enclosure`: the number it found. `claim`: the checked claim, so that it can be checked again."""

    mark: str
    text: str
    formulas: tuple[str, ...] = ()
    checker: str = ""
    details: tuple[str, ...] = ()
    id: str = ""
    because: str = ""
    rests_on: tuple[str, ...] = ()
    enclosure: Enclosure | None = None
    figure: Figure | None = None
    claim: Any = field(default=None, compare=False, repr=False)
