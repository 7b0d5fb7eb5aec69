"""Data sets: parts, files broken and whole, steps that matter."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from ikun_sym.errors import IkunError
from ikun_validate.training.data import DATA, load_data
from ikun_validate.training.data.data_set import Data
from ikun_validate.training.data.fashion_mnist import OFFICIAL
from ikun_validate.training.data.idx_file import read_idx

pytest.importorskip("sklearn", reason="needs the extra `train`")


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The four files of a small Fashion-MNIST, two of them compressed."""
    rng = np.random.default_rng(0)
    for name, count in (("train", 100), ("t10k", 40)):
        images, labels = rng.integers(256, size=(count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    return tmp_path


def test_idx_files_compressed_or_not(folder: Path) -> None:
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz")
    assert images.shape == (40, 28, 28)
    assert (read_idx(folder / "t10k-labels-idx1-ubyte") == np.arange(40) % 10).all()
    found = load_data("fashion-mnist", folder=folder)
    assert (len(found.train), len(found.validation), len(found.test), found.classes) == (90, 10, 40, 10)
    assert found.test.x[3, 0, 5, 7] == pytest.approx(images[3, 5, 7] / 255)
    assert sum("MD5" in note for note in found.notes) == 2  # of the compressed ones


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\0\0\x08\x03" + struct.pack(">III", 5, 28, 28) + bytes(100), "broken"),
        (gzip.compress(bytes(1000), mtime=0)[:20], "cannot read"),
        (b"not an IDX file", "not an IDX file"),
        (b"\0\0\x08\x03\0", "broken"),
        (b"\0\0\x0d\x03" + struct.pack(">III", 5, 28, 28) + bytes(5 * 28 * 28), "not an IDX file of bytes"),  # floats
        (idx(np.zeros((99, 28, 28), np.uint8)), "do not belong together"),
        (idx(np.zeros((100, 27, 28), np.uint8)), "not one data set"),
        (idx(np.zeros((0, 28, 28), np.uint8)), "do not belong together"),
    ],
)
def test_broken_files_are_one_line(folder: Path, content: bytes, match: str) -> None:
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(IkunError, match=match) as caught:
        load_data("fashion-mnist", folder=folder)
    assert "\n" not in str(caught.value)


def test_a_data_set_needs_samples(folder: Path) -> None:
    for name in OFFICIAL:
        (folder / f"{name}.gz").unlink(missing_ok=True)
        (folder / name).write_bytes(idx(np.zeros((0, 28, 28) if "idx3" in name else 0, np.uint8)))
    with pytest.raises(IkunError, match="0 pictures"):
        load_data("fashion-mnist", folder=folder)


def test_labels_and_pictures_belong_together(folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(99, np.uint8)))
    with pytest.raises(IkunError, match="do not belong together"):
        load_data("fashion-mnist", folder=folder)


def test_a_folder_without_the_files_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(IkunError, match=next(iter(OFFICIAL))):
        load_data("fashion-mnist", folder=tmp_path)


def test_the_folder_of_the_environment_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKUN_DATA", str(folder))
    assert len(load_data("fashion-mnist").train) == 90


@pytest.mark.parametrize("name", [name for name in DATA.names() if name != "fashion-mnist"])
def test_parts_are_disjoint_and_the_same_each_time(name: str) -> None:
    found, again = load_data(name), load_data(name)
    parts = [found.train, found.validation, found.test]
    assert all(
        torch.equal(one.x, other.x) for one, other in zip(parts, [again.train, again.validation, again.test], strict=True)
    )
    rows = torch.cat([part.x.flatten(1) for part in parts])
    assert len(rows) == sum(map(len, parts))
    assert len(torch.unique(rows, dim=0)) == len(rows)
    for part in parts:
        assert set(part.y.tolist()) == set(range(found.classes))


def test_few_samples_keep_the_measurement_small() -> None:
    found = load_data("digits").only(300)
    assert (len(found.train), len(found.validation), len(found.test)) == (300, 180, 360)
    for wrong in (5, 5000):
        with pytest.raises(IkunError, match="samples"):
            load_data("digits").only(wrong)


def linear(data: Data, counts: bool) -> float:
    """Test accuracy of a logistic regression on what a sample is, or on its spike counts alone."""
    from sklearn.linear_model import LogisticRegression

    def features(x: torch.Tensor) -> np.ndarray:
        return (x.sum(1) if counts else x.flatten(1)).numpy()

    model = LogisticRegression(C=0.1, max_iter=2000).fit(features(data.train.x), data.train.y.numpy())
    return float(model.score(features(data.test.x), data.test.y.numpy()))


def test_in_spike_patterns_steps_matter() -> None:
    """By counts a pattern is like its mirror image: half of the answers are right at best, standard error 1.6 %."""
    data = load_data("spike-patterns", steps=8)
    assert data.steps == 8
    assert data.shape == (64,)
    assert linear(data, counts=True) < 0.6
    assert linear(data, counts=False) > 0.95
    with pytest.raises(IkunError, match="at least 2"):
        load_data("spike-patterns", steps=1)


MODULE = """
import torch
from torch.utils.data import TensorDataset

def pair(count=40, shape=(3, 5)):
    x = torch.rand(count, *shape)
    return TensorDataset(x, torch.arange(count) % 4), TensorDataset(x[:8], torch.arange(8) % 4)

def events():
    return pair(shape=(6, 3, 5))

def one():
    return pair()[0]

def uneven():
    return [(torch.zeros(k + 1), 0) for k in range(4)], [(torch.zeros(1), 0)] * 4

def nan():
    first, second = pair()
    first.tensors[0][3] = float("nan")
    return first, second

def raises():
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 4
        def __getitem__(self, k):
            raise OSError("disk\\nfull")
    return Broken(), Broken()

def negative():
    return TensorDataset(torch.zeros(4, 2), -torch.ones(4)), pair()[1]
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mydata.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mydata", raising=False)


@pytest.mark.usefixtures("mine")
def test_the_users_own_data() -> None:
    found = load_data("mydata:pair")
    assert (found.shape, found.steps, found.classes, len(found.train), len(found.validation)) == ((3, 5), None, 4, 36, 4)
    found = load_data("mydata:events", events=True)
    assert (found.shape, found.steps) == ((3, 5), 6)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("mydata:one", "pair of torch data sets"),
        ("mydata:uneven", "one shape"),
        ("mydata:raises", "OSError: disk full"),
        ("mydata:nan", "not finite"),
        ("mydata:negative", "class numbers from 0"),
        ("mydata:missing", "missing"),
    ],
)
def test_the_users_own_data_that_cannot_be_read(name: str, match: str) -> None:
    with pytest.raises(IkunError, match=match):
        load_data(name)
