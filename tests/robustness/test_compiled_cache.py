"""Compiled libraries in the cache: a cut one is built again, and what others may have written is not loaded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch

from ikun_validate.engines import c_library, machine

TEXT = "int forty_two(void) { return 42; }\n"

pytestmark = pytest.mark.skipif(bool(machine.compiler().missing), reason=f"not run: {machine.compiler().missing}")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ikun"


def build(text: str) -> int:
    c_library._load.cache_clear()
    library = c_library.library(text, torch.float32)
    assert library is not None
    return int(library.forty_two())


def libraries(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.so"))


@pytest.mark.parametrize("cut", ["half", "empty", "other", "no digest"])
def test_a_damaged_library_is_built_again(cache: Path, cut: str) -> None:
    text = TEXT.replace("42", f"4{len(cut)}")  # a text of its own: what is loaded once is not loaded again by its path
    expected = int(f"4{len(cut)}")
    cache.mkdir(parents=True)
    cache.chmod(0o700)
    by = machine.compiler()
    flags, libs = c_library._ATTEMPTS[-1]
    command = [*by.command, *c_library._COMMON, *flags]
    target = cache / "x.so"
    c_library._compile(command, libs, text, target)
    whole = target.read_bytes()
    assert c_library._whole(target)
    if cut == "no digest":
        c_library._digest_of(target).unlink()
    else:
        target.write_bytes({"half": whole[: len(whole) // 2], "empty": b"", "other": whole + b"\0"}[cut])
    assert not c_library._whole(target)
    assert build(text) == expected


def test_a_library_that_others_may_write_is_not_loaded(cache: Path) -> None:
    text = TEXT + "/* others */"
    assert build(text) == 42
    (made,) = libraries(cache)
    made.chmod(0o777)
    assert not c_library._whole(made)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="not run: no user ids here")
def test_a_folder_that_others_may_write_is_not_used(cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert build(TEXT + "/* open folder */") == 42
    assert not libraries(cache)
    assert cache not in list(machine.folders())
    cache.chmod(stat.S_IRWXU)
    assert cache in list(machine.folders())


def test_a_relative_cache_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert next(machine.folders()) == tmp_path / "home" / ".cache" / "ikun"
