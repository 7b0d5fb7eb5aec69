"""What depends on the machine, each way on every machine: compilers, folders, cores, bfloat16."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ikun_sym.cores import cores
from ikun_sym.errors import IkunError
from ikun_validate.engines import c_library, machine
from ikun_validate.engines.machine import compiler, folders, native_bfloat16
from ikun_validate.networks.draws_in_parallel import in_parallel
from ikun_validate.networks.network import Architecture, Network
from tests.validate.conftest import require

SMALL = Architecture.of(depth=2, width=16, steps=2, leak=0.5, gain=9.0)


def fake(folder: Path, script: str) -> str:
    """A command that is no compiler."""
    path = folder / "fake-cc"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def without_compiler(reason: str) -> None:
    """The reason is told, plain tensors are used, and what is demanded is refused in one line."""
    assert reason in compiler().missing
    assert compiler().command == ()
    network = Network(SMALL, batch=2)
    choice = network.population.choice(network.device)
    assert (choice.name, choice.refused["compiled"]) == ("eager", compiler().missing)
    assert network.draw(0, 0).alive == 1
    with pytest.raises(IkunError, match="use auto or eager") as caught:
        Network(SMALL, batch=2, backend="compiled").draw(0, 0)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_compiler_that_hangs_costs_one_short_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started once, whoever asks, and what it started ends with it: the pipe that both hold has no writer any more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("CC", fake(tmp_path, f"exec 9> {pipe}\necho started >&9\nsleep 300 &\nwait"))
    monkeypatch.setattr(machine, "PROBE_S", 1.0)
    try:
        without_compiler("takes more than 1 s")
        assert everything(reader) == b"started\n"
    finally:
        os.close(reader)


def everything(reader: int) -> bytes:
    """What was written until nobody can write. Error: somebody still can after ten seconds."""
    found = b""
    for _ in range(100):
        try:
            more = os.read(reader, 4096)
        except BlockingIOError:
            time.sleep(0.1)
            continue
        if not more:
            return found
        found += more
    raise AssertionError("what the compiler started was not ended")


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "kill -9 $$"])
def test_a_compiler_that_fails_is_as_none(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", fake(tmp_path, script))
    without_compiler("makes no program that runs here")


def test_a_path_without_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    without_compiler("no C compiler is found (cc, gcc, clang, or $CC)")


@pytest.mark.parametrize("cc", ["no-such-compiler", "'"])
def test_a_compiler_that_is_named_and_missing_is_not_replaced(cc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", cc)
    without_compiler("no C compiler is found ($CC is")


def test_instructions_that_are_not_known_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require("compiled")
    monkeypatch.setenv("IKUN_MARCH", "no-such-processor")
    without_compiler("with IKUN_MARCH=no-such-processor")


def test_a_program_that_the_processor_cannot_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with instructions that it lacks: what is compiled ends by a signal."""
    program = "printf '#!/bin/sh\\nkill -ILL $$\\n' > probe; chmod +x probe"
    monkeypatch.setenv("CC", fake(tmp_path, program))
    without_compiler("makes no program that runs here")


def test_a_compiler_without_native_is_asked_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As clang on some processors."""
    monkeypatch.delenv("IKUN_MARCH", raising=False)
    require("compiled")
    real = compiler().command[0]
    monkeypatch.setenv("CC", fake(tmp_path, f'for a; do case "$a" in *=native) exit 1;; esac; done\nexec {real} "$@"'))
    assert len(compiler().command) == 1
    assert Network(SMALL, batch=2).backend == "compiled"


def test_a_compiler_with_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    require("compiled")
    real = compiler().command[0]
    monkeypatch.setenv("CC", f"{real} -g0")
    assert compiler().command[:2] == (real, "-g0")
    assert Network(SMALL, batch=2).backend == "compiled"


def test_a_compiler_that_hangs_later_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("compiled")
    real = compiler().command[0]
    log = tmp_path / "log"
    hanging = f'case "$*" in *layer.c*) echo started >> {log}; sleep 300;; esac\nexec {real} "$@"'
    monkeypatch.setenv("CC", fake(tmp_path, hanging))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(c_library, "LIMIT_S", 1.0)
    for gain_surrogate in ("atan", "triangular"):
        network = Network(Architecture.of(depth=2, width=16, steps=2, leak=0.5, gain=9.0, surrogate=gain_surrogate), batch=2)
        assert network.backend == "eager"
        assert network.population.choice(network.device).refused["compiled"] == "the C compiler does not compile it"
    assert log.read_text() == "started\n"


# --- folders ----------------------------------------------------------------------------------------------------------


def homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("case", ["no home", "home is a file", "cache is a file", "folder is a file"])
def test_a_cache_that_cannot_be_written(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a file nothing can be made, not even by root."""
    file = tmp_path / "ikun"
    file.write_text("")
    if case == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(machine.Path, "home", homeless)
    elif case == "home is a file":
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", str(file))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(file if case == "cache is a file" else tmp_path))
    (found,) = folders()
    assert found.name.startswith("ikun-")
    require("compiled")
    text = f"int answer(void) {{ return {len(case)}; }}  /* {tmp_path} */"
    loaded = c_library.library(text, torch.float32)
    assert loaded is not None
    assert loaded.answer() == len(case)
    assert file.is_file()


def test_a_library_is_kept_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("compiled")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = f"int answer(void) {{ return 42; }}  /* {tmp_path} */"
    assert c_library.library(text, torch.float32) is not None
    assert {kept.suffix for kept in (tmp_path / "ikun").iterdir()} == {".so", ".sha256"}


WHERE_NOTHING_CAN_BE_WRITTEN = """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch's own chatter on import
    import torch
from ikun_validate.networks.network import Architecture, Network
network = Network(Architecture.of(depth=2, width=16, steps=2, leak=0.5, gain=9.0), batch=2)
assert network.draw(0, 0).alive == 1
print(network.backend)
"""


def test_a_process_without_a_home(tmp_path: Path) -> None:
    wanted = Network(SMALL, batch=2).backend
    environment = {k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME"} | {"HOME": str(tmp_path / "missing" / "home")}
    (tmp_path / "missing").write_text("")
    command = [sys.executable, "-W", "error", "-c", WHERE_NOTHING_CAN_BE_WRITTEN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{wanted}\n", "")


# --- cores, bfloat16, what is said of the processor -------------------------------------------------------------------


def test_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IKUN_CORES", raising=False)
    assert cores() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    for count, wanted in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert cores() == wanted
    monkeypatch.setenv("IKUN_CORES", "3")
    assert cores() == 3
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("IKUN_CORES", wrong)
        with pytest.raises(IkunError, match=f"IKUN_CORES = {wrong} is not allowed"):
            cores()


@pytest.mark.parametrize("count", ["1", "5"])
def test_the_number_of_cores_changes_no_draw(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(SMALL, batch=2, backend="eager")
    wanted = [network.draw(0, index).var_h for index in range(4)]
    monkeypatch.setenv("IKUN_CORES", count)
    found = [draw.var_h for draw in in_parallel(lambda index: network.draw(0, index), range(4), network)]
    for one, other in zip(found, wanted, strict=True):
        assert (one == other).all()


def test_bfloat16_is_chosen_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for word, wanted in (("native", True), ("widened", False)):
        monkeypatch.setenv("IKUN_BFLOAT16", word)
        assert native_bfloat16() is wanted
    monkeypatch.setenv("IKUN_BFLOAT16", "yes")
    with pytest.raises(IkunError, match="IKUN_BFLOAT16 = 'yes' is not allowed; known: auto, native, widened"):
        native_bfloat16()


def test_a_machine_that_says_nothing_of_its_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(machine.Path, "read_text", missing)
    monkeypatch.setattr(machine.platform, "processor", lambda: "some processor")
    assert machine.processor("model name") == "some processor"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="not run: page faults are asked of Linux")
def test_freed_memory_is_kept() -> None:
    """Faults of an array of 64 MiB: 16,384 pages, unless memory that was freed serves it. Small arrays take their places in
    what was freed first: the fewest of ten."""
    program = (
        "import resource, sys, torch\n"
        "from ikun_validate.engines.machine import keep_freed_memory\n"
        "keep_freed_memory() if sys.argv[1] == 'kept' else None\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    torch.ones(2**24)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "print(min(faults() for _ in range(10)))"
    )
    kept, usual = (
        int(subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "given back")
    )
    assert kept < 1000
    assert usual > 16_000 or usual < 1000, "huge pages, or another C library: nothing to gain"
