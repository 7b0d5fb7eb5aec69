"""`ikun diagnose --batch`: the verdict on information, its keys, and the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ikun_sym.cli.main import main
from ikun_validate.models import diagnosis_page

from .pair_networks import digits

NETS = "tests.validate.models.pair_networks"


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.fixture
def batch(tmp_path: Path) -> str:
    np.savez(tmp_path / "digits.npz", x=digits(64).numpy())
    return str(tmp_path / "digits.npz")


def test_a_batch_of_digits_is_lost_in_a_plain_network(batch: str, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "page"
    code, text = _run(capsys, f"{NETS}:plain", "--batch", batch, "--json", "--out", str(out))
    found = json.loads(text)
    assert (code, found["verdict"]) == (1, "uninformative")
    assert found["at"] == found["information"]["told_to"] + 1
    assert found["information"]["told_to"] < found["information"]["agree_from"]
    assert "provisional" in found["information"]["rule"]
    last = found["layers"][-2]
    assert set(last["information"]) >= {
        "overlap",
        "slope",
        "depth",
        "coherence",
        "coherence_depth",
        "trainable_depth",
        "reason",
    }
    for name in ("overlap", "gradient_correlation", "alignment"):
        assert last[name]["low"] < last[name]["mean"] < last[name]["high"]
    page = (out / "diagnosis.html").read_text()
    for anchor in ("figure-overlap", "figure-gradient_correlation", "figure-alignment"):
        assert anchor in page
    assert found["information"]["summary"][1:] in page
    told = found["layers"]
    settled = diagnosis_page._settled(found, "gradient_correlation")
    coherence = [layer["information"]["coherence"] for layer in told]
    # theory beside the measurement: from the last layer on, within the interval of pairs and 0.03 for the draw of the weights
    for index in range(len(told) - 4, len(told)):
        assert settled[index] == pytest.approx(float(np.prod(coherence[index:])))
        correlation = told[index]["gradient_correlation"]
        assert correlation["low"] - 0.03 < settled[index] < correlation["high"] + 0.03
    assert np.isnan(diagnosis_page._settled(found, "overlap")[0])
    assert np.isnan(diagnosis_page._settled(found, "alignment")).all()


def test_shortcuts_keep_it(batch: str, capsys: Any) -> None:
    code, text = _run(capsys, f"{NETS}:with_shortcuts", "--batch", batch)
    assert code == 0
    assert "told apart up to layer 24, their gradients agree from layer 1 on (64 samples)" in " ".join(text.split())


def test_noise_says_nothing_about_data(tmp_path: Path, capsys: Any) -> None:
    code, text = _run(capsys, f"{NETS}:plain", "--input-shape", "64,64", "--out", str(tmp_path))
    assert code == 0
    assert "overlaps of noise say nothing about data; give --batch" in " ".join(text.split())
    assert "figure-overlap" not in (tmp_path / "diagnosis.html").read_text()
