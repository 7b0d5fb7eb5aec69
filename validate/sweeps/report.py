from __future__ import annotations


def write(found, out):
    pass
