"""Target `python`: one module that needs only the standard library."""

from __future__ import annotations

from . import drivers
from .build import build
from .printer import COMPARISON, TERNARY
from .program import Math, Select, Span, Sum
from .python_family import PythonSyntax
from .target import TARGETS, Target

EXP = '''def _exp(x):
    """e^x, infinite where math.exp would raise."""
    return math.exp(x) if x < 709.78 else math.inf'''


class Python(PythonSyntax):
    functions = {
        "exp": "_exp", "log": "math.log", "sqrt": "math.sqrt", "abs": "abs", "sin": "math.sin", "cos": "math.cos",
        "atan": "math.atan", "floor": "math.floor", "min": "min", "max": "max", "pow": "math.pow",
    }  # fmt: skip

    def select(self, node: Select) -> tuple[str, int]:
        condition = self.plain(node.condition)
        return f"{self.at(node.then, COMPARISON)} if {condition} else {self.at(node.other, COMPARISON)}", TERNARY

    def math(self, function: str, args: list[str], node: Math) -> str:
        text = super().math(function, args, node)
        return f"float({text})" if function == "floor" else text

    def sum(self, node: Sum | Span, depth: int) -> list[str]:
        pad, args = self.indent * depth, ", ".join(self.plain(arg) for arg in node.args)
        function = self.function_name(node.function)
        if isinstance(node, Sum):
            nodes = f"range({node.count})"
        else:
            nodes = f"range(int({self.plain(node.first)}), int({self.plain(node.last)}) + 1)"
        text = f"sum({function}(float(i), {args}) for i in {nodes})"
        if isinstance(node, Sum) and node.when is not None:
            text = f"{text} if {self.plain(node.when)} else 0.0"
        return [f"{pad}{node.name} = {text}"]

    def text(self) -> str:
        whole = super().text()
        if "_exp(" not in whole and "math." not in whole:
            return whole.replace("import math\n\n", "", 1)
        if "_exp(" not in whole:
            return whole
        position = whole.find("\n\n\ndef ")
        return whole[:position] + f"\n\n\n{EXP}" + whole[position:]


TARGETS.register(Target("python", ".py", lambda work: Python(build(work)).text(), drivers.python))
