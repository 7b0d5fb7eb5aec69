"""What libraries say while they are imported is not for the user."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = ("matplotlib", "torch._library.triton")
"""Loggers: of where fonts are kept, if the home folder cannot be written; of there being no Triton, which SpikingJelly sets off
when its neurons first run."""


def quiet_libraries() -> None:
    """For a command, whose process is its own."""
    for name in CHATTER:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch  # noqa: F401


@contextmanager
def chatter_silenced() -> Iterator[None]:
    """For a function: these loggers alone, and only meanwhile. The user's own logging stays as it is."""
    before = {logger: logger.level for logger in map(logging.getLogger, CHATTER)}
    for logger, level in before.items():
        logger.setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
