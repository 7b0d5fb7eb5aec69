"""Hostile surroundings: an extra that is missing, an output that is full or closed. One line, exit 2, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ikun_sym.cli.extras import extra_with
from ikun_sym.files import DAY_S, LEFT, temporary_folder

VALIDATE = "validate theorem1.backward.alpha-one --width 24 --draws 4 --batch 8 --out out"

BLOCKED = """
import sys
class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing)
from ikun_sym.cli.main import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "validate"),
        ("torch.nn", "validate"),
        ("sklearn.datasets", "train"),
        ("snntorch", "interop"),
        ("dask", "sweep"),
        ("distributed", "sweep"),
        ("json", None),
    ],
)
def test_an_extra_is_found_by_the_module(module: str, extra: str | None) -> None:
    assert extra_with(module) == extra


def one_line(process: subprocess.CompletedProcess[str], said: str) -> None:
    assert process.returncode == 2, process.stderr
    assert process.stderr.startswith("ikun: error: ")
    assert process.stderr.count("\n") == 1, process.stderr
    assert said in process.stderr


@pytest.mark.parametrize(
    "command",
    [
        "claims",
        "demo",
        pytest.param("fates", marks=pytest.mark.slow),
        pytest.param("validate theorem1", marks=pytest.mark.slow),
        pytest.param("calibrate", marks=pytest.mark.slow),
        pytest.param("benchmark propagate", marks=pytest.mark.slow),
        pytest.param("diagnose a:b --input-shape 3,4", marks=pytest.mark.slow),
    ],
)
def test_without_torch_the_extra_is_named(command: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED, "torch", *command.split()], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    one_line(process, "needs torch, which is not installed; pip install 'ikun[validate]'")
    assert not list(tmp_path.rglob("*.*")), "something was written"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    text = f'"{sys.executable}" -m ikun_sym.cli {command}'
    return subprocess.run(["sh", "-c", text], stderr=subprocess.PIPE, text=True, timeout=120)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="not run: no /dev/full")
def test_a_full_output_is_said() -> None:
    one_line(shell("--help > /dev/full"), "cannot write the output")


def test_a_closed_output_is_said() -> None:
    one_line(shell("--help >&-"), "the output is closed")
    assert shell("--help >&- 2>&-").returncode == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="not run: processes cannot be asked for here")
def test_what_killed_processes_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day later, and of ended processes; nothing else goes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process, age, name in (
        (ended.pid, 2, "left"),
        (ended.pid, 0, "young"),
        (os.getpid(), 2, "running"),
        ("mine", 2, "no process"),
    ):
        path = tmp_path / f"{LEFT}{process}-{name}"
        path.mkdir()
        (path / "file").write_text(name)
        os.utime(path, (time.time() - age * DAY_S, time.time() - age * DAY_S))
    (tmp_path / "ikun-of-mine").mkdir()
    os.utime(tmp_path / "ikun-of-mine", (0, 0))
    with temporary_folder() as made:
        assert Path(made).parent == tmp_path
        left = {path.name.rpartition("-")[2] for path in tmp_path.iterdir()} - {Path(made).name.rpartition("-")[2]}
    assert left == {"young", "running", "no process", "mine"}
    assert not Path(made).exists()


@pytest.mark.parametrize("groups", [True, False])
def test_what_hangs_is_ended_with_and_without_groups_of_processes(groups: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none."""
    machine = pytest.importorskip("ikun_validate.engines.machine", reason="needs the extra `validate`")
    if not groups:
        monkeypatch.delattr(os, "killpg", raising=False)
    with pytest.raises(subprocess.TimeoutExpired):
        machine.finish([sys.executable, "-c", "import time; time.sleep(60)"], str(Path.cwd()), 0.2)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("setpriv") or os.getuid() != 0, reason="not run: no setpriv, or not root")
@pytest.mark.parametrize("command", ["moment atan --mean 0 --var 1", "report theorem-1 --out out", "claims", VALIDATE])
def test_a_user_without_a_home_and_without_an_entry(command: str, tmp_path: Path) -> None:
    """As in containers that run as any number; nothing is written outside the folder and the temporary one."""
    shared = Path(tempfile.mkdtemp())
    shared.chmod(0o777)
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
    user = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", sys.executable, "-m", "ikun_sym.cli"]
    try:
        process = subprocess.run([*user, *command.split()], capture_output=True, text=True, timeout=240, cwd=shared, env=kept)
        assert process.returncode in (0, 3), process.stderr
        assert "Traceback" not in process.stderr
    finally:
        shutil.rmtree(shared)
