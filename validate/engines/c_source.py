"""The layer's step and its adjoint as one C function each, written from the same statements as everything else.

A block of neurons of one sample is carried through all steps while its membrane stays in the cache: every array is read
or written once. The sums that are observed are taken on the way, in the precision of the membrane within a block and in
double between blocks.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from ikun_sym.catalogue.piecewise import PiecewiseFunction, R, U
from ikun_sym.expressions.lowering import lower
from ikun_sym.expressions.vocabulary import Function

from .kernel_source import filled, lowered
from .source_text import ATOM, PRODUCT, Code, SourceArithmetic
from .statement import Statement

BLOCK = 1024
"""Neurons carried together: two float arrays of this size fit the first cache."""


class CArithmetic(SourceArithmetic):
    """C in a floating type `real`; F(name) is the math function of that type."""

    def __init__(self) -> None:
        super().__init__(spelling="python", pi="((real)M_PI)", sqrt="F(sqrt)", power="whole_power")
        self.functions: set[str] = set()

    def rational(self, value: Fraction) -> Code:
        return Code(f"((real){float(value)!r})")

    def power(self, base: Code, exponent: Fraction) -> Code:
        if exponent < 0:
            return Code(f"((real)1.0) / {self.power(base, -exponent).at(ATOM)}", PRODUCT)
        if exponent.denominator not in (1, 2) or (exponent.denominator == 2 and exponent != Fraction(1, 2)):
            return self.raised(base, self.rational(exponent))
        return super().power(base, exponent)

    def raised(self, base: Code, exponent: Code) -> Code:
        self.functions.add("pow")
        return Code(f"F(pow)({base.text}, {exponent.text})")

    def call(self, function: Function, args: list[Any]) -> Code:
        name = super().call(function, args).text.partition("(")[0].removeprefix("math.")
        self.functions.add(name)
        return Code(f"F({name})({', '.join(arg.text for arg in args)})")


def _piecewise(name: str, function: PiecewiseFunction, arithmetic: CArithmetic, env: dict[sp.Symbol, Code]) -> str:
    """A C function of x and the parameters. Every piece is evaluated and one is chosen: no branch, so it vectorises."""
    env = {**env, U: Code("u"), R: Code("r")}
    lines = ["const real u = F(fabs)(x);"]

    def text(expr: sp.Expr) -> str:
        return lower(expr, arithmetic)(env).text

    def chosen(target: str, at: str, steps: list[tuple[str, str]]) -> None:
        lines.append(f"real {target} = {steps[0][1]};")
        for start, value in steps[1:]:
            lines.append(f"{{ const real here = {value}; {target} = {at} >= {start} ? here : {target}; }}")

    for side, target in ((1, "right"), (-1, "left")):
        if side == -1 and function.is_even:
            break
        steps = [(text(piece.lo), text(piece.value)) for piece in function.side(side)]
        tail = function.tail(side)
        if tail is None:
            chosen(target, "u", steps)
            continue
        starts = ["0", *(text(end) for end, _ in tail.cell[:-1])]
        lines.append(f"real {target};")
        lines.append("{")
        lines.append(f"const real period = {text(tail.period)}, beyond = u - {lower(tail.start, arithmetic)(env).at(ATOM)};")
        lines.append("real r = beyond - F(floor)(beyond / period) * period;")
        lines.append("r = r < 0 ? 0 : r > period ? period : r;")
        chosen("cell", "r", list(zip(starts, (text(value) for _, value in tail.cell), strict=True)))
        if steps:
            chosen("near", "u", steps)
        lines.append(f"{target} = beyond >= 0 || {int(not steps)} ? cell : {'near' if steps else 'cell'};")
        lines.append("}")
    lines.append("return right;" if function.is_even else "return x >= 0 ? right : left;")
    parameters = "".join(f", const real {code.text}" for symbol, code in env.items() if symbol not in (U, R))
    return f"static inline real {name}(const real x{parameters}) {{\n    " + "\n    ".join(lines) + "\n}\n"


def source(statement: Statement) -> tuple[str, list[float]]:
    """The C text, free of the values of the neuron's constants and of parameters, and those values in the order it wants them.

    Error (KeyError or IkunError): a function that C has no name for.
    """
    arithmetic = CArithmetic()
    found = lowered(statement, arithmetic, _piecewise)
    fill = {
        **(_SECOND_STATE if statement.adapts else _ONE_STATE),
        **found.statement,
        "DECLARED": "\n".join(
            f"VECTOR real F({name})(real{', real' if name == 'pow' else ''});" for name in sorted(arithmetic.functions)
        ),
        "FUNCTIONS": found.functions,
        "UNPACK": " ".join(f"const real {name} = (real)constants[{k}]; (void){name};" for k, name in enumerate(found.unpacked)),
        "FIRE": f"fire_at(x{found.arguments})" if statement.smooth else "(real)(x >= 0)",
        "SLOPE": f"slope_at(x{found.arguments})",
        "BLOCK": str(BLOCK),
    }
    return filled(_TEMPLATE, fill), found.values


_ONE_STATE = {
    "STATE": "",
    "BEGIN": "",
    "LOAD": "",
    "ADAPT": "",
    "TRACE": "(void)trace;",
    "RECALL": "",
    "TOTAL": "const real total = slope * (scale * load(grad_s[at + j])) + vs[j] * ((@dv_dh@) + (@dv_ds@) * slope);",
}
_SECOND_STATE = {
    "STATE": ", as[@BLOCK@]",
    "BEGIN": "memset(as, 0, sizeof as);",
    "LOAD": "const real a = as[j];",
    "ADAPT": "as[j] = @adapt@;",
    "TRACE": r"""
        memset(as, 0, sizeof as);
        for (int64_t t = 0; t < steps; t++) {
            const int64_t at = t * stride + k / blocks * width + first;
#pragma omp simd
            for (int64_t j = 0; j < size; j++) {
                const real a = as[j], h = membrane[at + j], x = h - (@fires_at@), s = @FIRE@;
                (void)s;
                trace[at + j] = a; as[j] = @adapt@;
            }
        }
        memset(as, 0, sizeof as);""",
    "RECALL": "const real a = trace[at + j];",
    "TOTAL": r"""const real here = slope * (scale * load(grad_s[at + j]) + vs[j] * (@dv_ds@) + as[j] * (@da_ds@));
                const real total = here + vs[j] * (@dv_dh@) + as[j] * (@da_dh@);
                as[j] = vs[j] * (@dv_da@) + as[j] * (@da_da@) - (@raised@) * here + (@back_a@) * total;""",
}
"""What a second state adds. `trace` is where the adjoint keeps it, before each step, for the way back."""

_TEMPLATE = r"""
@DECLARED@
static inline real whole_power(const real x, const int k) { real r = x; for (int j = 1; j < k; j++) r *= x; return r; }
@FUNCTIONS@
/* arrays [steps][samples][width]; sums [steps][samples][blocks]; currents of two steps are `pace` apart */
void forward(const stored *current, real *membrane, stored *spikes, double *power, double *activity, const int64_t pace,
             const double *constants, const int64_t steps, const int64_t samples, const int64_t width, const int threads) {
    const int64_t blocks = (width + @BLOCK@ - 1) / @BLOCK@, stride = samples * width;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t k = 0; k < samples * blocks; k++) {
        const int64_t first = k % blocks * @BLOCK@, size = width - first < @BLOCK@ ? width - first : @BLOCK@;
        real vs[@BLOCK@], cs[@BLOCK@]@STATE@;
        @UNPACK@
        memset(vs, 0, sizeof vs); memset(cs, 0, sizeof cs); @BEGIN@
        for (int64_t t = 0; t < steps; t++) {
            const int64_t at = t * stride + k / blocks * width + first;
            const stored *driven = current + (at - t * stride) + t * pace;
            real squares = 0, total = 0;
#pragma omp simd reduction(+ : squares, total)
            for (int64_t j = 0; j < size; j++) {
                const real i = load(driven[j]);
                real c = cs[j]; const real v = vs[j]; @LOAD@
                c = @current@;
                cs[j] = c;
                const real h = @charge@, x = h - (@fires_at@), s = @FIRE@;
                vs[j] = @after@; @ADAPT@
                membrane[at + j] = h; spikes[at + j] = store(s);
                squares += h * h; total += s;
            }
            power[t * samples * blocks + k] = squares; activity[t * samples * blocks + k] = total;
        }
    }
}

void adjoint(const real *membrane, const stored *grad_s, stored *grad_i, double *power, real *trace, const double scale_,
             const double *constants, const int64_t steps, const int64_t samples, const int64_t width, const int threads) {
    const int64_t blocks = (width + @BLOCK@ - 1) / @BLOCK@, stride = samples * width;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t k = 0; k < samples * blocks; k++) {
        const int64_t first = k % blocks * @BLOCK@, size = width - first < @BLOCK@ ? width - first : @BLOCK@;
        real vs[@BLOCK@], cs[@BLOCK@]@STATE@;
        @UNPACK@
        const real scale = (real)scale_;
        memset(vs, 0, sizeof vs); memset(cs, 0, sizeof cs); @TRACE@
        for (int64_t t = steps - 1; t >= 0; t--) {
            const int64_t at = t * stride + k / blocks * width + first;
            real squares = 0;
#pragma omp simd reduction(+ : squares)
            for (int64_t j = 0; j < size; j++) {
                @RECALL@
                const real h = membrane[at + j], x = h - (@fires_at@), s = @FIRE@, slope = @SLOPE@;
                (void)s;
                @TOTAL@
                const real c = total * (@back_c@) + cs[j] * (@back_synapse@);
                vs[j] = total * (@back_v@); cs[j] = c;
                grad_i[at + j] = store(c * (@back_i@));
                squares += total * total;
            }
            power[t * samples * blocks + k] = squares;
        }
    }
}
"""
