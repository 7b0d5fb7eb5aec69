"""Reference values of E[f'(X)^p], X ~ N(mean, var), for the registered surrogates: mpmath alone, nothing of the product.

    python tests/reference/generate.py            writes moments.json beside this file
    python tests/reference/generate.py --check    recomputes a random tenth of it and compares; exit code 1 if one differs

Every f' is written out below as the plain textbook formula in x (not in |x|, no shared vocabulary), and each value is
a sum of tanh-sinh quadratures between explicit break points: 0, the kinks, the mean, multiples of the standard
deviation and of the surrogate's own width. It is computed at two precisions; where these differ the intervals are halved.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath
from mpmath import mp, mpf

TARGET = Path(__file__).with_name("moments.json")
METHOD = "mpmath.quad (tanh-sinh) between explicit break points, 45 and 62 digits, agreeing to 34"
PRECISIONS = (45, 62)
AGREE, STORED = 34, 32
POWERS = (1, 2, 4)

CUT = 140
"""The range ends where the density is e^-140 (1e-60) of that at x = 0: every f' here is largest there."""

FPRIME: dict[str, Callable[[mpf, mpf], mpf]] = {
    "sigmoid": lambda x, a: a / (4 * mp.cosh(a * x / 2) ** 2),
    "tanh": lambda x, k: 1 / mp.cosh(k * x) ** 2,
    "linear": lambda x, k: k,
    "rectangular": lambda x, a: a if abs(x) < 1 / (2 * a) else mpf(0),
    "triangular": lambda x, a: a * (1 - a * abs(x)) if abs(x) < 1 / a else mpf(0),
    "erf": lambda x, a: a / mp.sqrt(mp.pi) * mp.exp(-((a * x) ** 2)),
    "exponential": lambda x, a: a / 2 * mp.exp(-a * abs(x)),
    "atan": lambda x, a: a / (2 * (1 + (mp.pi * a * x / 2) ** 2)),
    "fast_sigmoid": lambda x, k: 1 / (1 + k * abs(x)) ** 2,
}
SUPPORT: dict[str, Callable[[mpf], mpf]] = {"rectangular": lambda a: 1 / (2 * a), "triangular": lambda a: 1 / a}
PARAMETER = {  # its name and its default
    "sigmoid": ("alpha", "4"),
    "tanh": ("slope", "1"),
    "linear": ("slope", "1"),
    "rectangular": ("alpha", "1"),
    "triangular": ("alpha", "1"),
    "erf": ("alpha", "2"),
    "exponential": ("alpha", "1"),
    "atan": ("alpha", "2"),
    "fast_sigmoid": ("slope", "25"),
}

CASES = (  # (parameter or "" for the default, mean, variance): needles, wide laws, far tails
    ("", "0", "1"),
    ("", "-1", "1"),
    ("", "-0.5", "0.01"),
    ("", "-8", "0.1"),
    ("0.5", "-5", "100"),
    ("0.5", "0.5", "10000"),
    ("2", "-0.05", "0.01"),
    ("2", "0.5", "0.0001"),
    ("25", "-0.5", "1"),
    ("25", "-0.005", "0.0001"),
    ("100", "0", "10000"),
    ("100", "-3", "1"),
)


def break_points(name: str, param: mpf, mean: mpf, var: mpf) -> list[mpf]:
    """From one end of the range to the other, geometric in the width of f' and in the standard deviation."""
    sigma, width = mp.sqrt(var), 1 / param
    reach = mp.sqrt(mean**2 + 2 * var * CUT)
    low, high = mean - reach, mean + reach
    if name in SUPPORT:
        edge = SUPPORT[name](param)
        low, high = max(low, -edge), min(high, edge)
    points = {mpf(0), mean, low, high}
    for centre, unit in ((mpf(0), width), (mean, sigma)):
        step = unit
        while step < high - low:
            points |= {centre - step, centre + step}
            step *= 3
    return sorted(point for point in points if low <= point <= high)


def halved(points: list[mpf]) -> list[mpf]:
    return sorted([*points, *((a + b) / 2 for a, b in pairwise(points))])


def quadrature(name: str, param: mpf, power: int, mean: mpf, var: mpf, halvings: int) -> mpf:
    points = break_points(name, param, mean, var)
    for _ in range(halvings):
        points = halved(points)

    def integrand(x: mpf) -> mpf:
        return FPRIME[name](x, param) ** power * mp.exp(-((x - mean) ** 2) / (2 * var))

    # mpmath's tolerance is absolute: scale the largest sampled value times its interval to 1
    pairs = list(pairwise(points))
    scale = max(integrand((a + b) / 2) * (b - a) for a, b in pairs)
    total = sum((mp.quad(lambda x: integrand(x) / scale, [a, b], maxdegree=9) for a, b in pairs), mpf(0))
    return total * scale / mp.sqrt(2 * mp.pi * var)


def reference(name: str, param: str, power: int, mean: str, var: str) -> str:
    """The value to STORED significant digits, the same at both precisions, or ArithmeticError."""
    for halvings in range(5):
        found = []
        for digits in PRECISIONS:
            with mp.workdps(digits):
                found.append(quadrature(name, mpf(param), power, mpf(mean), mpf(var), halvings))
        with mp.workdps(PRECISIONS[1]):
            if abs(found[0] - found[1]) <= mpf(10) ** -AGREE * abs(found[1]):
                return mp.nstr(found[1], STORED, min_fixed=0, max_fixed=0)
    raise ArithmeticError(f"{name} {param} power {power} mean {mean} var {var}: the precisions do not agree")


def entries() -> list[dict[str, Any]]:
    """Every entry but for its value, in the order of the file."""
    found = []
    for name in FPRIME:
        parameter, default = PARAMETER[name]
        for param, mean, var in CASES:
            for power in POWERS:
                found.append(
                    {
                        "surrogate": name,
                        "params": {parameter: param or default},
                        "power": power,
                        "mean": mean,
                        "var": var,
                        "method": METHOD,
                        "mpmath": mpmath.__version__,
                    }
                )
    return found


def value_of(entry: dict[str, Any]) -> str:
    (param,) = entry["params"].values()
    return reference(entry["surrogate"], param, entry["power"], entry["mean"], entry["var"])


def write(path: Path, found: list[dict[str, Any]]) -> None:
    """All or nothing: one entry per line, then a rename."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in found)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        file.write(f"[\n{lines}\n]\n")
    Path(file.name).chmod(0o644)  # a temporary file is private; this one belongs to the repository
    Path(file.name).replace(path)


def generate() -> int:
    start, found = time.monotonic(), []
    todo = entries()
    for entry in todo:
        if not found or found[-1]["surrogate"] != entry["surrogate"]:
            print(f"{entry['surrogate']}: {time.monotonic() - start:.0f} s, {len(found)} of {len(todo)} values", flush=True)
        value = value_of(entry)
        # the value beside what it is the value of, the provenance last
        found.append({key: entry[key] for key in ("surrogate", "params", "power", "mean", "var")} | {"value": value} | entry)
    write(TARGET, found)
    print(f"wrote {len(found)} values to {TARGET} in {time.monotonic() - start:.0f} s")
    return 0


def check(seed: int) -> int:
    stored = json.loads(TARGET.read_text(encoding="utf-8"))
    described = [{key: entry[key] for key in ("surrogate", "params", "power", "mean", "var")} for entry in stored]
    if described != [{key: entry[key] for key in described[0]} for entry in entries()]:
        print("moments.json does not list the cases of this script; run it without --check")
        return 1
    chosen = random.Random(seed).sample(stored, len(stored) // 10)
    print(f"recomputing {len(chosen)} of {len(stored)} values, seed {seed}", flush=True)
    # one unit of the last stored digit: another mpmath may round it the other way
    differing = [e for e in chosen if abs(mpf(value_of(e)) / mpf(e["value"]) - 1) > mpf(10) ** (1 - STORED)]
    for entry in differing:
        print(f"differs: {entry}")
    print(f"{len(chosen) - len(differing)} agree, {len(differing)} differ")
    return 1 if differing else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="recompute a random tenth and compare")
    parser.add_argument("--seed", type=int, default=0, help="of the random tenth")
    given = parser.parse_args(arguments)
    mp.dps = PRECISIONS[1]
    return check(given.seed) if given.check else generate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
