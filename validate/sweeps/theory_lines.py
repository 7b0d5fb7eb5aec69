"""The theory's lines over a measured field, and what they predict of a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ikun_sym.catalogue.registry import Registry
from ikun_sym.told import Told

Theory = Mapping[str, float]

FACTOR = 6.0
"""Depths of information within which networks were found to train (Schoenholz et al. 2017, arXiv:1611.01232): no law for
spikes, but a number that was known before."""


@dataclass(frozen=True, kw_only=True)
class Line(Told):
    """The contour of `field` at 1."""

    shown = ("name", "meaning")

    name: str
    meaning: str
    field: Callable[[Theory], float | None]
    aliases: tuple[str, ...] = ()


LINES: Registry[Line] = Registry("line")


def _depths(theory: Theory, name: str) -> float | None:
    reach = theory.get(name)
    return theory["layers"] / (FACTOR * reach) if reach else None


LINES.register(
    Line(
        name="K = K_c",
        meaning="the critical scale: with less gain activity dies",
        field=lambda theory: theory.get("gain_over_critical"),
    )
)
LINES.register(
    Line(
        name=f"depth = {FACTOR:g} ξ",
        meaning="deeper networks no longer tell inputs apart",
        field=lambda theory: _depths(theory, "reach"),
    )
)
LINES.register(
    Line(
        name=f"depth = {FACTOR:g} ξ_b",
        meaning="in deeper networks the gradients of two inputs no longer agree",
        field=lambda theory: _depths(theory, "coherence_reach"),
    )
)
LINES.register(
    Line(name="C = 1", meaning="the gradient keeps its size from layer to layer", field=lambda theory: theory.get("factor"))
)


def expected_to_learn(theory: Theory) -> bool | None:
    """Active, and no deeper than FACTOR depths of information and of coherence. None: theory says nothing."""
    if "gain_over_critical" not in theory:
        return None
    depths = [_depths(theory, name) for name in ("reach", "coherence_reach")]
    return theory["gain_over_critical"] >= 1 and all(depth is not None and depth <= 1 for depth in depths)
