"""The tutorial notebook: its code run by a fresh kernel; `python -m tests.validate.models.tutorial` writes its outputs anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[3] / "validate" / "TUTORIAL.ipynb"

LIMIT_S = 300


def read() -> Any:
    import nbformat

    return nbformat.read(NOTEBOOK, as_version=4)


def run(notebook: Any) -> Any:
    """With the outputs that it gives now. Errors: those of its cells."""
    from nbclient import NotebookClient

    place = {"metadata": {"path": NOTEBOOK.parent}}
    NotebookClient(notebook, timeout=LIMIT_S, kernel_name="python3", resources=place).execute()
    return notebook


def printed(cell: Any) -> str:
    """What a cell says in text."""
    found = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]
    return "".join(text for text in found if not text.startswith("<Figure"))


def pictures(cell: Any) -> list[str]:
    found = [output.get("data", {}).get("image/png") for output in cell.get("outputs", [])]
    return [picture for picture in found if picture]


def main() -> None:
    import nbformat

    notebook = run(read())
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which change with every run
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
