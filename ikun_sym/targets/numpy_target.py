"""Target `numpy`: one module over float64 arrays that needs only numpy."""

from __future__ import annotations

from . import drivers
from .build import build
from .program import Function, Table
from .python_family import Arrays
from .target import TARGETS, Target

CHOOSE = '''def _choose(condition, first, second):
    """first() where the condition holds, second() elsewhere; neither is evaluated for nothing."""
    if np.all(condition):
        second = first
    elif not np.any(condition):
        first = second
    value = first()
    return np.where(condition, value, value if first is second else second())'''

SUM = '''def _sum(function, count, *args):
    """The sum of function(i, *args) over i < count, in blocks that fit into memory."""
    args = [np.asarray(arg, dtype=float)[..., None] for arg in args]
    block = max(1, 2**18 // max(1, np.broadcast(*args).size))
    total = 0.0
    for start in range(0, count, block):
        nodes = np.arange(start, min(start + block, count), dtype=float)
        total = total + np.sum(function(nodes, *args), axis=-1)
    return total'''

SPAN = '''def _span(function, first, last, *args):
    """The sum of function(n, *args) over first <= n <= last; what lies outside an element's own range adds nothing."""
    last = np.where(np.isfinite(last), last, first)
    return sum(function(float(n), *args) for n in range(int(np.min(first)), int(np.max(last)) + 1))'''


class Numpy(Arrays):
    infinity, nan = "np.inf", "np.nan"
    imports = ("import numpy as np",)
    helpers = (CHOOSE, SUM, SPAN)
    where = "np.where"
    conjunction = "&"
    decorator = '@np.errstate(all="ignore")'
    functions = {
        "exp": "np.exp", "log": "np.log", "sqrt": "np.sqrt", "abs": "np.abs", "sin": "np.sin", "cos": "np.cos",
        "atan": "np.arctan", "floor": "np.floor", "min": "np.minimum", "max": "np.maximum", "pow": "np.power",
    }  # fmt: skip

    def whole(self, text: str) -> str:
        return f"np.asarray({text}).astype(int)"

    def table(self, node: Table) -> list[str]:
        return [f"{self.table_name(node.name)} = np.array([", *self.rows(node.values), "])"]

    def entry(self, node: Function) -> list[str]:
        first = node.params[: len(node.params) - len(node.defaults)]
        return [f"{self.indent}{p} = np.asarray({p}, dtype=float)" for p in first]


TARGETS.register(Target("numpy", "_numpy.py", lambda work: Numpy(build(work)).text(), drivers.numpy))
