"""What the formats share about formulas in LaTeX."""

from __future__ import annotations

import re


def names_apart(latex: str) -> str:
    """Names of several letters as operators, which TeX sets apart from what they multiply: 2 slope u, not 2slopeu.
    Indices and exponents that are one name stay as they are."""
    return re.sub(r"(?<![_^{])\\mathrm\{([A-Za-z]{2,})\}", r"\\operatorname{\1}", latex)
