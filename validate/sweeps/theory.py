"""What the infinitely wide network of a cell does where its layers have settled: the lines over what is measured.

ξ: layers over which a difference of two inputs falls to 1/e (`reach`); ξ_b likewise for the correlation of their gradients;
C: the factor of the gradient's second moment per layer; K/K_c: the gain over the least that keeps a network active.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ikun_sym.catalogue.neuron_fields import NAMES
from ikun_sym.cli.model_flags import MODEL_DEFAULTS, model_of
from ikun_sym.errors import IkunError
from ikun_sym.mean_field.infinite_network import TimeModel
from ikun_sym.mean_field.information import information
from ikun_sym.mean_field.predict import predict
from ikun_sym.schemes.critical_scale import critical
from ikun_sym.schemes.gradient_factor import stationary_factor_of

WORDS = (*NAMES, "arch", "steps", "scheme", "gain", "bias", "alpha", "second_moment", "depth", "width")
"""Flags of a network that say what its layers settle at, and its size. What is fed to it does not matter far down."""

SAMPLES = {"samples": 2**12, "randomisations": 8}
"""A hundredth of a layer is more than a line in a picture shows."""

SETTLED = 100
"""Layers after which a rate is taken for settled."""


def theory_of(flags: dict[str, Any]) -> dict[str, Any]:
    """By name; None where nothing is said, `reason` why. `layers`: the depth of the cell's network."""
    words = {name: flags[name] for name in WORDS if flags.get(name) is not None}
    schemes = flags.get("schemes") or ()
    try:
        if "schemes" in flags:
            words["scheme"] = schemes[0] if schemes else "critical"
        if "model" in flags:
            words |= _of_model(flags["model"])
        layers = int(words.pop("depth", MODEL_DEFAULTS["depth"]))
        return {"layers": layers} | _settled(tuple(sorted(words.items())))
    except (ValueError, ArithmeticError) as error:  # IkunErrors, and what is measured counts wherever formulas end
        return {"reason": str(error)}


def _of_model(spec: str) -> dict[str, int]:
    """Of `ikun train`: layers that are fully connected."""
    from ..training.models.build import is_factory, model_of_spec
    from ..training.models.mlp import MLP

    found = None if is_factory(spec) else model_of_spec(spec)
    if not isinstance(found, MLP) or found.norm != "none":
        raise IkunError(f"model {spec}: no theory of its settled layers here")
    return {"depth": found.depth, "width": found.width}


@lru_cache(maxsize=512)
def _settled(words: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    model = model_of(MODEL_DEFAULTS | dict(words), None).model
    said = information(model, **SAMPLES)
    least = float(critical().scale.mid) * model.neuron.threshold**2 / model.input_weight**2
    return {
        "gain": model.gain,
        "gain_over_critical": model.gain / least,
        "rate": _or_none(lambda: _rate(model)),
        "factor": _or_none(lambda: stationary_factor_of(model.topology, model)),
        "reach": said.reach,
        "coherence": said.coherence,
        "coherence_reach": said.coherence_reach,
    } | ({} if said.reach is not None else {"reason": said.reason})


def _or_none(value: Callable[[], float]) -> float | None:
    try:
        return float(value())
    except IkunError:
        return None


def _rate(model: TimeModel) -> float:
    from dataclasses import replace

    active = replace(model, depth=SETTLED, input="poisson", input_rate=0.5)
    return float(predict(active, samples=2**10, randomisations=2).layers[-1].rate.mean())
