"""Target `torch`: one module that needs only torch: the functions, the spike with its surrogate gradient, and `init_`."""

from __future__ import annotations

from . import drivers
from .build import build
from .numpy_target import CHOOSE, SPAN
from .program import Function, Math, Table
from .python_family import Arrays
from .target import TARGETS, Target

TENSOR = '''def _tensor(value):
    """A float64 tensor, or the tensor that it is."""
    return value if isinstance(value, torch.Tensor) else torch.tensor(float(value), dtype=torch.float64)'''

WHERE = """def _where(condition, first, second):
    return torch.where(condition, _tensor(first), _tensor(second))"""

SUM = '''def _sum(function, count, *args):
    """The sum of function(i, *args) over i < count, in blocks that fit into memory."""
    args = [a.unsqueeze(-1) for a in torch.broadcast_tensors(*(_tensor(arg) for arg in args))]
    block = max(1, 2**18 // max(1, args[0].numel()))
    total = 0.0
    for start in range(0, count, block):
        nodes = torch.arange(start, min(start + block, count), dtype=torch.float64, device=args[0].device)
        total = total + function(nodes, *args).sum(-1)
    return total'''

AFTER = '''


class Spike(torch.autograd.Function):
    """1 where x >= 0, else 0; the gradient is f'(x). Call Spike.apply(x{passed_doc})."""

    @staticmethod
    def forward(ctx, x{passed}):
        ctx.save_for_backward(x)
        ctx.parameters = ({tuple_})
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return (grad * derivative(x, *ctx.parameters),{nones})


@torch.no_grad()
def init_(weight, threshold=1.0, alpha_ikun=1.0{signature}, generator=None):
    """Fill weight in place from N(0, self_consistent_variance(fan_in, ...)), fan_in = weight[0].numel(), and return it.

    sigma_X^2 of Theorem 1 is the second moment of the spikes: ikun init --scheme ikun-second-moment. --scheme ikun takes their
    variance, and gives larger weights.
    """
    if weight.ndim < 2:
        raise ValueError("init_ needs a weight with at least two dimensions")
    variance = self_consistent_variance(weight[0].numel(), threshold, alpha_ikun{passed})
    return weight.normal_(0.0, float(variance) ** 0.5, generator=generator)'''


def _translated(helper: str) -> str:
    """A helper of the target numpy, rewritten for tensors."""
    return helper.replace("np.where(condition", "_where(condition").replace("np.", "torch.")


class Torch(Arrays):
    infinity, nan = 'float("inf")', 'float("nan")'
    imports = ("import torch",)
    helpers = (TENSOR, WHERE, *(_translated(helper) for helper in (CHOOSE, SPAN)), SUM)
    where = "_where"
    conjunction = "&"
    functions = {
        "exp": "torch.exp", "log": "torch.log", "sqrt": "torch.sqrt", "abs": "torch.abs", "sin": "torch.sin",
        "cos": "torch.cos", "atan": "torch.arctan", "floor": "torch.floor", "min": "torch.minimum", "max": "torch.maximum",
        "pow": "torch.pow",
    }  # fmt: skip

    def math(self, function: str, args: list[str], node: Math) -> str:
        return f"{self.functions[function]}({', '.join(f'_tensor({arg})' for arg in args)})"

    def whole(self, text: str) -> str:
        return f"({text}).long()"

    def table(self, node: Table) -> list[str]:
        return [f"{self.table_name(node.name)} = torch.tensor([", *self.rows(node.values), "], dtype=torch.float64)"]

    def entry(self, node: Function) -> list[str]:
        if node.name == "derivative":
            return [f"{self.indent}dtype = x.dtype"]
        first = node.params[: len(node.params) - len(node.defaults)]
        return [f"{self.indent}{p} = _tensor({p})" for p in first]

    def result(self, node: Function) -> str:
        text = super().result(node)
        return f"({text}).to(dtype)" if node.name == "derivative" else text

    def after(self) -> list[str]:
        names = [name for name, _ in self.program.parameters]
        passed = "".join(f", {name}" for name in names)
        return [
            AFTER.format(
                passed=passed,
                passed_doc=passed,
                tuple_="".join(f"{name}, " for name in names).rstrip() if names else "",
                nones=" None," * len(names),
                signature="".join(f", {name}={value!r}" for name, value in self.program.parameters),
            )
        ]


TARGETS.register(Target("torch", "_torch.py", lambda work: Torch(build(work)).text(), drivers.torch))
