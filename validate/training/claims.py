"""Claims about training, and the cells in which they are tested: each network and recipe once, with all initialisations.

Light: `ikun claims` lists these without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import IkunError

PAPER = "Chang, Wang & Yang 2024, arXiv:2411.18250"
PROTOTYPE = "ikun: one prototype, not paired"

IKUN = "ikun-v1"
"""The paper's initialisation as its authors released it."""

CRITICAL = "critical"
"""This project's scheme that sets weights and slopes of the surrogates."""

OWN = "default"
"""What `initialise_` of this project does unless a scheme is named."""

TORCH = "torch-default"
SCALED = ("xavier", "kaiming", "lecun")
BASELINES = (*SCALED, "normal")
"""Those that the paper compares with; normal is N(0, 0.02²)."""

SCHEMES = (IKUN, TORCH, *BASELINES, CRITICAL, OWN)
"""The first is what the others are compared with."""

FULL = {"data": "fashion-mnist", "samples": 1000, "epochs": 8, "batch": 32}
QUICK = {"data": "digits", "samples": None, "epochs": 8, "batch": 64}
NUMBERS = {False: (8, 16, 32, 60), True: (8, 12, 16)}
"""Of pairs, after which is looked, for FULL and for QUICK. Few looks leave more of the error to each."""

TARGETS = {False: (0.7, 0.6, 0.8), True: (0.5, 0.4, 0.6)}
"""Training accuracies that these small networks reach within their budget, for FULL and for QUICK; the first decides."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """`words`: as a heading says it. `schemes`: the first is the baseline."""

    name: str
    model: str
    words: str
    schemes: tuple[str, ...] = SCHEMES


NETWORKS: Registry[Network] = Registry("network")
NETWORKS.register(Network(name="none", model="csnn:channels=16,norm=none", words="without norm"))
NETWORKS.register(Network(name="batch", model="csnn:channels=16,norm=batch", words="with batch norm"))
NETWORKS.register(
    Network(
        name="dense",
        model="mlp:depth=2,width=256",
        words="two dense hidden layers",
        schemes=(TORCH, "kaiming", CRITICAL, OWN),
    )
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`tuned`: each initialisation has its own learning rate."""

    network: str
    optimizer: str
    tuned: bool = False

    @property
    def name(self) -> str:
        return f"{self.network}-{self.optimizer}" + ("-tuned" if self.tuned else "")

    @property
    def schemes(self) -> tuple[str, ...]:
        return NETWORKS[self.network].schemes

    def words(self, quick: bool) -> dict[str, Any]:
        """Of a trial, its scheme aside."""
        return {**(QUICK if quick else FULL), "model": NETWORKS[self.network].model, "optimizer": self.optimizer}


PLAIN = ("none", "batch")
"""The paper's network."""

CELLS: Registry[Cell] = Registry("cell")
for _optimizer, _network in product(("sgd", "adam"), PLAIN):
    CELLS.register(Cell(network=_network, optimizer=_optimizer))
CELLS.register(Cell(network="dense", optimizer="adam"))
for _optimizer, _network in product(("sgd", "adam"), PLAIN):
    CELLS.register(Cell(network=_network, optimizer=_optimizer, tuned=True))


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What is asked of the cells of these networks. `some`: it is enough that one check holds."""

    networks: tuple[str, ...] = PLAIN
    some: bool = False


@dataclass(frozen=True, kw_only=True)
class Faster(Criterion):
    """`scheme` needs at most `share` of the epochs of each of `than`."""

    scheme: str
    than: tuple[str, ...]
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Slower(Criterion):
    """`scheme` needs more epochs than each of `than`."""

    scheme: str
    than: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Alike(Criterion):
    """Each of `schemes` needs as many epochs as `scheme`, to the margin of the protocol."""

    scheme: str
    schemes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Dead(Criterion):
    """The mean test accuracy of each of `schemes` stays below `accuracy`."""

    schemes: tuple[str, ...]
    accuracy: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Stationary(Criterion):
    """In most runs E[f'²] of every layer stays within `factor` of its first value, either way."""

    factor: float = 2.0


@dataclass(frozen=True, kw_only=True)
class TrainingClaim:
    """As a claim on random networks, but tested by training. `expected` is the verdict that this repository's rows give."""

    id: str
    statement: str
    why: str
    source: str
    expected: str
    criterion: Criterion

    @property
    def name(self) -> str:
        return self.id


FAMILY = "training"
TRAINING: Registry[TrainingClaim] = Registry("claim")

TRAINING.register(
    TrainingClaim(
        id="training.ikun.faster",
        statement="From IKUN's weights training needs fewer epochs than from Xavier's, Kaiming's, LeCun's and N(0, 0.02²).",
        why="The gradient keeps its variance; but batch norm cancels the scale of the weights, and Adam that of gradients.",
        source=PAPER,
        expected="refuted",
        criterion=Faster(scheme=IKUN, than=BASELINES),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.ikun.half",
        statement="Somewhere IKUN saves half of the epochs: up to 50 % fewer.",
        why="N(0, 0.02²) is silent, or nearly, at these widths: almost anything that fires is twice as fast.",
        source=PAPER,
        expected="confirmed",
        criterion=Faster(scheme=IKUN, than=BASELINES, share=0.5, some=True),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.ikun.half-of-scaled",
        statement="It does so too against weights that are scaled by their fan: Xavier's, Kaiming's, LeCun's.",
        why="IKUN's released weights are Kaiming's times 0.8: gain 1.27 beside 2, and 1 for the other two.",
        source=PAPER,
        expected="inconclusive",
        criterion=Faster(scheme=IKUN, than=SCALED, share=0.5, some=True),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.norm.alike",
        statement="Behind batch norm Xavier, Kaiming, LeCun and torch's default need as many epochs as IKUN.",
        why="Batch norm cancels the scale of the convolutions' weights; two linear layers are left.",
        source=PROTOTYPE,
        expected="inconclusive",
        criterion=Alike(scheme=IKUN, schemes=(TORCH, *SCALED), networks=("batch",)),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.none.dead",
        statement="Without norm torch's default and N(0, 0.02²) learn nothing with SGD or Adam: activity dies on the way.",
        why="fan_in Var(W) of 1/3, and less, is below the critical 6: no spike reaches the last layer.",
        source="ikun: critical gain of IF neurons",
        expected="inconclusive",
        criterion=Dead(schemes=(TORCH, "normal"), networks=("none",)),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.critical.slower",
        statement="Scheme critical, slopes included, needs more epochs than torch's default behind batch norm.",
        why="Slopes that make up for the fans of the last layers are steep there: gradients have their size but share nothing.",
        source=PROTOTYPE,
        expected="confirmed",
        criterion=Slower(scheme=CRITICAL, than=(TORCH,), networks=("batch",)),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.critical.slower-than-kaiming",
        statement="Without norm it needs more epochs than Kaiming's.",
        why="As behind batch norm.",
        source=PROTOTYPE,
        expected="confirmed",
        criterion=Slower(scheme=CRITICAL, than=("kaiming",), networks=("none",)),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.critical.slower-dense",
        statement="In dense networks, with Adam, it needs more epochs than torch's default and Kaiming's.",
        why="Ten classes above 256 neurons: the slope of the layer below makes up for a fan_out/fan_in of 10/256.",
        source=PROTOTYPE,
        expected="inconclusive",
        criterion=Slower(scheme=CRITICAL, than=(TORCH, "kaiming"), networks=("dense",)),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.default.harmless",
        statement="From the default of `initialise_` training needs at most 10 % more epochs than from the weights it finds.",
        why="Layers whose rates lie in the band are left; the others are scaled into it, and surrogates stay as they are.",
        source="ikun: do no harm",
        expected="inconclusive",
        criterion=Faster(scheme=OWN, than=(TORCH,), share=1.1, networks=(*PLAIN, "dense")),
    )
)
TRAINING.register(
    TrainingClaim(
        id="training.stationarity",
        statement="During training E[f'²] of every layer stays within [1/2, 2] of its first value.",
        why="The paper's theorem takes the membrane's law to be stationary; training moves rates, and with them E[f'²].",
        source=PAPER,
        expected="refuted",
        criterion=Stationary(),
    )
)


def select_training(pattern: str) -> list[TrainingClaim]:
    """The claim with this id, else all below it; UnknownNameError if there are none."""
    if pattern in TRAINING:
        return [TRAINING[pattern]]
    return [claim for claim in TRAINING if claim.id.startswith(pattern.lower() + ".")] or [TRAINING[pattern]]


def is_training(pattern: str) -> bool:
    return pattern.lower().partition(".")[0] == FAMILY


def cells_of(claims: list[TrainingClaim], *, tuned: bool) -> list[Cell]:
    """The cells that these claims look at, in the order of CELLS."""
    networks = {network for claim in claims for network in claim.criterion.networks}
    found = [cell for cell in CELLS if cell.network in networks and (tuned or not cell.tuned)]
    if not found:
        raise IkunError("no cell is left to train")
    return found
