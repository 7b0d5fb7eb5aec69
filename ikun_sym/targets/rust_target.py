"""Target `rust`: a module without dependencies."""

from __future__ import annotations

from . import drivers
from .build import build
from .c_family import Braces
from .printer import TERNARY, digits17
from .program import Constant, Function, Select, Table
from .target import TARGETS, Target

METHODS = {
    "exp": "exp",
    "log": "ln",
    "sqrt": "sqrt",
    "abs": "abs",
    "sin": "sin",
    "cos": "cos",
    "atan": "atan",
    "floor": "floor",
}
METHODS |= {"min": "min", "max": "max", "pow": "powf"}


class Rust(Braces):
    infinity, nan = "f64::INFINITY", "f64::NAN"
    counter = "{0} in {1}..{2}"
    parentheses = False
    functions = {name: f"f64::{method}" for name, method in METHODS.items()}

    def function_name(self, name: str) -> str:
        return name.lstrip("_")

    def table_name(self, name: str) -> str:
        return name.lstrip("_").upper()

    def select(self, node: Select) -> tuple[str, int]:
        return (
            f"if {self.plain(node.condition)} {{ {self.plain(node.then)} }} else {{ {self.plain(node.other)} }}",
            TERNARY,
        )

    def whole(self, text: str) -> str:
        return f"({text}) as usize" if not text.isidentifier() else f"{text} as usize"

    def declaration(self, name: str, changes: bool) -> str:
        return f"let mut {name}" if changes else f"let {name}"

    def idle(self, name: str) -> str:
        return f"_{name}"

    def as_float(self, name: str) -> str:
        return f"f64::from({name})"

    def constant(self, node: Constant) -> list[str]:
        return [f"/// {node.comment}", f"pub const {node.name}: f64 = {digits17(node.value)};"]

    def table(self, node: Table) -> list[str]:
        head = f"const {self.table_name(node.name)}: [f64; {len(node.values)}] = ["
        return [head, *self.rows(node.values), "];"]

    def define(self, node: Function) -> list[str]:
        unused = set(self.unused(node))
        params = ", ".join(f"{'_' if p in unused else ''}{p}: f64" for p in node.params)
        visible = "pub fn" if node.public else "fn"
        return [
            f"/// {node.doc}",
            f"{visible} {self.function_name(node.name)}({params}) -> f64 {{",
            *self.body(node),
            f"{self.indent}{self.plain(node.result)}",
            "}",
        ]


TARGETS.register(Target("rust", ".rs", lambda work: Rust(build(work)).text(), drivers.rust))
