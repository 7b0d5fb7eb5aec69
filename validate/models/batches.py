"""A batch of the user's own data, from a file of numpy's."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ikun_sym.errors import IkunError

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ("x", "inputs")
"""What the array may be called where a file holds several."""


def load_batch(path: str) -> Tensor:
    """The batch that `path`, an .npz file, holds: its only array, or the one named `x` or `inputs`. Numbers become torch's
    default floating-point numbers. Errors (IkunError), in one line: no such file, no .npz, no array, several, none of numbers.
    """
    import torch

    file = Path(path)
    if not file.is_file():
        raise IkunError(f"--batch {path!r}: there is no such file; write it with numpy.savez({path!r}, x=batch)")
    if not zipfile.is_zipfile(file):
        raise IkunError(f"--batch {path!r} is not an .npz file; write it with numpy.savez({path!r}, x=batch)")
    try:
        with np.load(file, allow_pickle=False) as held:
            array = held[_name(path, list(held.files))]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, IkunError):
            raise
        raise IkunError(f"--batch {path!r} cannot be read ({error}); it must hold an array of numbers") from error
    if array.dtype.kind not in "biuf" or array.ndim < 1 or not array.size:
        raise IkunError(
            f"--batch {path!r}: its array has type {array.dtype} and shape {array.shape}; it must be numbers, at least one axis"
        )
    return torch.as_tensor(np.ascontiguousarray(array)).to(torch.get_default_dtype())


def _name(path: str, names: list[str]) -> str:
    if not names:
        raise IkunError(f"--batch {path!r} holds no array; write it with numpy.savez({path!r}, x=batch)")
    found = [name for name in NAMES if name in names]
    if len(names) > 1 and len(found) != 1:
        raise IkunError(f"--batch {path!r} holds several arrays, {', '.join(names)}; name one of them {' or '.join(NAMES)}")
    return found[0] if found else names[0]
