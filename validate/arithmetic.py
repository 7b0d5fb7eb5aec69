"""Expressions over torch tensors, from the package that states them."""

from __future__ import annotations

from ikun_sym.torch_arithmetic import Elementwise, TorchArithmetic, derivative, primitive

__all__ = ["Elementwise", "TorchArithmetic", "derivative", "primitive"]
