"""The examples page: its code run, its outputs compared or written anew (`python -m tests.validate.models.examples`)."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "validate" / "EXAMPLES.md"

CODE = re.compile(r"```python( setup)?\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", flags=re.S)
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")


def blocks(text: str) -> list[tuple[bool, str, str | None]]:
    """(whether it is the setup, code, output) of each block."""
    return [(bool(found[1]), found[2], found[3]) for found in CODE.finditer(text)]


def run(namespace: dict[str, Any], code: str) -> str:
    out = io.StringIO()
    import torch

    torch.manual_seed(0)
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        exec(compile(code, str(PAGE), "exec"), namespace)
    return out.getvalue()


def agrees(expected: str, found: str, relative: float = 0.2) -> bool:
    """The same words; numbers within `relative`, tiny ones within a power of ten: another processor may turn a few spikes."""
    if NUMBER.sub("#", expected).split() != NUMBER.sub("#", found).split():
        return False
    pairs = zip(map(float, NUMBER.findall(expected)), map(float, NUMBER.findall(found)), strict=True)
    return all(_near(a, b, relative) for a, b in pairs)


def _near(a: float, b: float, relative: float) -> bool:
    if max(abs(a), abs(b)) >= 1e-3:
        return abs(a - b) <= relative * max(abs(a), abs(b)) or abs(a - b) < 1e-3
    tiny = 1e-300  # in the place of zero
    return abs(math.log10((abs(a) + tiny) / (abs(b) + tiny))) < 1.5


def rewritten(text: str) -> str:
    """The page with the outputs that its code gives now."""
    namespace: dict[str, Any] = {}

    def output(found: re.Match[str]) -> str:
        printed = run(namespace, found[2])
        code = f"```python{found[1] or ''}\n{found[2]}```\n"
        return code if found[1] else f"{code}\n```text\n{printed}```\n"

    return CODE.sub(output, text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
