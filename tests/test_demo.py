"""The main job, end to end: small in the quick suite, whole in the slow one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `validate`")

ROOT = Path(__file__).parents[1]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ikun_sym.cli", "demo", "--out", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=folder.parent)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("small") / "demo"
    found = demo(folder, "--claims", "theorem1.backward.alpha-one", "--depth", "10", "--width", "64", "--json")
    # at this size a verdict may depart from the infinite-width prediction: 1; or stay open: 3
    assert found.returncode in (0, 1, 3), found.stderr
    return folder, json.loads(found.stdout)


def test_writes_everything(small: tuple[Path, dict]) -> None:
    folder, document = small
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "rows.jsonl", "verdicts.json", "provenance.json", "export"} <= names
    assert all(Path(path).is_file() for path in document["exports"])
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows
    assert all(len(row["var_h"]) == 10 for row in rows)


@pytest.mark.slow
def test_the_console_is_short(small: tuple[Path, dict]) -> None:
    """The same draws again, not as JSON."""
    folder, document = small
    found = demo(folder, "--claims", "theorem1.backward.alpha-one", "--depth", "10", "--width", "64", "--resume")
    lines = found.stdout.splitlines()
    assert len(lines) <= 25
    assert lines[-1] == f"page: {document['page']}"
    for row in document["matrix"]["rows"]:
        (line,) = [line for line in lines if line[3:].startswith(row["name"])]
        assert line.split()[-2:] == [row["cells"][-1]["word"], row["cells"][-1]["number"]]


def test_every_case_is_in_the_table(small: tuple[Path, dict]) -> None:
    """Claims × four surrogates × two thresholds, each either judged or named as impossible."""
    _, document = small
    assert len(document["table"]) == len(document["verdicts"]) * 4 * 2
    assert all(line["verdict"] in ("confirmed", "refuted", "inconclusive", "not run") for line in document["table"])
    assert all(line["note"] for line in document["table"] if line["verdict"] == "not run")


def test_the_page_stands_alone(small: tuple[Path, dict]) -> None:
    folder, _ = small
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page)
    assert page.count("<math") == page.count('<annotation encoding="application/x-tex">') > 10
    assert page.count("<svg") >= 16
    ids = re.findall(r'\bid="([^"]+)"', re.sub(r"<svg.*?</svg>", "", page, flags=re.S))
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', re.sub(r"<svg.*?</svg>", "", page, flags=re.S))
    assert set(links) <= set(ids)


def test_the_page_begins_with_the_matrix(small: tuple[Path, dict]) -> None:
    """Every cell, in words, before any picture; the rows fold out."""
    folder, document = small
    page = (folder / "report.html").read_text(encoding="utf-8")
    before, table, after = re.split(r'(<table class="matrix">.*?</table>)', page, flags=re.S)
    assert "<svg" not in before
    assert "<table" not in before
    told = [(row, cell) for row in document["matrix"]["rows"] for cell in row["cells"]]
    assert len(told) == len(document["table"])
    found = re.findall(r'<td class="([\w-]+)" data-network="[^"]+" title="[^"]+">(\w+) <span>(.*?)</span></td>', table)
    assert found == [(cell["verdict"].replace(" ", "-"), cell["word"], cell["number"]) for _, cell in told]
    assert all(row["instead"] for row, cell in told if cell["verdict"] == "refuted")
    assert after.index("<svg") < after.index('<details class="fold" id="verdicts">') < after.index('<table class="verdicts">')
    assert after.index('<table class="verdicts">') < after.index("</details>")


@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path) -> None:
    """50 layers, 512 wide: every verdict is the predicted one, each wrong with probability at most 1 %; the seed is fixed."""
    found = demo(tmp_path / "demo", "--json")
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["as_predicted"] == document["cases"] >= 50


@pytest.mark.slow
def test_the_stored_references_are_reproduced() -> None:
    generate = ROOT / "tests" / "reference" / "generate.py"
    found = subprocess.run([sys.executable, generate, "--check"], capture_output=True, text=True, timeout=900, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
