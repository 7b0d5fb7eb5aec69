"""What `--explain` prints: everything that was checked, and a conclusion no stronger than the status."""

from __future__ import annotations

import pytest

from ikun_sym.gaussian.explain import CONCLUSIONS, lines
from ikun_sym.gaussian.form import STATUSES
from ikun_sym.gaussian.moment import moment


def test_every_status_has_a_conclusion_and_only_proofs_conclude() -> None:
    assert set(CONCLUSIONS) == set(STATUSES)
    for status, text in CONCLUSIONS.items():
        assert text.startswith("So the form is the expectation") is status.startswith("proved")


@pytest.mark.parametrize(
    ("spec", "mean", "contained"),
    [
        ("exponential", "1/2", ("antiderivatives", "increment")),
        ("tanh", "1/2", ("times E|g|",)),
        ("atan", "1/2", ("validated integral", "where ReW is Re w(x + iy)", "Tychonoff")),
        ("fast_sigmoid", "1/2", ("where GoodwinStaton is ∫_a^∞",)),
        ("fast_sigmoid", "0", ("one limit",)),
        ("periodic_exponential", "1/2", ("Nothing is claimed but the enclosure",)),
    ],
)
def test_lines(spec: str, mean: str, contained: tuple[str, ...]) -> None:
    found = moment(spec, mean, 1, power=2)
    text = "\n".join(lines(found))
    assert all(part in text for part in contained)
    assert all(check.what in text for check in found.certificate.checks)
