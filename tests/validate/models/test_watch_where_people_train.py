"""A watch in training scripts as people write them: three lines more, the real libraries, and the same losses to the bit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ikun_sym.errors import IkunError
from ikun_validate import Watch, watch_callback
from ikun_validate.models.watch_sinks import scalars, sink

neuron = pytest.importorskip("spikingjelly.activation_based.neuron", reason="needs the extra `interop`")
functional = pytest.importorskip("spikingjelly.activation_based.functional", reason="needs the extra `interop`")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")

STEPS, EVERY, SAMPLES = 6, 2, 32


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(40, 60), neuron.IFNode(), nn.Linear(60, 30), neuron.IFNode())


def data() -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    x = 3 * torch.rand(SAMPLES, 40, generator=source)
    return x, torch.randint(30, (SAMPLES,), generator=source)


def train(model: nn.Module, watch: Watch | None) -> list[float]:
    """The loop of SpikingJelly's examples."""
    x, label = data()
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for step in range(STEPS):
        optimizer.zero_grad()
        out = sum(model(x) for _ in range(3)) / 3  # type: ignore[operator]
        loss = nn.functional.mse_loss(out, nn.functional.one_hot(label, 30).float())
        loss.backward()
        optimizer.step()
        functional.reset_net(model)
        losses.append(float(loss))
        if watch is not None:
            watch(step)
    return losses


def test_tensorboard_holds_the_scalars_and_the_losses_stay(tmp_path: Path) -> None:
    board = pytest.importorskip("torch.utils.tensorboard", reason="needs the extra `interop`")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer, model = board.SummaryWriter(str(tmp_path)), network()
    watch = Watch(model, data()[0], every=EVERY, log=writer, settings={"steps": 3})
    assert train(model, watch) == train(network(), None)
    writer.close()
    kept = reader.EventAccumulator(str(tmp_path)).Reload()
    looks = [step for step in range(STEPS) if step % EVERY == 0]
    assert [event.step for event in kept.Scalars("1/rate")] == looks
    wanted = [layer["overlap"] for record in watch.records for layer in record["layers"] if layer["name"] == "3"]
    assert [event.value for event in kept.Scalars("3/overlap")] == pytest.approx(wanted)
    assert set(kept.Tags()["scalars"]) == set().union(*(scalars(record) for record in watch.records))


def test_weights_and_biases_holds_the_scalars(tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb", reason="needs the extra `interop`")
    run = wandb.init(mode="disabled", dir=str(tmp_path))
    given: list[tuple[dict[str, float], int]] = []
    original = run.log
    run.log = lambda numbers, step: (given.append((numbers, step)), original(numbers, step=step))
    model = network()
    watch = Watch(model, data()[0], every=EVERY, log=run, settings={"steps": 3})
    train(model, watch)
    run.finish()
    assert given == [(scalars(record), record["step"]) for record in watch.records]


def imported_lightning(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lightning imports torchvision where one is installed, and an installed one may not fit a CPU build of torch."""
    imports = pytest.importorskip("lightning_utilities.core.imports", reason="needs the extra `interop`")
    there = imports.RequirementCache.__bool__
    with monkeypatch.context() as patch:
        patch.setattr(imports.RequirementCache, "__bool__", lambda self: "torchvision" not in self.requirement and there(self))
        return pytest.importorskip("pytorch_lightning", reason="needs the extra `interop`")


def test_lightning_logs_and_trains_as_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lightning = imported_lightning(monkeypatch)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()
            self.losses: list[float] = []

        def forward(self, x: Tensor) -> Tensor:
            return sum(self.net(x) for _ in range(3)) / 3  # type: ignore[return-value]

        def training_step(self, batch: Any, _: int) -> Tensor:
            x, label = batch
            functional.reset_net(self.net)
            loss = nn.functional.mse_loss(self(x), nn.functional.one_hot(label, 30).float())
            self.losses.append(float(loss.detach()))
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    class Kept(lightning.loggers.CSVLogger):
        def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
            seen.append((metrics, step))

    def fit(callbacks: list[Any]) -> list[float]:
        module = Module()
        batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=8)
        trainer = lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=Kept(str(tmp_path)),
            callbacks=callbacks,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, batches)
        return module.losses

    seen: list[tuple[dict[str, float], int | None]] = []
    plain = fit([])
    seen.clear()
    callback = watch_callback(data()[0], every=EVERY)
    assert fit([callback]) == plain
    assert [record["step"] for record in callback.watch.records] == [2, 4, 6, 8]
    assert [(scalars(record), record["step"]) for record in callback.watch.records] == [
        pair for pair in seen if "net.1/rate" in pair[0]
    ]


def test_a_warning_says_that_gradients_have_come_to_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(network(), data()[0], settings={"steps": 3})
    layers = watch.look(0)["layers"]
    for coherence, said in ((0.5, 0), (0.01, 1), (0.01, 1)):
        watch._warn(1, layers[0] | {"coherence": coherence, "verdict": "healthy", "drift": 1.0})
        assert sum("agree no more" in text for text in watch.warnings) == said


def test_what_takes_no_records_is_refused() -> None:
    with pytest.raises(IkunError, match="takes no records; give a function"):
        sink(SimpleNamespace())
