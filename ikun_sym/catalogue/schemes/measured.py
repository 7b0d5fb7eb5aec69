"""Schemes that need data: the variance is only the start; the rest is done on a network with inputs."""

from __future__ import annotations

from .classical import HE
from .scheme import SCHEMES, Scheme, fan_in, fan_max, rate

LSUV = "Mishkin & Matas 2016, arXiv:1511.06422"

SCHEMES.register(
    Scheme(
        name="tdbn",
        aliases=("tdbn-control", "batch-norm"),
        variance=2 / fan_in,
        needs_data="each layer's current is normalised over batch and time and scaled by α θ",
        aim="batch-norm",
        summary="Kaiming weights under threshold-dependent batch normalisation, which cancels their scale",
        source=f"Zheng et al. 2021, arXiv:2011.05280; {HE}",
    )
)
SCHEMES.register(
    Scheme(
        name="lsuv",
        variance=1 / fan_max,
        weights="orthogonal",
        needs_data="each layer, from the first, is rescaled until its membrane potential has standard deviation 1",
        aim="deviation",
        summary="orthonormal, then rescaled layer by layer on data to a membrane of standard deviation 1",
        source=LSUV,
    )
)
SCHEMES.register(
    Scheme(
        name="lsuv-rate",
        variance=1 / fan_max,
        weights="orthogonal",
        defaults={rate: 0.2},
        needs_data="each layer, from the first, is rescaled until its firing rate is p",
        aim="rate",
        summary="orthonormal, then rescaled layer by layer on data to the firing rate p",
        source=f"ikun, after {LSUV}",
    )
)
