"""What `initialise_` does unless a scheme is named: the one place that says so.

Do no harm: a layer whose firing rate lies in the band is left exactly as it is; any other gets the rate AIM (`mend`).

Why this band, and this rate. From layer to layer a difference of overlaps is multiplied by s, the agreement of two inputs'
gradients by s_b (one step, independent weights, the fixed point of the overlap at this rate). A low rate passes little
information, a high one comes with gradients that disagree. For the arctan surrogate (α = 2) and a threshold of 1:

    rate       0.02   0.05   0.08   0.10   0.15   0.20   0.25   0.30   0.35   0.40
    s          0.129  0.252  0.341  0.388  0.467  0.507  0.525  0.531  0.530  0.527
    s_b        0.424  0.422  0.434  0.440  0.445  0.433  0.405  0.363  0.307  0.234
    s · s_b    0.055  0.106  0.148  0.171  0.208  0.220  0.213  0.193  0.163  0.123

Both together are largest at a rate of 0.2, and three quarters as large at the ends of the band. Training agrees: dense
networks whose first layer fires at 0.05 learn faster once it is brought to 0.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .measuring.measure import Measured

DEFAULT = "default"
"""The word by which it can be asked for, as a scheme."""

REVISION = 2
"""Raised with every change of what the default does to a network: records of its runs name it."""

LOW, HIGH = 0.1, 0.35
"""The band: of firing rates, spikes a step, averaged over neurons, samples and steps."""

AIM = 0.2
"""The firing rate that a layer outside the band gets."""

PASSES = 0.3
"""Least share of the gradient's second moment that a layer passes on, K E[f'²], if its surrogate is to stay (`widen`). Of the
ordinary networks of `ikun benchmark panel` those with snnTorch's fast sigmoid of slope 25 pass on 0.02 to 0.15, all others 0.7
and more. There the gradients of two samples correlate by 0.01 in the first of three layers; widened, by 0.48."""

ANSWERS = 0.5
"""Root mean square of what a read-out without spikes answers above layers that were mended. Optimisers that divide by the
gradient's size, such as Adam, move all weights alike: larger hidden weights move relatively less, and what they do move shows
in the answers by the read-out's weights. These of a library, K = ⅓, give answers of about 0.25; Kaiming's, K = 2, of 0.6."""


@dataclass(frozen=True)
class Band:
    """Rates that are left, and the one aimed at."""

    low: float
    aim: float
    high: float = HIGH

    def holds(self, rate: float) -> bool:
        return self.low <= rate <= self.high


HIDDEN = Band(LOW, AIM)


def read_out(classes: int) -> Band:
    """Of a layer whose spikes are the answer. One class of C shall fire: at first all of them do half as often, 1/(2C)."""
    return Band(1 / (4 * classes), 1 / (2 * classes))


def band_of(one: Measured, measured: Sequence[Measured], answers: int | None = None) -> Band:
    """A layer that feeds none, narrower than what feeds it and as wide as the answer, is a read-out. `answers`: that width;
    None: it is not known, and every width will do."""
    feeds = any(one.layer.index in other.layer.way.layers for other in measured)
    fan, size = one.layer.fan, one.layer.calls[0].x[0].numel()
    narrow = fan is not None and size < fan.fan_in
    return read_out(size) if not feeds and narrow and answers in (None, size) else HIDDEN


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A scheme, and whether it may set the slope of the surrogates. Where it may not they stay as they are."""

    scheme: str
    slopes: bool = True

    @property
    def text(self) -> str:
        return self.scheme if self.slopes else f"{self.scheme} (weights alone)"


CHOSEN = Choice(scheme="critical", slopes=False)
"""The default where a rate is asked for: weights for it in all layers. Slopes that also keep the gradient's size train worse in
dense networks: sharp surrogates give gradients that do not agree from sample to sample."""


def choice_of(scheme: str) -> Choice:
    return CHOSEN if scheme.strip() == DEFAULT else Choice(scheme=scheme)
