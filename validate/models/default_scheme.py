"""What `initialise_` does unless a scheme is named: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = "default"
"""The word by which it can be asked for, as a scheme."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A scheme, and whether it may set the slope of the surrogates. Where it may not they stay as they are."""

    scheme: str
    slopes: bool = True

    @property
    def text(self) -> str:
        return self.scheme if self.slopes else f"{self.scheme} (weights alone)"


CHOSEN = Choice(scheme="critical", slopes=False)
"""Weights for a stable firing rate. Slopes that also keep the gradient's size train worse in dense networks: sharp surrogates
give gradients that do not agree from sample to sample."""


def choice_of(scheme: str) -> Choice:
    return CHOSEN if scheme.strip() == DEFAULT else Choice(scheme=scheme)
