"""The text of a kernel, whatever its language: what is lowered from the neurons' one statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ikun_sym.expressions.lowering import lower
from ikun_sym.gaussian.moment import integrand

from .source_text import Code
from .statement import VARIABLES, Statement


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """`functions`: f' as slope_at(x, …) and, of smooth neurons, f as fire_at(x, …); `arguments` are what they take beside x.
    `statement`: the neuron's expressions by name. `unpacked`: names of constants, whose `values` the kernel is given."""

    functions: str
    statement: Mapping[str, str]
    arguments: str
    unpacked: tuple[str, ...]
    values: list[float]


def lowered(statement: Statement, arithmetic: Any, piecewise: Callable[..., str]) -> Lowered:
    """The neurons in the words of `arithmetic`; `piecewise` writes a function of x in its language.

    Error (KeyError or IkunError): a function that the language has no name for.
    """
    bound, constants = statement.neuron.surrogate, statement.constants
    parameters = {symbol: Code(f"p{k}") for k, symbol in enumerate(bound.environment)}
    functions = piecewise("slope_at", integrand(bound, "fprime", 1), arithmetic, parameters)
    if statement.smooth:
        functions += piecewise("fire_at", integrand(bound, "f", 1), arithmetic, parameters)
    env = {symbol: Code(symbol.name) for symbol in (*VARIABLES.values(), *constants)}
    return Lowered(
        functions=functions,
        statement={name: lower(expr, arithmetic)(env).text for name, expr in statement.expressions.items()},
        arguments="".join(f", {code.text}" for code in parameters.values()),
        unpacked=(*(symbol.name for symbol in constants), *(code.text for code in parameters.values())),
        values=[*constants.values(), *(float(value) for value in bound.environment.values())],
    )


def filled(template: str, words: Mapping[str, str]) -> str:
    """`template` with each @NAME@ replaced."""
    for name, value in words.items():
        template = template.replace(f"@{name}@", value)
    return template
