"""How often verdicts are wrong: the whole procedure, as users run it, on claims whose truth is known.

Each claim is judged on its own weight draws. A verdict is wrong if it confirms a false claim or refutes a true one.
Inconclusive verdicts are not wrong, but counted separately: a procedure that never decides would never be wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from ..cases.case import Case
from ..cases.intervals import LOOKS, share_interval
from ..cases.observables import OBSERVABLES, backward_factors
from ..claims import ACTIVE, Claim, Criterion
from ..networks.network import Architecture, Draw
from ..verdicts.judge import CaseResult, Laboratory, RunSettings, judge
from .known_truth import CONSTRUCTIONS, LAWS, SHAPE, TOLERANCE, Law, network_of

ALLOWED = 1 - RunSettings.confidence
OBSERVABLE = OBSERVABLES["backward_factor"]
BATCH = 32
SPREADS = (0.01, 0.06)
"""Standard deviations of synthetic values between weight draws, similar to those of real networks."""

STRESS = 1.0
"""A skewness well beyond the measured one. The error rates must hold here too."""

Advance = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Verdicts on the claims of one construction. `wrong`: how many were confirmed if false, refuted if true."""

    construction: str
    kind: str
    true: bool
    verdicts: Counter[str]
    draws: int = 0

    @property
    def n(self) -> int:
        return sum(self.verdicts.values())

    @property
    def wrong(self) -> int:
        return self.verdicts["refuted" if self.true else "confirmed"]

    @property
    def rate(self) -> float:
        return self.wrong / self.n

    @property
    def lower(self) -> float:
        """One-sided 95 % lower bound (Clopper–Pearson) of the rate."""
        return share_interval(self.wrong, self.n, 0.1).low

    @property
    def upper(self) -> float:
        """One-sided 95 % upper bound (Clopper–Pearson) of the rate."""
        return share_interval(self.wrong, self.n, 0.1).high

    @property
    def passes(self) -> bool:
        """The rate is not shown to exceed the allowed one. Small rows cannot show more."""
        return self.lower <= ALLOWED

    def to_dict(self) -> dict[str, Any]:
        names = ("construction", "kind", "true", "n", "draws", "wrong", "rate", "upper", "passes")
        counts = {name: self.verdicts[name] for name in ("confirmed", "refuted", "inconclusive")}
        return {name: getattr(self, name) for name in names} | counts


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The law of the values that intervals are built from, measured on real draws: skewness of the average over layers (and of
    a single layer's factor), with standard error; spread; and bias against infinite width."""

    draws: int
    skewness: float
    skewness_se: float
    single_layer: float
    spread: float
    bias: float
    bias_se: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    rows: tuple[Row, ...]
    shape: Shape | None
    seconds: float

    def total(self, *, true: bool, kind: str | None = None) -> Row:
        rows = [row for row in self.rows if row.true is true and kind in (None, row.kind)]
        verdicts = sum((row.verdicts for row in rows), Counter())
        return Row(construction="all", kind=kind or "all", true=true, verdicts=verdicts, draws=sum(row.draws for row in rows))

    @property
    def passes(self) -> bool:
        """Both total rates are at most the allowed one, and no construction is shown to exceed it."""
        return all(row.passes for row in self.rows) and all(self.total(true=t).rate <= ALLOWED for t in (True, False))

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": [row.to_dict() for row in self.rows],
            "false_refute": self.total(true=True).to_dict(),
            "false_confirm": self.total(true=False).to_dict(),
            "allowed": ALLOWED,
            "shape": None if self.shape is None else dict(vars(self.shape)),
            "passes": self.passes,
            "seconds": self.seconds,
        }


def claim_of(claimed: float, observable: str = OBSERVABLE.name) -> Claim:
    return Claim(
        id="calibration",
        statement="The observable has the claimed value.",
        why="True or false by construction.",
        source="ikun",
        expected="inconclusive",
        criteria=(Criterion(observable=observable, claimed=claimed), ACTIVE),
    )


def on_networks(
    claims: int,
    seed: int = 0,
    device: str = "cpu",
    advance: Advance | None = None,
    only: Collection[str] = CONSTRUCTIONS.names(),
) -> list[Row]:
    """Judge at least `claims` true and `claims` false claims, each on its own draws of its own random network. `only`: names of
    the constructions to use."""
    rows = []
    for index, made in enumerate(CONSTRUCTIONS):
        if made.name not in only:
            continue
        alike = sum(other.true is made.true for other in CONSTRUCTIONS)
        verdicts, draws = Counter[str](), 0
        for number in range(-(-claims // alike)):
            sequence = np.random.SeedSequence((seed, index, number))
            known = made.make(np.random.default_rng(sequence))
            settings = RunSettings(batch=BATCH, seed=int(sequence.generate_state(1)[0]), device=device)
            claim = claim_of(known.claimed, known.observable)
            result = judge(claim, [known.case], Laboratory(settings)).results[0]
            verdicts[result.outcome] += 1
            draws += len(result.draws)
            if advance:
                advance(made.name)
        rows.append(Row(construction=made.name, kind="network", true=made.true, verdicts=verdicts, draws=draws))
    return rows


def measured_shape(networks: int, draws: int, seed: int = 0, device: str = "cpu", advance: Advance | None = None) -> Shape:
    """Skewness, spread and bias of a draw's mean factor, pooled over random critical networks."""
    averages, singles, biases = [], [], []
    for number in range(networks):
        sequence = np.random.SeedSequence((seed, len(CONSTRUCTIONS), number))
        architecture = network_of(np.random.default_rng(sequence), 1.0)
        settings = RunSettings(batch=BATCH, seed=int(sequence.generate_state(1)[0]), device=device)
        found = Laboratory(settings).draws(architecture, draws)
        factors = np.array([backward_factors(draw) for draw in found if draw.alive > 0])
        averages.append(factors.mean(axis=1))
        singles.append(factors[:, SHAPE.depth // 2])
        biases.append(averages[-1].mean() - 1)
        if advance:
            advance("shape of the values")
    skewness = [float(stats.skew(values, bias=False)) for values in averages]
    return Shape(
        draws=sum(map(len, averages)),
        skewness=float(np.mean(skewness)),
        skewness_se=float(np.sqrt(6 / sum(map(len, averages)))),
        single_layer=float(np.mean([stats.skew(values, bias=False) for values in singles])),
        spread=float(np.mean([values.std(ddof=1) for values in averages])),
        bias=float(np.mean(biases)),
        bias_se=float(np.std(biases, ddof=1) / np.sqrt(networks)),
    )


class KnownDraws(Laboratory):
    """A laboratory whose draws have a given factor, the same in every layer."""

    def __init__(self, settings: RunSettings, values: np.ndarray) -> None:
        super().__init__(settings)
        self._values = values

    def draws(self, architecture: Architecture, count: int, progress: Any = None) -> list[Draw]:
        depth = architecture.depth
        flat, powers = np.ones((depth, 1)), np.arange(depth)[::-1]
        return [
            Draw(index=i, var_h=flat, rate=flat, gradient=flat, alive=1.0, log_gradient=powers * np.log(value))
            for i, value in enumerate(self._values[:count])
        ]


def on_law(law: Law, true: bool, claims: int, seed: int = 0, advance: Advance | None = None) -> Row:
    """Judge `claims` claims at the edge of the tolerance, on values of a known law, by the same code."""
    case = Case("synthetic", Architecture.of(depth=4, width=4, threshold=0.0, input_rate=0.5, gain=1.0))
    rng = np.random.default_rng((seed, int(true), round(1000 * law.skewness), sum(map(ord, law.name))))
    claim = claim_of(1 + TOLERANCE if true else 1 - TOLERANCE)
    verdicts = Counter[str]()
    draws = 0
    for _ in range(claims):
        spread = float(np.exp(rng.uniform(*np.log(SPREADS))))
        laboratory = KnownDraws(RunSettings(batch=1), law.draw(rng, (LOOKS[-1],), spread))
        result: CaseResult = judge(claim, [case], laboratory).results[0]
        verdicts[result.outcome] += 1
        draws += len(result.draws)
    if advance:
        advance(law.label)
    return Row(construction=law.label, kind="synthetic", true=true, verdicts=verdicts, draws=draws)


def laws(skewness: float) -> list[Law]:
    """The families at the measured skewness and beyond it."""
    return [Law(name=name, skewness=s, sample=sample) for s in (skewness, STRESS) for name, sample in LAWS]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """For the shape: numbers of networks, and of draws of each. For the rates: numbers of claims of either truth, on networks
    and on laws."""

    networks: int = 8
    draws: int = 128
    claims: int = 200
    synthetic: int = 1000

    @property
    def steps(self) -> int:
        """Number of times that `calibrate` calls `advance`."""
        alike = Counter(made.true for made in CONSTRUCTIONS)
        return self.networks + sum(size * -(-self.claims // size) for size in alike.values()) + 4 * len(LAWS)


QUICK = Effort(networks=4, draws=48, claims=20)


def calibrate(
    effort: Effort | None = None, *, seed: int = 0, device: str = "cpu", advance: Advance | None = None
) -> Calibration:
    """The table of error rates; default: with the full effort."""
    begun, effort = time.perf_counter(), effort or Effort()
    shape = measured_shape(effort.networks, effort.draws, seed, device, advance)
    rows = on_networks(effort.claims, seed, device, advance)
    # Two standard errors above the measured skewness: the law must not be milder than the real one.
    for law in laws(abs(shape.skewness) + 2 * shape.skewness_se):
        rows += [on_law(law, true, effort.synthetic, seed, advance) for true in (True, False)]
    return Calibration(rows=tuple(rows), shape=shape, seconds=time.perf_counter() - begun)
