"""How a network is trained: optimiser, schedule, loss and regularisation, each one statement that a sweep can vary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import DomainError
from ikun_sym.told import Told

Groups = list[dict[str, Any]]
"""Of parameters, as torch's optimisers take them."""


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """`rate`: the learning rate where the user names none. `rates`: the range in which a tuned one is looked for first."""

    name: str
    rate: float
    rates: tuple[float, float]
    make: Callable[[Groups, Recipe], torch.optim.Optimizer]
    source: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`factor(u)`: of the learning rate, at the share u in [0, 1) of the budget."""

    name: str
    factor: Callable[[float], float]
    source: str


@dataclass(frozen=True, kw_only=True)
class LayerRates:
    """`factor(hidden)`: of the learning rate of the weights between hidden layers, of which there are so many. The first and
    the last weights have the whole rate."""

    name: str
    factor: Callable[[int], float]
    source: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """`value(z, y, smoothing, steps)`: z [B, classes], means over the steps of what the neurons of the `readout` give, rate or
    membrane; y [B] class numbers. Predicted is the class of the largest."""

    name: str
    value: Callable[[Tensor, Tensor, float, int], Tensor]
    readout: str = "rate"
    source: str = ""


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
SCHEDULES: Registry[Schedule] = Registry("schedule")
LAYER_RATES: Registry[LayerRates] = Registry("layer rates")
LOSSES: Registry[Loss] = Registry("loss")


@dataclass(frozen=True, kw_only=True)
class Recipe(Told):
    """`lr` None: the optimiser's own. `layer_rates`: how it differs between layers. `rate_penalty`: factor of Σ over hidden
    layers of the mean firing rate. `epochs`: the budget B. Errors: an unknown name; a number outside its range."""

    steps: int = 4
    optimizer: str = "adam"
    lr: float | None = None
    momentum: float = 0.9
    schedule: str = "cosine"
    layer_rates: str = "equal"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    dropout: float = 0.0
    rate_penalty: float = 0.0
    epochs: int = 10
    batch: int = 128
    loss: str = "mse"

    def __post_init__(self) -> None:
        _ = OPTIMIZERS[self.optimizer], SCHEDULES[self.schedule], LAYER_RATES[self.layer_rates], LOSSES[self.loss]
        for name in ("steps", "epochs", "batch"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise DomainError(name, getattr(self, name), "an integer of at least 1")
        for name in ("momentum", "label_smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise DomainError(name.replace("_", " "), getattr(self, name), "at least 0 and below 1")
        for name in ("weight_decay", "rate_penalty"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise DomainError(name.replace("_", " "), getattr(self, name), "zero or a positive number")
        if self.lr is not None and not (math.isfinite(self.lr) and self.lr > 0):
            raise DomainError("lr", self.lr, "a positive number, or tuned")

    @property
    def rate(self) -> float:
        """The learning rate before the schedule."""
        return OPTIMIZERS[self.optimizer].rate if self.lr is None else self.lr

    def optimizer_of(self, model: nn.Module) -> torch.optim.Optimizer:
        """Each group's `factor` is of the learning rate."""
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        matrices = [place for place, parameter in enumerate(parameters) if parameter.ndim > 1]
        hidden = slice(matrices[1], matrices[-1]) if len(matrices) > 2 else slice(0, 0)
        factor = LAYER_RATES[self.layer_rates].factor(len(matrices) - 1)
        ends = parameters[: hidden.start] + parameters[hidden.stop :]
        groups = [(1.0, ends), (factor, parameters[hidden])] if factor != 1 and parameters[hidden] else [(1.0, parameters)]
        return OPTIMIZERS[self.optimizer].make([{"params": some, "factor": share} for share, some in groups], self)

    def rate_at(self, share: float) -> float:
        return self.rate * SCHEDULES[self.schedule].factor(share)

    def loss_of(self, z: Tensor, y: Tensor) -> Tensor:
        return LOSSES[self.loss].value(z, y, self.label_smoothing, self.steps)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self)) | {"lr": self.rate}


def _sgd(parameters: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay)


def _adam(parameters: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, recipe.rate, weight_decay=recipe.weight_decay)


def _adamw(parameters: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, recipe.rate, weight_decay=recipe.weight_decay)


KINGMA = "Kingma & Ba 2015, arXiv:1412.6980"
OPTIMIZERS.register(
    Optimizer(name="sgd", rate=0.1, rates=(3e-3, 1.0), make=_sgd, source="Sutskever et al. 2013, ICML; with momentum")
)
OPTIMIZERS.register(Optimizer(name="adam", rate=1e-3, rates=(1e-4, 3e-2), make=_adam, source=KINGMA))
OPTIMIZERS.register(
    Optimizer(name="adamw", rate=1e-3, rates=(1e-4, 3e-2), make=_adamw, source="Loshchilov & Hutter 2019, arXiv:1711.05101")
)

WARM = 0.1
"""The share of the budget over which `warmup` rises."""


def cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


def steps_down(share: float) -> float:
    """A tenth from the half of the budget on, a hundredth from three quarters on."""
    return 0.1 ** ((share >= 0.5) + (share >= 0.75))


def warm_up(share: float) -> float:
    """Linear over WARM of the budget, then cosine."""
    return share / WARM if share < WARM else cosine((share - WARM) / (1 - WARM))


LAYER_RATES.register(LayerRates(name="equal", factor=lambda hidden: 1.0, source=""))
LAYER_RATES.register(
    LayerRates(
        name="depth",
        factor=lambda hidden: 1 / max(1, hidden),
        source="ikun: L layers that each change by η change what the last one answers by η L; after Bachlechner et al. 2021, "
        "arXiv:2003.04887, and Yang et al. 2023, arXiv:2310.02244, which scale branches and rates by depth",
    )
)

LOSHCHILOV = "Loshchilov & Hutter 2017, arXiv:1608.03983"
SCHEDULES.register(Schedule(name="cosine", factor=cosine, source=LOSHCHILOV))
SCHEDULES.register(Schedule(name="constant", factor=lambda share: 1.0, source=""))
SCHEDULES.register(Schedule(name="step", factor=steps_down, source="He et al. 2016, arXiv:1512.03385"))
SCHEDULES.register(Schedule(name="warmup", factor=warm_up, source=f"Goyal et al. 2017, arXiv:1706.02677; {LOSHCHILOV}"))


def mean_square(z: Tensor, y: Tensor, smoothing: float, steps: int) -> Tensor:
    """Of the rates against 1 for the class and 0 for the others, smoothed."""
    wanted = functional.one_hot(y, z.shape[-1]).to(z.dtype)
    return functional.mse_loss(z, wanted * (1 - smoothing) + smoothing / z.shape[-1])


def cross_entropy_of_counts(z: Tensor, y: Tensor, smoothing: float, steps: int) -> Tensor:
    """Of the softmax of the spike counts: rates times T."""
    return functional.cross_entropy(z * steps, y, label_smoothing=smoothing)


def cross_entropy(z: Tensor, y: Tensor, smoothing: float, steps: int) -> Tensor:
    return functional.cross_entropy(z, y, label_smoothing=smoothing)


ESHRAGHIAN = "Eshraghian et al. 2023, arXiv:2109.12894"
LOSSES.register(Loss(name="mse", value=mean_square, source="Fang et al. 2023, SpikingJelly, doi:10.1126/sciadv.adi1480"))
LOSSES.register(Loss(name="cross-entropy", value=cross_entropy_of_counts, source=f"{ESHRAGHIAN}: of spike counts"))
LOSSES.register(
    Loss(name="membrane", value=cross_entropy, readout="membrane", source=f"{ESHRAGHIAN}: of a last layer that does not fire")
)
