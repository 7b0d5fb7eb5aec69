"""Which line of the user's code runs now."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType

import torch

OURS = str(Path(__file__).resolve().parents[2])
TORCH = str(Path(torch.__file__).resolve().parent)
INSTALLED = ("site-packages", "dist-packages", "<frozen", "<string", "<eval_with_key>")


def here() -> str:
    """file:line of the innermost frame that is neither torch's nor a library's nor ours; "" if there is none."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # inspect.stack reads files: too slow
    while frame is not None:
        if _users(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def of_traceback(traceback: TracebackType | None) -> str:
    """The same of the frame in which an error was raised."""
    found = [(f.f_code.co_filename, line) for f, line in _frames(traceback)]
    places = [_place(name, line) for name, line in found if _users(name)]
    return places[-1] if places else ""


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


@cache  # asked of the same few files at every call of a spike function
def _users(name: str) -> bool:
    return not name.startswith((OURS, TORCH)) and not any(word in name for word in INSTALLED)


def _place(name: str, line: int) -> str:
    return f"{Path(name).name}:{line}"
