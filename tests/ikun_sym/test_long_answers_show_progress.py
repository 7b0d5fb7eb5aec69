"""What takes more than two seconds says how far it is."""

from __future__ import annotations

import pytest

from ikun_sym.gaussian import summary
from ikun_sym.schemes.joint import joint


def test_joint_tells_how_much_is_settled() -> None:
    told: list[tuple[int, int]] = []
    assert joint("rectangular", advance=lambda done, of: told.append((done, of))) == joint("rectangular")
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert done[0] == 0
    assert 50 < done[-1] <= 100
    assert {of for _, of in told} == {100}


def test_the_list_of_surrogates_tells_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "summary", lambda surrogate: {"name": surrogate.name})
    told: list[tuple[int, int]] = []
    found = summary.summaries("stork", lambda done, of: told.append((done, of)))
    assert told == [(place, len(found)) for place in range(len(found))]
    assert len(found) > 3
