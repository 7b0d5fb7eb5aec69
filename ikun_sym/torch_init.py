"""The public name of what users of torch need: `from ikun_sym.torch_init import critical_, ikun_, spike_function`."""

from __future__ import annotations

from .for_torch.amplified import Amplified
from .for_torch.init import copy_, critical_, fan_of, ikun_, planned, spike, spike_function

__all__ = ["Amplified", "copy_", "critical_", "fan_of", "ikun_", "planned", "spike", "spike_function"]
