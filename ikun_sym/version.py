"""The release. It stands in a file of its own so that what prints it need not import the whole package."""

from __future__ import annotations

__version__ = "0.1.0"
