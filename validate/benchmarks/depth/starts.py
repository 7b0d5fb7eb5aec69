"""The initialisations that are compared, each with the surrogate that it is trained with and its learning rate.

Of one surrogate for all, sigmoid with α = 1: weights that copy and independent ones each have the amplitude at which the
gradient of their layers keeps its size. SpikeInit sets a slope of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from ikun_sym.catalogue.registry import Registry

WIDE = "sigmoid:alpha=1"
COPYING, INDEPENDENT = f"{WIDE},amplitude=2.52", f"{WIDE},amplitude=2.05"


@dataclass(frozen=True, kw_only=True)
class Start:
    """`scheme`: of `ikun train`. `theory`: its layers are predicted at infinite width."""

    name: str
    scheme: str
    surrogate: str
    summary: str
    source: str
    theory: bool = False


STARTS: Registry[Start] = Registry("initialisation of plain deep networks")

LEARNING_RATE = 3e-3
"""Of the first and the last weights, and L times that of the hidden ones, for all. Of 2e-3 and 3e-3 the one at which copying
had the better validation accuracy at depth 20, on a seed that is not evaluated (pair 0 of base seed 77)."""

for one in (
    Start(
        name="copy",
        scheme="copy",
        surrogate=COPYING,
        summary="a permutation times c θ, plus weights whose currents have standard deviation 0.2 θ, for a rate of 0.2",
        source="ikun",
        theory=True,
    ),
    Start(
        name="critical",
        scheme="critical",
        surrogate=INDEPENDENT,
        summary="independent, for a rate of 0.2",
        source="ikun",
        theory=True,
    ),
    Start(
        name="orthogonal",
        scheme="orthogonal",
        surrogate=INDEPENDENT,
        summary="orthogonal",
        source="Saxe, McClelland & Ganguli 2014, arXiv:1312.6120",
    ),
    Start(
        name="lsuv",
        scheme="lsuv",
        surrogate=INDEPENDENT,
        summary="orthonormal, then membranes of standard deviation 1 on a batch",
        source="Mishkin & Matas 2016, arXiv:1511.06422",
    ),
    Start(
        name="spikeinit",
        scheme="spikeinit",
        surrogate=WIDE,
        summary="independent, for a rate of 0.1, with the slope that keeps the gradient's size",
        source="Shi & Yu 2026, ICML",
        theory=True,
    ),
):
    STARTS.register(one)
