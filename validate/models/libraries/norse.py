"""Norse 1.1: cells and layers around functions of `norse.torch.functional`.

Each function calls the name `threshold` of its own module with (x, method, alpha); the tap stands there for every module that
has the name, and acts while one of the model's neurons is running. The default method `super` ignores alpha in this release.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from ikun_sym.reading.surrogate_spec import resolve

from .reader import LIBRARIES, Library, Reading, Tapped, number

if TYPE_CHECKING:
    from .reader import Spike

FUNCTIONS = "norse.torch.functional"

METHODS = {
    "super": ("superspike_fn", "alpha"),
    "triangle": ("triangle_fn", "alpha"),
    "tanh": ("heavi_tanh_fn", "k"),
    "circ": ("heavi_circ_fn", "k"),
    "heavi_erfc": ("heavi_erfc_fn", "k"),
}
"""A neuron's `method` to the library's function and its parameter."""


def gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.enable_grad():
        u = x.clone().requires_grad_()
        out = function(u)
        return torch.autograd.grad(out.sum(), u)[0] if out.requires_grad else torch.zeros_like(u)


def _lif(p: Any, dt: float, synapse: bool) -> dict[str, Any]:
    rest = number(p.v_leak)
    return {
        "rest": rest,
        "leak": 1 - dt * number(p.tau_mem_inv),
        "decay_input": True,
        "synaptic_leak": 1 - dt * number(p.tau_syn_inv) if synapse else 0.0,
        "reset": "hard",
        "v_reset": number(p.v_reset) - rest,
        "detach": False,
    }


def _box(p: Any, dt: float) -> dict[str, Any]:
    reading = _lif(p, dt, synapse=False)
    subtracts = "subtract" in getattr(p.reset_method, "__name__", "")
    return reading | ({"reset": "soft", "v_reset": None} if subtracts else {})


def _iaf(p: Any, dt: float) -> dict[str, Any]:
    rest = number(p.v_reset)  # where the membrane starts, too
    return {"rest": rest, "leak": 1.0, "reset": "hard", "detach": False}


class Norse(Library):
    name = "norse"
    package = "norse.torch.module.snn"

    KINDS: ClassVar[dict[str, Callable[[Any, float], dict[str, Any]]]] = {
        "LIFCell": lambda p, dt: _lif(p, dt, synapse=True),
        "LIF": lambda p, dt: _lif(p, dt, synapse=True),
        "LIFRecurrentCell": lambda p, dt: _lif(p, dt, synapse=True) | {"detach": True},
        "LIFRecurrent": lambda p, dt: _lif(p, dt, synapse=True) | {"detach": True},
        "LIFBoxCell": _box,
        "IAFCell": _iaf,
        "IAF": _iaf,
    }

    def owns(self, module: nn.Module) -> bool:
        snn = import_module(self.package)
        bases = (snn.SNNCell, snn.SNN, snn.SNNRecurrentCell, snn.SNNRecurrent)
        return isinstance(module, bases) and hasattr(self._parameters(module), "method")

    @staticmethod
    def _parameters(module: Any) -> Any:
        p = getattr(module, "p", None)
        return getattr(p, "lif", p)  # refractory variants nest

    def read(self, module: Any) -> Reading:
        p, kind = self._parameters(module), type(module).__name__
        declared = self._declared(p)
        if kind not in self.KINDS:
            why = f"the dynamics of {kind} are not in the catalogue"
            return Reading(threshold=number(p.v_th), neuron=None, declared=declared, why=why)
        values = self.KINDS[kind](p, float(module.dt))
        return Reading.of(number(p.v_th) - values["rest"], declared=declared, note=self._ignored(p), **values)

    @staticmethod
    def _ignored(p: Any) -> str:
        """A parameter that changes nothing, found by changing it."""
        threshold = import_module(f"{FUNCTIONS}.threshold").threshold
        x = torch.linspace(-2, 2, 9, dtype=torch.float64)
        at, doubled = (
            gradient(lambda u, a=alpha: threshold(u, p.method, torch.as_tensor(a)), x)
            for alpha in (number(p.alpha), 2 * number(p.alpha))
        )
        if not torch.equal(at, doubled):
            return ""
        return f"alpha = {number(p.alpha):g} has no effect: with method {p.method!r} this release of norse ignores it"

    @staticmethod
    def _declared(p: Any) -> tuple[str, ...]:
        if p.method not in METHODS:
            return ()
        function, parameter = METHODS[p.method]
        return (f"norse.{function}:{parameter}={number(p.alpha)!r}",)

    def spike_function(self, module: Any) -> Spike:
        p = self._parameters(module)
        threshold = import_module(f"{FUNCTIONS}.threshold").threshold
        return lambda x: threshold(x, p.method, p.alpha)

    def tap(self, tapped: Tapped) -> Iterator[None]:
        """`extra["running"]()` says whether this neuron is the one that runs."""
        places = [m for name, m in list(sys.modules.items()) if name.startswith(FUNCTIONS) and "threshold" in vars(m)]
        functions = [m for m in places if callable(vars(m)["threshold"])]
        originals = [vars(m)["threshold"] for m in functions]

        def standing_in(original: Callable[..., Any]) -> Callable[..., Any]:
            def threshold(x: Any, method: str, alpha: Any) -> Any:
                if not tapped.extra["running"]():
                    return original(x, method, alpha)
                return tapped.spike(lambda u: original(u, method, alpha), x)

            return threshold

        for place, original in zip(functions, originals, strict=True):
            vars(place)["threshold"] = standing_in(original)
        try:
            yield
        finally:
            for place, original in zip(functions, originals, strict=True):
                vars(place)["threshold"] = original

    def set_surrogate(self, module: Any, spec: str) -> str:
        bound = resolve(spec)
        wanted = bound.surrogate.name.removeprefix("norse.")
        method = next((m for m, (function, _) in METHODS.items() if function == wanted), None)
        if method is None:
            return f"{spec} is no surrogate of norse"
        if method == "super":
            return "norse's SuperSpike ignores its alpha in this release: 1/(1 + |x|)² whatever is set"
        p, alpha = self._parameters(module), float(dict(bound.values)[METHODS[method][1]])
        if p is not module.p:
            return f"the parameters of {type(module).__name__} are nested"
        module.p = p._replace(method=method, alpha=p.alpha.new_tensor(alpha) if hasattr(p.alpha, "new_tensor") else alpha)
        return ""


LIBRARIES.register(Norse())
