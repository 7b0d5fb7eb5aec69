"""Which plots a claim gets, with the words below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ikun_sym.catalogue.schemes import SCHEMES

from ..verdicts.judge import CaseResult, Verdict
from .heat_map import heat_map, maps_of
from .matrix import Network, network_of
from .plots import compared, deviation_plot, layers_plot, scatter_plot, spectrum_plot

TOGETHER = 4
"""Cases in one plot at most: as many as there are colours."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    svg: Markup
    caption: str


OVER_LAYERS = (
    ("var_h", "Var(H)", "forward: variance of the membrane potential", True),
    ("rate", "rate", "forward: mean output, spikes a step", False),
    ("grad_var", "E[δ²] / last layer", "backward: second moment of the gradient, relative to the last layer", True),
)
"""(quantity, label of the axis, caption, logarithmic)"""

PAIRS = (
    ("overlap", "overlap", "forward: overlap of the spikes of two inputs", False),
    ("gradient_correlation", "correlation of gradients", "backward: correlation of the gradients of two inputs", False),
)
"""Where samples are pairs."""

OVER_STEPS = (("rate", "rate", False), ("grad_var", "second moment of the gradient, relative to the last layer", True))


def figures(verdict: Verdict, anchor: str) -> list[Shown]:
    """Of one claim; ids begin with `anchor`."""
    found: list[Shown] = []
    for number, group in enumerate(groups(verdict), 1):
        found += _of_group(verdict, group, f"{anchor}-{number}")
    return found


def groups(verdict: Verdict) -> list[list[CaseResult]]:
    """Results that share a plot: one surrogate, several thresholds."""
    found: dict[str, list[CaseResult]] = {}
    for result in verdict.results:
        found.setdefault(result.case.architecture.neuron.surrogate.spec, []).append(result)
    return [group[k : k + TOGETHER] for group in found.values() for k in range(0, len(group), TOGETHER)]


def _of_group(verdict: Verdict, group: Sequence[CaseResult], anchor: str) -> list[Shown]:
    name = group[0].case.architecture.neuron.surrogate.spec
    found = []
    pairs = PAIRS if group[0].case.architecture.input_overlap is not None else ()
    for quantity, label, caption, log in (*OVER_LAYERS, *pairs):
        level = 1.0 if quantity == "grad_var" and _claims_the_gradient(verdict) else None
        title = f"{name}, {caption}"
        picture = layers_plot(group, quantity, label, level, anchor=f"{anchor}-{quantity}", title=title, log=log)
        found.append(Shown(svg=Markup(picture), caption=title))
    title = f"{name}: log-gradients of the draws (steps) against the predicted normal N(−β/2, β) with its 95 % band"
    picture = spectrum_plot([r for r in group if _samples(verdict, r) == 1], anchor=f"{anchor}-spectrum", title=title)
    if picture is not None:
        found.append(Shown(svg=Markup(picture), caption=title))
    for quantity, what, log in OVER_STEPS:
        for number, (result, arrays) in enumerate(maps_of(group, quantity), 1):
            title = f"{result.case.label}: {what}, layer by step"
            picture = heat_map(arrays, anchor=f"{anchor}-{quantity}-{number}-map", title=title, log=log)
            found.append(Shown(svg=Markup(picture), caption=title))
    return found


def _samples(verdict: Verdict, result: CaseResult) -> int:
    """How many inputs a draw averages over."""
    return result.case.architecture.samples or verdict.settings.batch


def _claims_the_gradient(verdict: Verdict) -> bool:
    return any(check.name == "backward_factor" and check.claimed == 1 for r in verdict.results for check in r.checks)


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The network that is shown, under which weights (scheme and what it is), and under which it falls silent."""

    network: Network
    schemes: list[tuple[str, str]]
    silent: list[str]
    figures: list[Shown]


def headline(verdicts: Sequence[Verdict], networks: Sequence[Network]) -> Headline | None:
    """Variance and gradient against the layer, of the spiking network that stays active under most schemes (of several, the
    last): all of them in one picture."""
    schemes: dict[Network, dict[str, CaseResult]] = {network: {} for network in networks}
    for verdict in verdicts:
        for result in verdict.results:
            if result.case.architecture.forward == "spiking":
                schemes[network_of(result)][verdict.claim.scheme] = result
    alive = {n: {name: r for name, r in found.items() if _stays_active(r)} for n, found in schemes.items()}
    here = max(networks, key=lambda n: (len(alive[n]), networks.index(n)))
    if not alive[here]:
        return None
    names, results = [*alive[here]], [*alive[here].values()]
    drawn = []
    for quantity, label, caption, log in OVER_LAYERS:
        if log:
            picture = layers_plot(results, quantity, label, anchor=f"headline-{quantity}", title=caption, names=names)
            drawn.append(Shown(svg=Markup(picture), caption=caption))
    silent = [name for name in schemes[here] if name not in alive[here]]
    return Headline(network=here, schemes=[(name, SCHEMES[name].summary) for name in names], silent=silent, figures=drawn)


def _stays_active(result: CaseResult) -> bool:
    return any(draw.alive > 0 for draw in result.draws)


def overview(verdicts: Sequence[Verdict]) -> list[Shown]:
    """All checks that theory predicts, in one picture of values and one of ratios."""
    results = [result for verdict in verdicts for result in verdict.results]
    count = len(compared(results))
    if not count:
        return []
    return [
        Shown(svg=Markup(scatter_plot(results)), caption=f"measured, with intervals, against predicted: {count} checks"),
        Shown(svg=Markup(deviation_plot(results)), caption="the same as ratios, in the order of the claims"),
    ]
