"""What one needs to repeat a result: the versions that made it and the commit of the source."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .version import __version__


def versions(*distributions: str) -> dict[str, str]:
    """ikun, Python, and the installed release of each distribution that is there."""
    found = {"ikun": __version__, "python": platform.python_version()}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The commit of the source tree that runs; None if that is no git checkout, or git is not there. A release installed
    below somebody's repository is not that repository's commit: the tree must track this very file."""
    here = Path(__file__)
    try:
        for arguments in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"]):
            found = subprocess.run(["git", *arguments], cwd=here.parent, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
