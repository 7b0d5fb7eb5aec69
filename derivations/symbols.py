"""The symbols of the derivations' formulas, one line each. The glossary lists those that are used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ikun_sym.catalogue.surrogates import SURROGATES
from ikun_sym.gaussian.form import latex

from .document import Document

MEANINGS = {
    r"\mathbb{E}": "expectation",
    r"\mathbb{P}": "probability",
    r"\operatorname{Var}": "variance",
    r"\mathrm{Var}": "variance",
    r"\operatorname{Cov}": "covariance",
    r"\operatorname{Re}": "real part",
    r"\operatorname{Im}": "imaginary part",
    r"\operatorname{sd}": "standard deviation",
    r"\mathcal{N}": "the normal law with the given mean and variance",
    r"\mathbb{R}": "the real numbers",
    r"\mathbb{Z}": "the whole numbers",
    r"\mathbb{C}": "the complex numbers",
    r"\varphi": "the standard normal density, exp(−a²/2)/√(2π)",
    r"\varphi_2": "the density of two standard normal variables of correlation ρ",
    r"\Phi": "the standard normal distribution function",
    "Q": "the upper tail of the standard normal law, Q(a) = P(N(0, 1) > a)",
    r"\operatorname{erf}": "the error function, 2/√π ∫₀ˣ exp(−t²) dt",
    r"\operatorname{erfc}": "its complement, 1 − erf",
    r"\operatorname{erfi}": "the imaginary error function, 2/√π ∫₀ˣ exp(t²) dt",
    r"\operatorname{Ei}": "the exponential integral, −∫_{−x}^∞ e^{−t}/t dt (principal value)",
    "w": "the Faddeeva function, w(z) = exp(−z²) erfc(−iz)",
    "T": "with an index: the integral T_s(a, z) = ∫ₐ^∞ e^{−t²} (t + z)^{−s} dt; without: a number of time steps",
    "U": "Tricomi's confluent hypergeometric function U(a, b, z)",
    "Z": "a standard normal variable",
    r"\theta": "threshold of the neuron",
    r"\kappa": "leak of the membrane; 1 is no leak",
    "H": "membrane potential before the spike test",
    "V": "membrane potential after the reset",
    "S": "spike, 0 or 1",
    "I": "input current, the weighted sum of a neuron's inputs",
    "W": "weight",
    "x": "argument of the surrogate, membrane potential minus threshold; or a variable",
    "X": "the same as a Gaussian variable of mean μ and variance v",
    r"\mu": "mean of X; a threshold enters as μ = −θ",
    "v": "variance of X, or of the membrane potential",
    "u": "|x|, or a variable of integration",
    "f": "the surrogate's primitive; f' is the surrogate, which stands in for the derivative of the spike",
    "m_2": "E[f'(H − θ)²]",
    "m_4": "E[f'(H − θ)⁴]",
    r"\sigma_W": "standard deviation of the weights",
    r"\sigma_X": "Theorem 1's σ_X: its square is the variance of the layer's input, or its second moment",
    r"\sigma_H": "standard deviation of the membrane potential",
    r"\alpha": "the constant of Theorem 1",
    r"\chi": "factor by which a layer multiplies the gradient's second moment",
    "n": "width, the number of a layer's neurons",
    r"n_{\mathrm{in}}": "fan-in, inputs of a neuron",
    r"n_{\mathrm{out}}": "fan-out, neurons that an input feeds",
    "K": "gain, fan-in times the weights' variance; K[t, s] is the currents' covariance in time",
    r"K_{\mathrm{out}}": "fan-out times the weights' variance",
    "p": "firing rate",
    "q": "variance of the membrane potential of a layer",
    "a": "threshold in units of the membrane potential's standard deviation, θ/σ_H",
    "C": "backward factor at the forward-stationary weights, as a function of q",
    "G": "covariance of the gradients in time, or their squared norm",
    r"\delta": "gradient of the loss with respect to what follows it",
    "c_j": "coefficients of a finite sum, given in the code",
    r"\Lambda": "rate of decay of an exponential term",
    "r": "place within a cell of a periodic surrogate, or a ratio",
    "z": "variable of integration",
    "s": "standard deviation, or slope of the forward map at its fixed point",
    r"\beta": "variance of the logarithm of the gradient's squared norm over draws of the weights",
    "y": "a variable",
    "b": "a variable",
    "t": "time step, or a variable of integration",
}
"""LaTeX to meaning, in the order of the glossary. If an indexed symbol is not listed, its letter counts: H_1 is H."""

LOCAL = {
    "theorem-1": {
        "m": "mean of an input",
        "s": "its variance",
        "r": "share of neurons that are silent, 1 − p",
    },
    "smooth-forward": {
        "V": "variance of f",
        "D": "mean of f'",
        "C": "covariance of f(X) and X",
        "m": "mean of f",
        "k": "order of a Hermite coefficient",
        "c": "Hermite coefficient of f",
        "w": "density of X",
    },
    "self-consistency": {r"\mathrm{slope}": "the constant f' of the straight-through estimator"},
    "critical-scale": {
        "c": "gain in units of θ² at a fixed point, as a function of a; c* is its least value",
        "E": "the function whose sign is that of the derivative of c",
        "s": "slope of the forward map at its fixed point",
    },
    "rate-targeted": {
        "k": "slope of the surrogate",
        "g": "shape of the surrogate, without its slope",
        "c": "c* θ² is the least gain at which activity survives",
        "w": "density of N(−θ, σ_H²)",
        "r": "fan-out over fan-in",
        "d": "how fast the shape falls",
    },
    "joint": {
        "M": "a bound of f'²",
        "N": "q E[f'(H − θ)²], the numerator of C",
        "h": "the inverse Mills ratio, φ(a)/Q(a)",
        "n": "a variable of substitution",
        "s": "standard deviation of the membrane potential",
        "r": "a ratio",
    },
    "released-code": {
        "k": "number of a point of the grid",
        r"\bar{g}": "the number by which the released code divides",
        r"\sigma_{v1}": "standard deviation of the released code's weights, first version",
        r"\sigma_{v2}": "the same, second version",
    },
    "lif-over-time": {
        r"\tau": "derivative of a step's membrane potential in the last one's",
        "A": "matrix of the adjoint, δH = A δS",
        r"\mathrm{charge}": "the neuron's statement for h, in v and i",
        r"\mathrm{reset}": "the neuron's statement for v, in h and S",
        "L": "probability of an orthant, P(X ≥ h, Y ≥ k)",
        r"\rho": "correlation of two standard normal variables",
        "h": "membrane potential before the spike test; bound of an orthant",
        "k": "bound of an orthant",
        "i": "input current",
        "s": "spike; a time step",
    },
    "convolutions": {
        "k": "taps of the kernel along one axis",
        "m": "stride",
        "n": "positions along one axis",
        "d": "number of axes",
        "x": "position",
        "y": "position",
        r"\tau": "place of a tap relative to its neuron",
        "G": "a gradient's second moment",
    },
    "zero-padding": {
        "k": "taps of the kernel along one axis",
        "n": "positions along one axis",
        "d": "number of axes",
        "s": "smallest share of a kernel's taps that is inside the map; a rate of integration",
        "x": "position",
        "y": "position, or a multiple of ψ",
        "r": "firing rate as a function of the position",
        "J_{x y}": "share of the taps of the neuron at x that see y",
        r"\psi": "angle by which the slowest pattern of a map turns from position to position",
        "v": "weights of the slowest pattern",
        r"\lambda": "share that the slowest pattern keeps per axis",
        r"\mathcal{E}": "energy of the rates of all positions",
        "M": "the function whose sign is that of the energy of activity",
        "c": "gain in units of θ² at a fixed point; c* its least value, c_0 that of energy 0",
    },
    "pooling": {
        "w": "positions in a window",
        "X": "what a pool sends on",
        "i": "place in a window",
        "j": "place in a window",
        "p_2": "probability that two positions of a window fire together",
        "e": "probability that one fires and a given other does not",
        "m_i": "share of the window's gradient that position i gets, 0 or 1",
    },
    "residual-blocks": {
        "x": "what the shortcut carries: a sum of spikes, or a current",
        "y": "what comes back to a weight",
        "m": "mean of what the shortcut carries",
        "M": "its second moment",
        "I_2": "integral of f'² over all x",
        "l": "number of a block",
        "L": "number of blocks",
        "n": "number of blocks",
        "c": "exponent with which the gradient grows",
        r"\Gamma": "the gamma function, Γ(n + 1) = n!",
        "u": "a positive number; mean rate of the blocks so far",
        "r": "rate of the next block",
    },
    "recurrence": {
        "x": "input of the layer",
        "R": "recurrent weight",
        r"\sigma_R": "standard deviation of the recurrent weights",
        r"K_{\mathrm{rec}}": "width times the recurrent weights' variance",
        "C": "covariance of a layer's currents over the steps",
        "G": "gradient from the layer above",
        "a": "K m₂, the gradient's factor from layer to layer",
        "b": "K_rec m₂, its factor from step to step",
        "g": "the gradient's second moment l layers below the loss, by the steps that are still to come",
        "j": "number of steps that are still to come",
        "l": "number of layers",
        "L": "number of layers",
        "c": "recurrent share of a whole network",
        "u": "a positive number",
        "z": "a variable whose powers count steps",
        "p_1": "firing rate at the first step",
        "s": "a step",
    },
    "finite-width": {
        r"\varepsilon": "relative deviation of a layer's factor from its mean",
        r"\xi": "deviation of a layer's rate from its mean, given the layer below",
        r"\hat{p}": "fraction of a layer's neurons that fire",
        r"\sigma": "standard deviation of the firing rate over draws",
        r"\eta": "relative deviation of a layer's spike count from its mean",
        "D": "logarithmic slope of m₂ against Var(H)",
        "y": "f'² of a neuron",
        "J": "number of layers after this one that count",
        "C": "what a layer's relative deviation moves log m₂ by, over all layers after it",
    },
}
"""Document to the symbols to which it gives its own meaning."""

FUNCTIONS = ("w", "T", "U")
"""Letters that are functions in closed forms and may also be a surrogate's parameter."""

FEW = 4
"""At most this many surrogates are named if they share the letter of a parameter."""

_SIGNS = r"""
    frac tfrac sqrt cdot times pm in notin to mapsto iff leq geq neq approx sim propto quad qquad dots ldots cdots infty int sum
    prod partial pi exp log ln sin cos tan atan arctan arcsin sinh cosh tanh max min lim sup inf bmod setminus top prime ll gg
    lfloor rfloor lceil rceil langle rangle mid colon forall cup cap circ big Big bigl bigr Bigl Bigr limits nolimits
    d e i j l O
"""
STRUCTURE = frozenset(_SIGNS.split())
"""Commands and letters that need no explanation: signs, well-known functions, d, e, i, O, indices."""


@dataclass(frozen=True)
class Symbol:
    """`latex`: as in formulas, without exponent. `meaning`: prose. `order`: place in the glossary. `document`: the only
    document with this meaning, if there is only one."""

    latex: str
    meaning: str
    order: int = 0
    document: str = ""

    @property
    def anchor(self) -> str:
        """Permanent HTML anchor."""
        name = "-".join(re.findall(r"[A-Za-z0-9]+", self.latex))
        return f"symbol-{name}" + (f"-in-{self.document}" if self.document else "")


@cache
def symbols(document: str = "") -> dict[str, Symbol]:
    """LaTeX to its symbol in a document; the document's own meanings override the common ones."""
    known = {name: Symbol(name, meaning, order) for order, (name, meaning) in enumerate(MEANINGS.items())}
    own = LOCAL.get(document, {}) | (_parameters() if document == "gaussian-moments" else {})
    return known | {name: Symbol(name, told, len(known) + i, document) for i, (name, told) in enumerate(own.items())}


def _parameters() -> dict[str, str]:
    """The parameters of the surrogates, for the document of their moments."""
    users: dict[str, list[str]] = {}
    for surrogate in SURROGATES:
        for param in surrogate.params:
            users.setdefault(_plain(latex(param.symbol)), []).append(surrogate.name)
    told = {name: ", ".join(by) if len(by) <= FEW else f"{len(by)} surrogates" for name, by in users.items()}
    return {name: f"a parameter of {by}" + (f"; or {MEANINGS[name]}" if name in FUNCTIONS else "") for name, by in told.items()}


_INDEX = r"_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[^\\{}\s])"
_ATOM = re.compile(
    r"\\text\{[^{}]*\}|\\(?:begin|end)\{[a-z*]+\}(?:\{[a-z]*\})?|\\(?:left|right)(?![a-z])"
    r"|(?P<base>\\(?:mathbb|mathcal|mathrm|operatorname|hat|bar|tilde)\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z])"
    rf"'*(?:\^(?:\{{[^{{}}]*\}}|\\[A-Za-z]+|[^\\{{}}\s]))?(?P<index>{_INDEX})?"
)


def atoms(formula: str) -> Iterator[str]:
    """The symbols in a formula, with index but without exponent: \\sigma_X, n_{\\mathrm{in}}, \\operatorname{erfc}."""
    for found in _ATOM.finditer(formula):
        if found["base"]:
            yield _plain(found["base"] + (found["index"] or ""))


def _plain(name: str) -> str:
    """An index of one letter without its braces."""
    return re.sub(r"_\{([A-Za-z0-9])\}", r"_\1", name)


def known(atom: str, document: str) -> Symbol | None:
    """The symbol for the atom in the document: looked up as it is, then without its index."""
    table = symbols(document)
    return table.get(atom) or table.get(atom.partition("_")[0])


def strangers(document: Document) -> set[str]:
    """Symbols in the document's formulas that the glossary does not explain."""
    bare = {
        atom: re.sub(r"\\operatorname\{(\w+)\}", r"\1", atom).partition("_")[0].lstrip("\\") for atom in _atoms_of(document)
    }
    return {atom for atom, name in bare.items() if name not in STRUCTURE and known(atom, document.id) is None}


def used_by(document: Document) -> tuple[Symbol, ...]:
    """The symbols in the document's formulas, in the order of the glossary."""
    found = {known(atom, document.id) for atom in _atoms_of(document)} - {None}
    return tuple(sorted((symbol for symbol in found if symbol), key=lambda symbol: symbol.order))


def _atoms_of(document: Document) -> set[str]:
    return {atom for statement in document.statements for formula in statement.formulas for atom in atoms(formula)}
