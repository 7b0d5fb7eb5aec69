"""What is needed to repeat a result: the versions that made it and the commit of the source."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .version import __version__


def versions(*distributions: str) -> dict[str, str]:
    """Versions of ikun, Python, and each of the distributions that is installed."""
    found = {"ikun": __version__, "python": platform.python_version()}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The commit of the running source tree; None if it is not a git checkout, or git is missing. The repository must track
    this very file: a release installed inside another repository does not count as that repository's commit."""
    here = Path(__file__)
    try:
        for arguments in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"]):
            found = subprocess.run(["git", *arguments], cwd=here.parent, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
