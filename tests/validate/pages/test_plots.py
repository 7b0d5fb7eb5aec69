"""Plots show what was measured and predicted, belong to the page's colours, and are told to those who cannot see them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `validate`")

from ikun_validate.cases.case import Case, build
from ikun_validate.claims import select
from ikun_validate.networks.network import Architecture, Draw
from ikun_validate.pages.claims_page import page
from ikun_validate.pages.figures import figures, overview
from ikun_validate.pages.heat_map import heat_map, maps_of
from ikun_validate.pages.plots import compared, deviation_plot, layers_plot, scatter_plot, spectrum, spectrum_plot
from ikun_validate.verdicts.judge import CaseResult, Laboratory, RunSettings, Verdict, judge

CLAIM = "theorem1.backward.alpha-one"


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    claim = select(CLAIM)[0]
    cases = [build(Architecture.of(depth=6, width=64, threshold=t), claim.scheme) for t in (0.0, 1.0)]
    return judge(claim, cases, Laboratory(RunSettings(batch=1, draws=12)), expected=claim.expected)


def described(svg: str) -> str:
    """Well-formed, named, described, in the page's colours; the description."""
    root = ElementTree.fromstring(svg)
    ids = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert root.get("role") == "img"
    title, description = (ids[name] for name in root.get("aria-labelledby", "").split())
    assert title.text
    assert description.text
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", re.sub(r"var\([^)]*\)", "", svg)), "a colour that is not the page's"
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= set(ids), "points at what is not there"
    return description.text


def test_every_figure_is_told_and_none_shares_an_id(verdict: Verdict) -> None:
    found = [*figures(verdict, "claim-a"), *figures(verdict, "claim-b"), *overview([verdict])]
    ids: list[str] = []
    for figure in found:
        assert described(str(figure.svg))
        assert figure.caption
        ids += re.findall(r' id="([^"]+)"', str(figure.svg))
    assert len(ids) == len(set(ids))
    assert len(found) == 2 * 4 + 2


def test_layers_tell_both_ends(verdict: Verdict) -> None:
    result = verdict.results[1]
    told = described(layers_plot([result], "grad_var", "gradient"))
    first = result.layers[0]["grad_var"]
    assert f"{first['mean']:.3g} in the first layer" in told
    assert f"predicted {first['predicted']:.3g}" in told


def test_two_inputs_are_shown_beside_theory() -> None:
    """Overlap and correlation of gradients in every layer: 8 networks of 512 neurons, Student's intervals that miss one time in
    a hundred each and have 6 looks; seeds are fixed. The overlap goes down, correlations from the last layer to the first."""
    claim = select("information.coherence")[0]
    case = Case("", Architecture.of(depth=3, width=512, gain=7.06, input_rate=0.2, input_overlap=0.8, surrogate="sigmoid"))
    found = judge(claim, [case], Laboratory(RunSettings(batch=16, draws=8)), expected=None)
    rows = found.results[0].layers
    for name in ("overlap", "gradient_correlation"):
        means = [row[name]["mean"] for row in rows]
        assert means == sorted(means, reverse=name == "overlap")
        for row in rows:
            assert row[name]["low"] <= row[name]["predicted"] <= row[name]["high"]
            assert row[name]["high"] - row[name]["low"] < 0.2
    shown = figures(found, "pairs")
    told = [described(str(one.svg)) for one in shown]
    for what in ("overlap against the layer", "correlation of gradients against the layer"):
        (one,) = (text for text in told if text.startswith(what))
        assert "predicted" in one


def planted(result: CaseResult, values: np.ndarray) -> CaseResult:
    draws = tuple(replace(result.draws[0], index=i, log_gradient=np.full(6, value)) for i, value in enumerate(values))
    return replace(result, draws=draws)


def test_the_spectrum_is_centred_on_the_prediction(verdict: Verdict) -> None:
    """Planted: draws whose logarithm is the predicted mean's minus β/2 lie at −β/2."""
    result = verdict.results[0]
    found = spectrum(result)
    assert found is not None
    _, mean, beta = found
    assert mean == -beta / 2 < 0
    centre = math.log(result.layers[0]["grad_var"]["predicted"]) + mean
    again = spectrum(planted(result, centre + np.array([0.5, -0.5, 0.0])))
    assert again is not None
    np.testing.assert_allclose(again[0], mean + np.array([-0.5, 0.0, 0.5]), atol=1e-12)
    told = described(spectrum_plot([result]) or "")
    assert f"predicted {mean:.3g} and {beta:.3g}" in told
    assert spectrum_plot([planted(result, np.array([np.nan, -np.inf]))]) is None


def test_draws_of_several_samples_have_no_predicted_spectrum(verdict: Verdict) -> None:
    several = replace(verdict, settings=replace(verdict.settings, batch=2))
    assert len(figures(several, "a")) == 3


def test_the_scatter_counts_what_lies_inside(verdict: Verdict) -> None:
    checks = compared(verdict.results)
    inside = sum(c.interval.low <= c.predicted <= c.interval.high for c in checks)
    for draw in (scatter_plot, deviation_plot):
        assert f"{len(checks)} checks; the prediction lies within the interval in {inside};" in described(draw(verdict.results))
    wrong = [replace(r, checks=tuple(replace(c, predicted=10 * c.interval.value) for c in r.checks)) for r in verdict.results]
    assert "within the interval in 0; the largest deviation is 90.0%" in described(scatter_plot(wrong))


def test_maps_show_layers_and_steps() -> None:
    """Three layers, two steps; the last layer's second step is the largest and fully opaque, the smallest nearly clear."""
    measured = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 11.0]])
    svg = heat_map({"measured": measured, "predicted": measured + 0.5}, anchor="m", title="rate")
    told = described(svg)
    assert "measured: from 1 to 11; predicted: from 1.5 to 11.5" in told
    cells = {}
    for name, layer, step, value, x, y, rest in re.findall(
        r"<title>(\w+), layer (\d), step (\d): (.*?)</title><path d=\"M ([\d.]+) ([\d.]+) ([^>]*)/>", svg
    ):
        shade = re.search(r"fill-opacity: ([\d.]+)", rest)
        cells[name, int(layer), int(step)] = float(value), float(shade[1]) if shade else 1.0, float(x), float(y)
    assert len(cells) == 12
    assert cells["measured", 3, 2][:2] == (11, pytest.approx(1, abs=0.05))
    assert cells["measured", 1, 1][:2] == (1, 0.04)
    by_value = sorted(cells.values())
    assert [shade for _, shade, _, _ in by_value] == sorted(shade for _, shade, _, _ in by_value)
    for name in ("measured", "predicted"):
        assert cells[name, 1, 1][3] > cells[name, 2, 1][3] > cells[name, 3, 1][3], "layer 1 is below"
        assert cells[name, 1, 1][2] < cells[name, 1, 2][2], "time goes to the right"
    nothing = heat_map({"measured": np.full((2, 2), np.nan)}, anchor="n", title="rate", log=True)
    assert "measured: from nothing to nothing" in described(nothing)


def test_deep_maps_are_thinned_and_say_so() -> None:
    told = described(heat_map({"measured": np.ones((100, 2))}, anchor="m", title="rate"))
    assert "34 of 100 layers are drawn" in told


def test_only_several_steps_have_maps(verdict: Verdict) -> None:
    assert maps_of(verdict.results, "rate") == []
    result = verdict.results[0]
    for row in result.layers:
        row["rate"]["steps"] = [{"mean": 0.1, "low": None, "high": None, "predicted": None}] * 3
    try:
        ((_, arrays),) = maps_of([result], "rate")
    finally:
        for row in result.layers:
            del row["rate"]["steps"]
    assert arrays.keys() == {"measured"}
    assert arrays["measured"].shape == (6, 3)


def test_a_silent_network_can_be_shown() -> None:
    """No draw is active: no mean, no gradient; the page is made all the same."""
    claim = select(CLAIM)[0]
    case = Case("silent", Architecture.of(depth=3, width=8, gain=1e-3))
    silent = judge(claim, [case], Laboratory(RunSettings(batch=1, draws=2)))
    assert all(isinstance(draw, Draw) and draw.alive == 0 for draw in silent.results[0].draws)
    made = {"command": "ikun", "settings": {"seed": 0}, **dict.fromkeys(NAMES)}
    assert "<svg" in page("Silence", [], [silent], made)


NAMES = ("ikun", "commit", "python", "torch", "numpy", "scipy", "sympy", "device")


def test_the_page_links_a_claim_to_its_derivation(verdict: Verdict) -> None:
    from ikun_derivations.document import Document

    made = {"command": "ikun", "settings": {"seed": 0}, **dict.fromkeys(NAMES)}
    claim = verdict.claim
    document = Document(id=claim.derivation, title="The theorem", summary="", sections=(), references=())
    assert f'<a href="#{claim.derivation}">The theorem</a>' in page("Here", [], [verdict], made, documents=[document])
    assert f"<code>ikun report {claim.derivation}</code>" in page("Elsewhere", [], [verdict], made)
