"""The examples page says what the tool says: its blocks are run, quickly a few of them, slowly all."""

from __future__ import annotations

from typing import Any

import pytest

from .examples import PAGE, agrees, blocks, run
from .user_models import layer  # noqa: F401  (skips where the libraries are not installed)

BLOCKS = blocks(PAGE.read_text(encoding="utf-8"))
SETUP = [code for setup, code, _ in BLOCKS if setup]
EXAMPLES = [(code, output) for setup, code, output in BLOCKS if not setup]
QUICK = ("Bump", "kaiming_normal_")
"""What the examples of the quick suite contain."""


def marked(code: str) -> Any:
    return () if any(word in code for word in QUICK) else pytest.mark.slow


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("code", "output"), [pytest.param(c, o, marks=marked(c)) for c, o in EXAMPLES], ids=range(len(EXAMPLES))
)
def test_output_is_the_tools_own(code: str, output: str | None) -> None:
    namespace: dict[str, Any] = {}
    for setup in SETUP:
        run(namespace, setup)
    printed = run(namespace, code)
    assert output
    assert agrees(output, printed), printed


def test_the_page_is_whole() -> None:
    assert len(SETUP) == 1
    assert len(EXAMPLES) >= 6
    assert all(output for _, output in EXAMPLES)


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ("silent at layer 5: K = 0.33, E = 1e-87", True),
        ("silent at layer 5: K = 0.36, E = 3e-87", True),
        ("healthy at layer 5: K = 0.33, E = 1e-87", False),
        ("silent at layer 7: K = 0.33, E = 1e-87", False),
        ("silent at layer 5: K = 0.5, E = 1e-87", False),
        ("silent at layer 5: K = 0.33, E = 1e-80", False),
    ],
)
def test_the_comparison_can_fail(changed: str, same: bool) -> None:
    assert agrees("silent at layer 5: K = 0.33, E = 1e-87", changed) is same
