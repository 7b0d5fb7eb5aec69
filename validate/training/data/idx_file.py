"""Arrays in IDX files, compressed or not: two zero bytes, the type, the number of axes, their lengths, then the bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ikun_sym.errors import IkunError

UNSIGNED_BYTES = 8


def read_idx(path: Path) -> np.ndarray:
    """Error: the file is not IDX, of another type than unsigned bytes, or shorter or longer than it says."""
    content = _content(path)
    head = content[:4]
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != UNSIGNED_BYTES:
        raise IkunError(f"{str(path)!r} is not an IDX file of bytes; fetch it again")
    axes = head[3]
    sizes = np.frombuffer(content, ">u4", axes, 4) if len(content) >= 4 + 4 * axes else np.zeros(0)
    shape, begins = tuple(int(size) for size in sizes), 4 + 4 * axes
    if len(shape) != axes or len(content) - begins != math.prod(shape):
        raise IkunError(f"{str(path)!r} is broken: {len(content)} bytes do not hold an array of {shape}; fetch it again")
    return np.frombuffer(content, np.uint8, offset=begins).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise IkunError(f"cannot read {str(path)!r}: {error}; fetch it again") from None
