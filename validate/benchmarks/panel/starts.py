"""The initialisations that are compared, each one statement: what a user would do to a fresh network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ikun_sym.catalogue.registry import Registry
from ikun_sym.errors import IkunError

from ...models.default_scheme import REVISION
from ...models.initialise import initialised
from ...models.measuring.recorded_run import Run

Apply = Callable[[nn.Module, Tensor, int], Any]
"""(model, example input, seed): in place."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Errors of `apply` (IkunError): it has no meaning for this network, with the reason. `revision`: of what it does; runs of
    another one are no longer of this start."""

    name: str
    summary: str
    source: str
    apply: Apply
    revision: int = 1


STARTS: Registry[Start] = Registry("initialisation of the panel")
OURS, DEFAULT = "ikun", "library-default"


def _left(model: nn.Module, example: Tensor, seed: int) -> None:
    """The weights that the libraries drew, of this seed already."""


def _unsaid(*asked: Any) -> None:
    """In the place of diagnoses, which cost more than the training here."""


def _ours(model: nn.Module, example: Tensor, seed: int) -> None:
    initialised(model, example, "default", None, Run(seed=seed), tell=_unsaid)


def _by_scheme(scheme: str) -> Apply:
    def apply(model: nn.Module, example: Tensor, seed: int) -> None:
        # what is compared is the scheme, good or bad
        initialised(model, example, scheme, None, Run(seed=seed), undo=False, tell=_unsaid)

    return apply


def _by_torch(draw: Callable[[Tensor], Any]) -> Apply:
    """All weights of linear layers and convolutions, as `torch.nn.init` draws them; biases 0."""

    def apply(model: nn.Module, example: Tensor, seed: int) -> None:
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            for layer in _products(model):
                draw(layer.weight)
                if layer.bias is not None:
                    layer.bias.zero_()

    return apply


def _delta_orthogonal(model: nn.Module, example: Tensor, seed: int) -> None:
    """Convolutions: 0 but for the middle of the kernel, an orthogonal matrix between channels. Linear layers: orthogonal.
    Error: there are no convolutions, so that it would be `orthogonal`."""
    if not any(isinstance(layer, nn.Conv1d | nn.Conv2d) for layer in _products(model)):
        raise IkunError("delta-orthogonal is for convolutions, of which there are none; take orthogonal")
    _by_torch(_delta)(model, example, seed)


def _delta(weight: Tensor) -> None:
    if weight.ndim == 2:
        nn.init.orthogonal_(weight)
        return
    middle = (..., *(size // 2 for size in weight.shape[2:]))
    matrix = nn.init.orthogonal_(torch.empty(weight.shape[:2]))
    weight.zero_()[middle] = matrix


def _products(model: nn.Module) -> Iterator[Any]:
    return (m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d))


for one in (
    Start(name=OURS, summary="initialise_(model, batch)", source="ikun", apply=_ours, revision=REVISION),
    Start(name=DEFAULT, summary="what the library draws", source="PyTorch: U(±1/√fan_in)", apply=_left),
    Start(
        name="kaiming",
        summary="kaiming_normal_, biases 0",
        source="He et al. 2015, arXiv:1502.01852",
        apply=_by_torch(lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
    ),
    Start(
        name="xavier",
        summary="xavier_normal_, biases 0",
        source="Glorot & Bengio 2010, AISTATS",
        apply=_by_torch(nn.init.xavier_normal_),
    ),
    Start(
        name="orthogonal",
        summary="orthogonal_, biases 0",
        source="Saxe, McClelland & Ganguli 2014, arXiv:1312.6120",
        apply=_by_torch(nn.init.orthogonal_),
    ),
    Start(
        name="delta-orthogonal",
        summary="orthogonal_ in the middle of the kernel, 0 around it, biases 0",
        source="Xiao et al. 2018, arXiv:1806.05393",
        apply=_delta_orthogonal,
    ),
    Start(
        name="lsuv",
        summary="orthonormal, then membranes of standard deviation 1 on the batch",
        source="Mishkin & Matas 2016, arXiv:1511.06422",
        apply=_by_scheme("lsuv"),
    ),
    Start(
        name="fluctuation-driven",
        summary="membranes of standard deviation θ/2 by theory",
        source="Rossbroich, Gygax & Zenke 2022, arXiv:2206.10226; discrete, as Shi & Yu 2026 have it",
        apply=_by_scheme("fluctuation-driven-discrete"),
    ),
    Start(
        name="spikeinit",
        summary="rate 0.1 by theory, and the surrogate's slope where the library lets it be set",
        source="Shi & Yu 2026, ICML",
        apply=_by_scheme("spikeinit"),
    ),
):
    STARTS.register(one)
