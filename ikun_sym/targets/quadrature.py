"""E[f'ᵖ] at any mean as a fixed-node sum: functions of the intermediate program.

Every piece is split where the density is largest. Each part is integrated by the tanh-sinh rule. Its nodes
crowd at both ends, so it resolves a kink at one end and a narrow density at the other. The rule has `NODES` fixed nodes for
every setting, and needs only f' and exp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .program import Binary, Call, Expression, Function, Let, Name, Select, Statement, Sum, apply, number

STEPS_PER_UNIT, EXTENT = 112, 4
NODES = 2 * STEPS_PER_UNIT * EXTENT + 1
REACH = 12.0
"""Standard deviations (of the density) kept outwards: beyond, the density is below e^{-72} of its largest value."""
INWARDS = 40.0
"""Standard deviations kept towards the threshold: beyond, the density is below the smallest float64."""

NODE_PARAMS = ("i", "power", "base", "outward", "length", "gap", "sigma")
ZERO, ONE, HALF = number(0), number(1), number(0.5)


def name(text: str) -> Name:
    return Name(text)


def less(left: Expression, right: Expression) -> Binary:
    return Binary("<", left, right)


def raised(value: Expression) -> Expression:
    """value to the power 1, 2 or 4, as `power` says."""
    square = name("square")
    return Select(less(name("power"), number(1.5)), value, Select(less(name("power"), number(3)), square, square * square))


def term(label: str, params: Sequence[str], lets: Sequence[Let], value: Expression, origin: bool) -> Function:
    """One node's contribution: f'(u)ᵖ e^{−z²/2} times its weight. `lets`, `value`: in u, and in r, where u = origin + r."""
    t = Binary("-", name("i"), number(STEPS_PER_UNIT * EXTENT)) / number(STEPS_PER_UNIT)
    body: list[Statement] = [
        Let("t", t),
        Let("rise", apply("exp", name("t"))),
        Let("sinh_t", HALF * (name("rise") - ONE / name("rise"))),
        Let("cosh_t", HALF * (name("rise") + ONE / name("rise"))),
        Let("grow", apply("exp", number(math.pi) * name("sinh_t"))),
        Let("far", ONE / (ONE + name("grow"))),
        Let("near", name("grow") * name("far")),
        Let("weight", number(math.pi / STEPS_PER_UNIT) * name("cosh_t") * name("near") * name("far")),
        Let("place", Select(less(ZERO, name("outward")), name("near"), name("far"))),
        Let("r" if origin else "u", name("base") + name("length") * name("place")),
        *([Let("u", name("origin") + name("r"))] if origin else []),
        Let("z", (name("gap") + name("length") * name("near")) / name("sigma")),
        *lets,
        Let("value", value),
        Let("square", name("value") * name("value")),
    ]
    result = raised(name("value")) * apply("exp", -(HALF * name("z") * name("z"))) * name("weight")
    extra = ("origin",) if origin else ()
    return Function(f"_term_{label}", (*NODE_PARAMS, *extra, *params), tuple(body), result, "One node's share.")


def part(label: str, params: Sequence[str], origin: bool) -> Function:
    """∫ over one piece lo < u < hi of f'ᵖ times the density of mean m and deviation sigma."""
    extra = ("origin",) if origin else ()
    m, lo, hi, sigma = (name(x) for x in ("m", "lo", "hi", "sigma"))
    width = number(REACH) * sigma
    reach = width * (width / (apply("sqrt", name("gap") * name("gap") + width * width) + name("gap")))

    def total(label_of: str, base: Expression, outward: float, length: str, gap: Expression) -> Sum:
        passed = (name("power"), base, number(outward), name(length), gap, sigma, *(name(x) for x in (*extra, *params)))
        return Sum(label_of, f"_term_{label}", NODES, passed, when=less(ZERO, name(length)))

    body: tuple[Statement, ...] = (
        Let("top", apply("min", apply("max", m, lo), hi)),
        Let("gap", apply("abs", m - name("top"))),
        Let("reach", reach),
        Let("out", apply("max", apply("min", hi - name("top"), name("reach")), ZERO)),
        Let("back", apply("max", apply("min", name("top") - lo, number(INWARDS) * sigma), ZERO)),
        total("outwards", name("top"), 1.0, "out", name("gap")),
        # the end itself, not a difference of large numbers, which loses digits: f' may be nonzero only very close to it
        total("inwards", apply("max", lo, name("top") - number(INWARDS) * sigma), -1.0, "back", name("gap")),
    )
    result = (name("out") * name("outwards") + name("back") * name("inwards")) / (sigma * number(math.sqrt(2 * math.pi)))
    return Function(f"_part_{label}", ("power", "m", "lo", "hi", "sigma", *extra, *params), body, result, "One piece's share.")


def called(label: str, *args: Expression) -> Call:
    return Call(f"_part_{label}", args)
