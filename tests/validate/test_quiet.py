"""Libraries' chatter on import does not reach the user; the user's own logging does."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `validate`")

import torch

from ikun_validate import diagnose
from ikun_validate.quiet import CHATTER

from .models.user_models import layer  # noqa: F401  (skips where the libraries are not installed)

USER = """
import torch
from torch import nn
from spikingjelly.activation_based import layer, neuron
from ikun_validate import diagnose, initialise_

parts = [part for _ in range(3) for part in (layer.Linear(64, 64, step_mode="m"), neuron.IFNode(step_mode="m"))]
net, x = nn.Sequential(*parts), (torch.rand(4, 8, 64) < 0.5).float()
diagnose(net, x)
initialise_(net, x, rate=0.2)
"""


@pytest.mark.parametrize("name", CHATTER)
@pytest.mark.parametrize("level", [logging.NOTSET, logging.CRITICAL])
def test_only_the_chatter_is_silenced_and_only_meanwhile(name: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    import snntorch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = torch.nn.Linear(8, 8), snntorch.Leaky(beta=0.5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logging.getLogger(name).warning("chatter")
            logging.getLogger("user").warning("word")
            return self.lif(self.fc(x), self.lif.init_leaky())[0]

    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        diagnose(Net(), torch.ones(2, 8))
        assert logger.level == level, "left as it was"
    finally:
        logger.setLevel(before)
    assert {record.getMessage() for record in caplog.records} == {"word"}


@pytest.mark.slow
def test_nothing_is_said_to_a_user_from_python(tmp_path: Path) -> None:
    """A fresh process, where the libraries are imported for the first time."""
    found = subprocess.run([sys.executable, "-c", USER], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
