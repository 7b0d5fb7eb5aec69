"""Each reset of the catalogue, written out by hand from its source: arithmetic alone, on numbers, numpy arrays or tensors.

Shares nothing with the product. A new reset needs its function here, and no test needs to know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

Fire = Callable[[Any], Any]
"""The spike, of h less what it must reach."""

Step = Callable[[Any, Any, SimpleNamespace, Fire, Fire], tuple[Any, Any, Any]]
"""(current, state, numbers of the neuron, fire, cut) to (h, s, the state after); the state is None at first. `cut` takes the
gradient from a spike where the reset is detached. h is a value of its own, not the current: gradients are read at both."""


def hard(i: Any, v: Any, n: SimpleNamespace, fire: Fire, cut: Fire) -> tuple[Any, Any, Any]:
    h = 1 * i if v is None else n.leak * v + i
    s = fire(h - n.threshold)
    return h, s, h - (h - n.v_reset) * cut(s)


def soft(i: Any, v: Any, n: SimpleNamespace, fire: Fire, cut: Fire) -> tuple[Any, Any, Any]:
    h = 1 * i if v is None else n.leak * v + i
    s = fire(h - n.threshold)
    return h, s, h - n.threshold * cut(s)


def delayed(i: Any, state: Any, n: SimpleNamespace, fire: Fire, cut: Fire) -> tuple[Any, Any, Any]:
    """snnTorch: mem = beta mem + input − reset(mem before) threshold."""
    h = 1 * i if state is None else n.leak * state[0] + i - n.threshold * cut(state[1])
    s = fire(h - n.threshold)
    return h, s, (h, s)


def adaptive(i: Any, state: Any, n: SimpleNamespace, fire: Fire, cut: Fire) -> tuple[Any, Any, Any]:
    """e-prop's ALIF: a[t] = ρ a[t−1] + z[t−1], A = v_th + β a, v[t] = α v[t−1] + I − z[t−1] v_th."""
    if state is None:
        h, a = 1 * i, 0 * i
    else:
        v, z, before = state
        h, a = n.leak * v + i - n.threshold * cut(z), n.adaptation_leak * before + z
    s = fire(h - (n.threshold + n.adaptation * a))
    return h, s, (h, s, a)


def adaptive_hard(i: Any, state: Any, n: SimpleNamespace, fire: Fire, cut: Fire) -> tuple[Any, Any, Any]:
    """norse's lsnn_feed_forward_step: b falls back to v_th, decays before the spike and jumps by beta with it."""
    v, b = (0 * i, n.threshold) if state is None else state
    h, decayed = n.leak * v + i, b + (1 - n.adaptation_leak) * (n.threshold - b)
    s = fire(h - decayed)
    jump = n.adaptation / n.adaptation_leak
    return h, s, (h - (h - n.v_reset) * cut(s), decayed + jump * s)


BY_HAND: dict[str, Step] = {
    "hard": hard,
    "soft": soft,
    "delayed": delayed,
    "adaptive": adaptive,
    "adaptive-hard": adaptive_hard,
}


def numbers(
    reset: str,
    leak: float,
    threshold: float,
    detach: bool,
    *,
    v_reset: float = 0.0,
    synaptic_leak: float = 0.0,
    decay_input: bool = False,
) -> SimpleNamespace:
    """Of a neuron, told one by one."""
    return SimpleNamespace(**locals())


def numbers_of(neuron: Any) -> SimpleNamespace:
    """The numbers of a Neuron by their words."""
    own = {name: float(value) for name, value in neuron.reset.values}
    words = ("threshold", "leak", "synaptic_leak", "decay_input", "detach")
    return SimpleNamespace(reset=neuron.reset.name, **{name: getattr(neuron, name) for name in words}, **own)
