"""What takes more than two seconds says how far it is."""

from __future__ import annotations

from ikun_sym.gaussian.summary import summaries
from ikun_sym.schemes.joint import joint


def test_joint_tells_how_much_is_settled() -> None:
    told: list[tuple[int, int]] = []
    assert joint("rectangular", advance=lambda done, of: told.append((done, of))) == joint("rectangular")
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert done[0] == 0
    assert 50 < done[-1] <= 100
    assert {of for _, of in told} == {100}


def test_the_list_of_surrogates_tells_of_each() -> None:
    told: list[tuple[int, int]] = []
    found = summaries("lava-dl", lambda done, of: told.append((done, of)))
    assert told == [(place, len(found)) for place in range(len(found))]
    assert found == summaries("lava-dl")
