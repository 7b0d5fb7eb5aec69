"""Fashion-MNIST: 60,000 and 10,000 grey pictures of 28 × 28 pixels, from a folder, or fetched from OpenML."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ikun_sym.cli.console import stderr
from ikun_sym.errors import IkunError

from .data_set import DATA, Data, Part, Source, held_back
from .idx_file import read_idx

FOLDER = "IKUN_DATA"
"""The environment variable that names the folder of data sets."""

OPENML = 40996
VALIDATION, LEAST_SAMPLES = 5000, 10

OFFICIAL = {
    "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""File names, and the MD5 sums of the compressed files as their publisher prints them."""


def read(folder: Path | None, steps: int) -> Data:
    """From `folder`, else from the folder that $IKUN_DATA names, else from OpenML."""
    given = folder or (Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None)
    if given is None:
        return _data(*_fetched(), ("from OpenML",))
    paths = {name: _find(given, name) for name in OFFICIAL}
    images, labels, test_images, test_labels = (read_idx(path) for path in paths.values())
    other = [path.name for name, path in paths.items() if path.suffix == ".gz" and _md5(path) != OFFICIAL[name]]
    return _data(
        images,
        labels,
        test_images,
        test_labels,
        tuple(f"{name} is not the publisher's file: its MD5 differs" for name in other),
    )


def _find(folder: Path, name: str) -> Path:
    for place in (folder, folder / "fashion-mnist", folder / "FashionMNIST" / "raw"):
        for path in (place / f"{name}.gz", place / name):
            if path.is_file():
                return path
    raise IkunError(
        f"no {name}, with .gz or without, in {str(folder)!r}; name the folder of the four IDX files: --data-dir or ${FOLDER}"
    )


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _fetched() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    try:
        from sklearn.datasets import fetch_openml
    except ModuleNotFoundError as absent:
        raise IkunError(f"fetching Fashion-MNIST needs scikit-learn ({absent}): pip install 'ikun[train]'") from None
    stderr().print(f"Fashion-MNIST: neither --data-dir nor ${FOLDER} is given; from OpenML (30 MB, kept by scikit-learn)")
    try:
        found: Any = fetch_openml(data_id=OPENML, as_frame=False, parser="liac-arff")
    except Exception as error:  # whatever a network may do
        raise IkunError(
            f"Fashion-MNIST could not be fetched ({type(error).__name__}: {error}); put its IDX files into a folder, --data-dir"
        ) from None
    images, labels = found.data.reshape(-1, 28, 28).astype(np.uint8), found.target.astype(np.uint8)
    return images[:60000], labels[:60000], images[60000:], labels[60000:]


def _data(
    images: np.ndarray, labels: np.ndarray, test_images: np.ndarray, test_labels: np.ndarray, notes: tuple[str, ...]
) -> Data:
    train, test = _part(images, labels), _part(test_images, test_labels)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise IkunError(
            f"training pictures of {train.x.shape[2:]} pixels, test pictures of {test.x.shape[2:]}: not one data set"
        )
    train, validation = held_back(train, min(VALIDATION, len(train) // 10))
    classes = int(max(labels.max(), test_labels.max())) + 1
    name, source = FASHION.name, FASHION.source
    return Data(name=name, train=train, validation=validation, test=test, classes=classes, source=source, notes=notes)


def _part(images: np.ndarray, labels: np.ndarray) -> Part:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise IkunError(f"pictures of shape {images.shape} and labels of shape {labels.shape} do not belong together")
    if len(labels) < LEAST_SAMPLES or not images[0].size:
        raise IkunError(
            f"{len(labels)} pictures of {images.shape[1:]} pixels; at least {LEAST_SAMPLES}, with pixels, are needed"
        )
    return Part(torch.from_numpy(images.astype(np.float32))[:, None] / 255, torch.from_numpy(labels.astype(np.int64)))


FASHION = DATA.register(
    Source(
        name="fashion-mnist",
        aliases=("fashionmnist",),
        summary="28 × 28 pixels, 55,000 to learn, 5,000 to watch, 10,000 to test; IDX files in --data-dir, or fetched",
        source="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        read=read,
    )
)
