"""The tutorial notebook runs, says what it said, and has its figures inside."""

from __future__ import annotations

import json

import pytest

from .examples import agrees
from .tutorial import NOTEBOOK, pictures, printed, read, run

FIGURES = 3


def test_figures_are_inside() -> None:
    """Of the file as it stands, whatever is installed."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", [])) >= FIGURES
    assert not [output for cell in cells for output in cell.get("outputs", []) if output["output_type"] == "error"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the kernel's own machinery
def test_the_tutorial_runs_and_says_what_it_said() -> None:
    for module in ("nbclient", "nbformat", "ipykernel", "spikingjelly", "sklearn"):
        pytest.importorskip(module, reason=f"needs {module}: the extras dev, train and interop")
    before = read()
    after = run(read())
    for old, new in zip(before.cells, after.cells, strict=True):
        assert agrees(printed(old), printed(new)), (printed(old), printed(new))
        assert len(pictures(old)) == len(pictures(new))
