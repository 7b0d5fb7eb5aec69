"""For all tests: random examples are the same in every run, and no example fails because the machine is busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ikun", derandomize=True, deadline=None, database=None)
settings.load_profile("ikun")
