"""Run as a program that does not interpret: compiles kernels to machine code of an H100 (sm_90), which needs no GPU, and
prints a line for each. An assertion fails unless loads and stores are whole vectors and nothing is spilled."""

from __future__ import annotations

import itertools

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ikun_sym.reading.neuron import Neuron
from ikun_validate.engines.statement import Statement
from ikun_validate.engines.triton_kernel import BLOCK, _functions
from ikun_validate.engines.triton_source import source

ARRAYS = {"forward": ("current", "membrane", "spikes"), "adjoint": ("grad_s", "membrane", "trace", "grad_i")}
WIDE = ("power", "activity", "factor", "constants")
SIZES = ("width", "stride", "last")
"""Multiples of 16 in any large network, which the launcher notices."""


def compiled(kernel: object, name: str, stored: str, membrane: str, single: tuple[str, ...]) -> dict[str, str]:
    """`single`: sizes that are 1, which the launcher takes for constants."""
    names = kernel.arg_names  # type: ignore[attr-defined]
    known = dict.fromkeys(WIDE, "*fp64") | {a: f"*{membrane if a in ('membrane', 'trace') else stored}" for a in ARRAYS[name]}
    known |= dict.fromkeys(("BLOCK", *single), "constexpr")
    types = {argument: known.get(argument, "i32") for argument in names}
    whole = [a for a, kind in types.items() if kind.startswith("*") or a in SIZES]
    given = ASTSource(
        kernel,
        types,
        {"BLOCK": BLOCK} | dict.fromkeys(single, 1),
        {(names.index(argument),): [["tt.divisibility", 16]] for argument in whole},
    )
    return triton.compile(given, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": True}).asm


def main() -> None:
    kinds = (("atan", "hard", False), ("atan", "adaptive", False), ("multi_spike", "hard", False), ("sigmoid", "hard", True))
    for surrogate, reset, smooth in kinds:
        neuron = Neuron.of(surrogate=surrogate, reset=reset, leak=0.5, detach=False)
        functions = _functions(source(Statement(neuron=neuron, smooth=smooth))[0])
        types = (("bf16", "fp32"), ("fp32", "fp32"), ("fp64", "fp64"))
        for (stored, membrane), name, single in itertools.product(types, ARRAYS, ((), ("steps", "samples"))):
            made = compiled(getattr(functions, name), name, stored, membrane, single)
            assert len(made["cubin"]) > 1000
            assert "ld.global.v" in made["ptx"], "whole vectors are loaded"
            assert "st.global.v" in made["ptx"], "whole vectors are stored"
            assert "ld.local" not in made["ptx"], "nothing is spilled"
            print(surrogate, reset, stored, name, *single)


if __name__ == "__main__":
    main()
