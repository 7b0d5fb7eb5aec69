"""Networks in tests run on one thread: the test runner has a process per core already. Where there is no GPU, Triton's kernels
are run by its interpreter, which is chosen when Triton is first imported."""

from __future__ import annotations

import os
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch's own chatter on import
    torch = pytest.importorskip("torch", reason="needs the extra `validate`")

torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


def require(backend: str) -> None:
    """Skip where the compiled pass has no C compiler, with the reason."""
    from ikun_validate.engines.machine import compiler

    if backend == "compiled" and (missing := compiler().missing):
        pytest.skip(f"not run: {missing}")
