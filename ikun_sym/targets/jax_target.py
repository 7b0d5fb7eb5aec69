"""Target `jax`: one module that needs jax only: pure functions (jit, vmap), and the spike with its surrogate gradient."""

from __future__ import annotations

from . import drivers
from .build import build
from .program import Expression, Function, Loop, Table
from .python_family import Arrays
from .target import TARGETS, Target

CHOOSE = """def _choose(condition, first, second):
    return jnp.where(condition, first(), second())"""

SUM = '''def _sum(function, count, *args):
    """The sum of function(i, *args) over i < count."""
    args = [jnp.asarray(arg, dtype=float)[..., None] for arg in args]
    return jnp.sum(function(jnp.arange(count, dtype=float), *args), axis=-1)'''

SPAN = '''def _span(function, first, last, *args):
    """The sum of function(n, *args) over first <= n <= last; what lies outside an element's own range adds nothing."""
    low, high = jnp.min(first).astype(int), jnp.max(jnp.where(jnp.isfinite(last), last, first)).astype(int)
    zero = 0.0 * function(1.0 * low, *args)
    return jax.lax.fori_loop(low, high + 1, lambda n, total: total + function(1.0 * n, *args), zero)'''

AFTER = '''


@jax.custom_jvp
def spike(x{signature}):
    """1 where x >= 0, else 0; the derivative with respect to x is f'(x)."""
    return jnp.where(x >= 0, 1.0, 0.0).astype(jnp.result_type(x))


@spike.defjvp
def _spike_jvp(primals, tangents):
    value = spike(*primals)
    return value, (derivative(*primals) * tangents[0]).astype(value.dtype)


def init(key, shape, threshold=1.0, alpha_ikun=1.0{signature}, dtype=float):
    """A weight of this shape from N(0, self_consistent_variance(fan_in, ...)), fan_in = the product of shape[:-1].

    sigma_X^2 of Theorem 1 is the second moment of the spikes: ikun init --scheme ikun-second-moment. --scheme ikun takes their
    variance, and gives larger weights.
    """
    fan_in = 1
    for size in shape[:-1]:
        fan_in *= size
    variance = self_consistent_variance(fan_in, threshold, alpha_ikun{passed})
    return jnp.sqrt(variance).astype(dtype) * jax.random.normal(key, shape, dtype)'''


class Jax(Arrays):
    infinity, nan = "jnp.inf", "jnp.nan"
    imports = ("import jax", "import jax.numpy as jnp")
    helpers = (CHOOSE, SUM, SPAN)
    where = "jnp.where"
    conjunction = "&"
    functions = {
        "exp": "jnp.exp", "log": "jnp.log", "sqrt": "jnp.sqrt", "abs": "jnp.abs", "sin": "jnp.sin", "cos": "jnp.cos",
        "atan": "jnp.arctan", "floor": "jnp.floor", "min": "jnp.minimum", "max": "jnp.maximum", "pow": "jnp.power",
    }  # fmt: skip

    def header(self) -> list[str]:
        note = (
            "# In float64 if jax is told so: jax.config.update('jax_enable_x64', True); else in float32, as right as that is."
        )
        return [*super().header(), note]

    def whole(self, text: str) -> str:
        return f"jnp.asarray({text}).astype(int)"

    def table(self, node: Table) -> list[str]:
        # converted to an array at each use: at import time jax may not yet be set to float64
        return [f"{self.table_name(node.name)} = (", *self.rows(node.values), ")"]

    def expression(self, node: Expression) -> tuple[str, int]:
        text, level = super().expression(node)
        head, bracket, rest = text.partition("[")
        if bracket and head.startswith("_") and head.isupper():
            return f"jnp.asarray({head}, dtype=float)[{rest}", level
        return text, level

    def entry(self, node: Function) -> list[str]:
        if node.name == "derivative":
            return [f"{self.indent}x = jnp.asarray(x)"]
        first = node.params[: len(node.params) - len(node.defaults)]
        return [f"{self.indent}{p} = jnp.asarray({p}, dtype=float)" for p in first]

    def loop(self, node: Loop, depth: int) -> list[str]:
        """A loop that jax compiles as a loop, without unrolling it."""
        pad, inner = self.indent * depth, self.indent * (depth + 1)
        state = ", ".join(node.state)
        return [
            f"{pad}def turn({node.index}, state):",
            f"{inner}{state} = state",
            *self.loop_body(node, depth + 1),
            f"{inner}return {state}",
            f"{pad}{state} = jax.lax.fori_loop({node.start}, {node.stop}, turn, ({state}))",
        ]

    def after(self) -> list[str]:
        names = [name for name, _ in self.program.parameters]
        return [
            AFTER.format(
                passed="".join(f", {name}" for name in names),
                signature="".join(f", {name}={value!r}" for name, value in self.program.parameters),
            )
        ]


TARGETS.register(Target("jax", "_jax.py", lambda work: Jax(build(work)).text(), drivers.jax, subnormals=False))
