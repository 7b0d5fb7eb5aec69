"""1,797 handwritten digits of 8 × 8 pixels; they ship with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import torch

from ikun_sym.errors import IkunError

from .data_set import DATA, Data, Source, split


def read(folder: Path | None, steps: int) -> Data:
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as absent:
        raise IkunError(f"data set digits needs scikit-learn ({absent}): pip install 'ikun[train]'") from None
    found = load_digits()
    x = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16  # type: ignore[attr-defined]  # a Bunch
    y = torch.tensor(found.target)  # type: ignore[attr-defined]
    train, validation, test = split(x, y, validation=180, test=360)
    return Data(name="digits", train=train, validation=validation, test=test, classes=10, source=DIGITS.source)


DIGITS = DATA.register(
    Source(
        name="digits",
        summary="1,797 digits of 8 × 8 pixels, 1,257 to learn, 180 to watch, 360 to test; ships with scikit-learn",
        source="Alpaydin & Kaynak 1998, UCI: Optical Recognition of Handwritten Digits",
        read=read,
    )
)
