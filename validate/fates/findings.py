"""The findings of the table, as text computed from it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ..layer_fate import HEALTHY_SIZES
from .experiment import Table
from .grid import SURROGATES
from .table_cell import BORDER, CAUSES, CHANCE, NO_WEIGHTS, OPEN, Cell, most

SIGNIFICANT = 1e-3
"""Cells are listed if predicted and measured shares would differ so much by chance with less than this probability."""


def tally(table: Table) -> str:
    """How many cells are predicted correctly."""
    cells, misses = table.run, table.misses
    causes = Counter(cell.cause for cell in misses)
    told = "; ".join(f"{causes[cause]} {cause} ({what})" for cause, what in CAUSES.items() if causes[cause])
    right = f"{len(cells) - len(misses)} of {len(cells)} fates are predicted right"
    none = sum(cell.fate == NO_WEIGHTS for cell in table.cells)
    empty = f"; {none} cells of {len(table.cells)} have no weights" if none else ""
    return f"{right}{empty}. " + (f"Of {len(misses)} misses: {told}." if misses else "There is no miss.")


def infinite_width(table: Table) -> str:
    """What finite width changes."""
    known = [cell for cell in table.run if cell.mean_field is not None]
    right = sum(cell.mean_field is not None and cell.mean_field.fate == cell.size for cell in known)
    finite = sum(cell.predicted is not None and most(cell.predicted.fates) == cell.size for cell in known)
    return (
        f"Sizes at infinite width, where its theory covers the weights, are right in {right} of {len(known)} cells; the law at "
        f"width {table.settings.width} in {finite} of the same."
    )


def differing(table: Table) -> list[Cell]:
    """Cells whose predicted and measured shares differ by more than chance."""
    return [cell for cell in table.run if cell.compatibility < SIGNIFICANT]


def shares(table: Table) -> str:
    found = differing(table)
    missed = len([cell for cell in found if not cell.agrees])
    return (
        f"Shares of fates differ between drawn and predicted networks beyond chance (p < {SIGNIFICANT:g}) in {len(found)} of "
        f"{len(table.run)} cells, {missed} of them misses; chance alone gives {SIGNIFICANT * len(table.run):.1f} "
        "(cells that share draws are not independent)."
    )


def healthy(table: Table) -> list[str]:
    """Schemes that are healthy at the greatest depth, by time; and for each surrogate the number of such schemes."""
    lines = []
    deepest = max(table.settings.depths)
    for time in table.settings.times:
        here = [cell for cell in table.cells if cell.setup.time == time and cell.depth == deepest]
        by_scheme = Counter(cell.setup.scheme for cell in here if cell.size == HEALTHY_SIZES)
        all_of = [name for name, count in by_scheme.items() if count == len(SURROGATES)]
        some = [f"{name} ({count} of {len(SURROGATES)})" for name, count in by_scheme.items() if count < len(SURROGATES)]
        lines.append(
            f"{time.label}, depth {deepest}: sizes are right with every surrogate: {', '.join(all_of) or 'no scheme'}; with "
            f"some: {', '.join(some) or 'no other'}."
        )
        counts = {
            name: [
                sum(_healthy(cell, name, depth) for cell in table.cells if cell.setup.time == time)
                for depth in table.settings.depths
            ]
            for name in SURROGATES
        }
        listed = ", ".join(f"{name} {'/'.join(map(str, found))}" for name, found in counts.items())
        lines.append(
            f"{time.label}: schemes that keep its sizes right at depth {'/'.join(map(str, table.settings.depths))}: {listed}."
        )
    return lines


def informative(table: Table) -> list[str]:
    """How many of the networks of the right sizes still have something to learn from, by time and depth; and which ones."""
    lines = []
    for time in table.settings.times:
        right = [cell for cell in table.cells if cell.setup.time == time and cell.size == HEALTHY_SIZES]
        kept = [cell for cell in right if cell.fate == HEALTHY_SIZES]
        counts = [
            f"{sum(c.depth == depth for c in kept)} of {sum(c.depth == depth for c in right)} at depth {depth}"
            for depth in table.settings.depths
        ]
        names = dict.fromkeys(c.setup.scheme for c in kept if c.depth == max(table.settings.depths))
        lines.append(
            f"{time.label}: of the cells with the right sizes, those in which some layer tells inputs apart and has gradients "
            f"that agree: {', '.join(counts)}; at the last depth under {', '.join(names) or 'no scheme'}."
        )
    return lines


def _healthy(cell: Cell, surrogate: str, depth: int) -> bool:
    return cell.setup.surrogate == surrogate and cell.depth == depth and cell.size == HEALTHY_SIZES


def spreads(table: Table, scheme: str = "critical") -> list[str]:
    """n times the variance of the log-gradient per layer, at the weights of `scheme`, by surrogate. It decides between
    surrogates once their slopes are set."""
    lines = []
    for time in table.settings.times:
        parts = []
        for cell in table.run:
            if (cell.setup.scheme, cell.setup.time, cell.depth) != (scheme, time, max(table.settings.depths)):
                continue
            found = cell.to_dict()["log_gradient_sd"]
            law, drawn = (
                None if found[k] is None else table.settings.width * found[k] ** 2 / (cell.depth - 1)
                for k in ("predicted", "measured")
            )
            if law is not None:
                seen = "" if drawn is None else f" (drawn {drawn:.2g})"
                parts.append((law, f"{cell.setup.surrogate} {law:.3g}{seen}"))
        if parts:
            best = ", ".join(text for _, text in sorted(parts))
            count = table.settings.samples[time.steps > 1]
            lines.append(
                f"{time.label}, scheme {scheme}: n times the variance of the log-gradient per layer, least first (predicted to "
                f"{math.sqrt(2 / (count - 1)):.0%}): {best}."
            )
    return lines


def causes(table: Table) -> list[tuple[str, list[Cell]]]:
    """Misses by cause, unexplained ones first."""
    return [(cause, found) for cause in reversed(CAUSES) if (found := [c for c in table.misses if c.cause == cause])]


def name(cell: Cell) -> str:
    return f"{cell.setup.scheme}, {cell.setup.surrogate}, {cell.setup.time.label}, depth {cell.depth}"


def explained() -> Sequence[str]:
    """What the causes mean."""
    return (
        f"chance: the law gives the measured fate a probability of {OPEN:.0%} to {1 - OPEN:.0%}, and the shares are "
        f"compatible (Fisher's exact test, p >= {CHANCE:g})",
        f"border: the mean log-gradient, predicted or measured, lies within {BORDER:.0%} of the border between two fates",
        "few: the shares are compatible all the same, so few networks do not tell them apart",
        "resolution: sizes agree, and so do overlaps and gradients of two inputs in every layer, by intervals; so few networks "
        "leave their limit open",
        "unexplained: none of these",
    )
