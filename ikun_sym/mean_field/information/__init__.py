"""Size is not information: how far a difference of two inputs travels, and how long their gradients agree."""

from __future__ import annotations

from .pair_law import OneStepPairLaw, SampledPairLaw
from .predict_pair import LayerPair, PairPrediction, predict_pair
from .settled_layers import Information, information
from .two_inputs import Pair, TwoInputs, constant_pair, overlapping_pair, poisson_pair, two_inputs

__all__ = [
    "Information",
    "LayerPair",
    "OneStepPairLaw",
    "Pair",
    "PairPrediction",
    "SampledPairLaw",
    "TwoInputs",
    "constant_pair",
    "information",
    "overlapping_pair",
    "poisson_pair",
    "predict_pair",
    "two_inputs",
]
