"""`train`: the same network from several initialisations, paired by seed, and which learns faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ikun_sym.errors import DomainError, IkunError
from ikun_sym.files import folder

from ..models.commands import quiet
from ..networks.device import choose
from .data import Data, load_data
from .experiment import Plan, Result, experiment, run_record
from .laboratory import Job, Laboratory, Progress
from .outcome import Outcome
from .trial import Trial, check_answers, presented
from .weights import EXAMPLE, start

SCHEMES, BASELINE = ("kaiming", "critical"), "torch-default"
TUNED, RATES = "tuned", 8
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for: `trial`, for each of `schemes` and the `baseline`. `pairs` None: as many as the verdict needs.
    `rates`: learning rates tried for each. `seconds`: no run is begun after so many."""

    trial: Trial
    schemes: tuple[str, ...] = SCHEMES
    baseline: str = BASELINE
    pairs: int | None = 5
    targets: tuple[float, ...] = (0.95,)
    confidence: float = 0.95
    rates: int | None = None
    data_dir: str | None = None
    events: bool = False
    device: str = "auto"
    seed: int = 0
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise DomainError("seed", self.seed, "zero or a positive integer")
        if self.seconds is not None and not self.seconds > 0:
            raise DomainError("budget", self.seconds, "a positive number of seconds")
        _ = self.plan

    @property
    def plan(self) -> Plan:
        names = dict.fromkeys((self.baseline, *self.schemes))
        return Plan(
            trials=tuple(self.trial.but(scheme=name) for name in names),
            baseline=self.baseline,
            pairs=self.pairs,
            targets=self.targets,
            confidence=self.confidence,
            rates=self.rates,
        )

    def read(self) -> tuple[Order, Data]:
        """The data, and the order as they leave it: events bring their own number of steps."""
        device = choose(self.device)
        data = load_data(self.trial.data, folder=self.data_dir, steps=self.trial.recipe.steps, events=self.events)
        data = data.only(self.trial.samples).to(device)
        trial = self.trial if data.steps is None else self.trial.but(steps=data.steps)
        return Order(**{**vars(self), "trial": trial}), data

    def settings(self) -> dict[str, Any]:
        """For the records."""
        return {name: value for name, value in vars(self).items() if name != "trial"} | self.trial.to_dict()


def check(plan: Plan, data: Data) -> None:
    """Build and initialise the model once for every scheme. Error: a scheme that fits no layer, a model that gives NaN."""
    for trial in plan.trials:
        torch.manual_seed(0)
        model = trial.built(data)
        model.to(data.train.x.device)
        check_answers(model, trial, data)
        model.to("cpu")
        try:
            start(model, presented(data.train.first(EXAMPLE).x.cpu(), trial.recipe.steps, data.events), trial.scheme, 0)
        except IkunError as error:
            raise IkunError(f"scheme {trial.scheme} on {trial.model}: {error}") from None


@contextmanager
def one_thread() -> Iterator[None]:
    """Within a run: runs side by side beat threads inside small products."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def carried_out(
    order: Order,
    data: Data,
    *,
    out: Path | None = None,
    resume: bool = False,
    save: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Check, then train and compare. `data` and `order` as `Order.read` gives them."""
    with quiet(), one_thread():
        check(order.plan, data)
        key = order.trial.data, order.trial.samples
        laboratory = Laboratory(
            {key: data},
            seed=order.seed,
            out=out,
            resume=resume,
            workers=workers,
            seconds=order.seconds,
            save=None if out is None or not save else out / "weights",
            progress=progress,
        )
        try:
            return experiment(order.plan, laboratory)
        finally:
            laboratory.close()


def alone(
    trial: Trial,
    schemes: Sequence[str],
    *,
    seeds: int,
    targets: Sequence[float],
    data_dir: str | None,
    events: bool,
    device: str,
    seed: int,
) -> dict[str, Any]:
    """The runs of each scheme, in this process, compared with nothing."""
    data = load_data(trial.data, folder=data_dir, steps=trial.recipe.steps, events=events)
    data = data.only(trial.samples).to(choose(device))
    trials = [(trial if data.steps is None else trial.but(steps=data.steps)).but(scheme=name) for name in schemes]
    with quiet(), one_thread():
        laboratory = Laboratory({(trial.data, trial.samples): data}, seed=seed, workers=1)
        runs = laboratory.outcomes(Job(one, index) for index in range(seeds) for one in trials).values()
    return {"runs": [run_record(run, targets) for run in runs], "comparisons": [], "targets": list(targets)}


def train(
    data: str = "digits",
    *,
    schemes: Sequence[str] = SCHEMES,
    baseline: str = BASELINE,
    seeds: int | str = 5,
    targets: Sequence[float] = (0.95,),
    lr: float | str | None = None,
    confidence: float = 0.95,
    data_dir: str | None = None,
    events: bool = False,
    device: str = "auto",
    seed: int = 0,
    seconds: float | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
    save: bool = False,
    **words: Any,
) -> Result:
    """Train the same network from each scheme, paired by seed; the ratio of restricted mean epochs to `targets[0]`, mean
    min(T, B) of a scheme over the baseline's, with simultaneous intervals.

    data, data_dir, events: a data set by name or MODULE:FACTORY. seeds: pairs, or "auto". lr: a number, None (the optimiser's
    own) or "tuned". words: those of a recipe (steps, optimizer, epochs, batch, …), of a neuron, `model` and `samples`. workers:
    processes; None: one a core. out: a new folder for the journal of the runs; None: none. save: keep each run's best weights
    in out/weights, for `load_weights`.
    Errors (IkunError): names that are not known, data that cannot be read, a model that gives NaN, values out of range.
    """
    if save and out is None:
        raise IkunError("save=True needs a folder for the weights: give out")
    trial = Trial.of(data=data, lr=None if lr == TUNED else lr, **words)
    order, found = Order(
        trial=trial,
        schemes=tuple(schemes),
        baseline=baseline,
        pairs=None if seeds == AUTO else int(seeds),
        targets=tuple(targets),
        confidence=confidence,
        rates=RATES if lr == TUNED else None,
        data_dir=data_dir,
        events=events,
        device=device,
        seed=seed,
        seconds=seconds,
    ).read()
    return carried_out(order, found, workers=workers, out=None if out is None else folder(str(out)), save=save)


__all__ = ["Order", "Outcome", "Result", "carried_out", "train"]
