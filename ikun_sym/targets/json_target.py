"""Target `json`: constants, enclosures, forms and provenance as data."""

from __future__ import annotations

import json

from ..schemes.constants import POWERS
from .target import TARGETS, Export, Target


def emit(work: Export) -> str:
    document = {
        "generator": f"ikun {work.version}",
        "command": work.command("json"),
        "licence": "MIT",
        "surrogate": work.bound.spec,
        "parameters": work.parameters,
        "forms": {
            name: {
                "kind": work.form(power).kind,
                "status": work.form(power).certificate.status,
                "text": work.form(power).text,
                "latex": work.form(power).latex,
                "symbols": {"mu": "mean of H - threshold", "v": "variance of H"},
            }
            for name, power in POWERS.items()
        },
        "constants": {name: value.to_dict() for name, value in work.constants.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


TARGETS.register(Target("json", ".json", emit))
