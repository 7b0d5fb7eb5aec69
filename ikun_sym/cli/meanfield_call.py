"""`ikun_sym.meanfield`: the prediction of `ikun meanfield` from Python, by the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import UnknownNameError
from ..mean_field.information import information
from ..mean_field.predict import RANDOMISATIONS, SAMPLES, predict
from ..mean_field.prediction import TimePrediction
from .model_flags import MODEL_DEFAULTS, model_of


def meanfield(
    *,
    fan_out: float | None = None,
    samples: int = SAMPLES,
    randomisations: int = RANDOMISATIONS,
    seed: int = 0,
    **network: Any,
) -> TimePrediction:
    """The infinite-width prediction of every layer, with standard errors, and what two inputs keep where layers have settled.

    `network`: the flags of `ikun meanfield` as keywords (depth, steps, leak, reset, detach, threshold, surrogate, scheme or
    gain, input_rate, input, loss, bias, decay_input, …), with the same defaults; `fan_out` per neuron, the width if not
    given; `samples` (a power of 2) per randomisation. Errors: those of the command.
    """
    for name in network.keys() - MODEL_DEFAULTS.keys():
        raise UnknownNameError("keyword", name, MODEL_DEFAULTS)
    model, _ = model_of(MODEL_DEFAULTS | network, fan_out)
    how = {"samples": samples, "randomisations": randomisations, "seed": seed}
    return replace(predict(model, **how), information=information(model, **how).to_dict())
