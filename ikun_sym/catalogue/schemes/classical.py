"""Schemes made for networks without spikes, and two fixed weight distributions."""

from __future__ import annotations

import sympy as sp

from ..parameter import Param
from .scheme import SCHEMES, Scheme, fan_in, fan_max, fan_out

GLOROT = "Glorot & Bengio 2010, AISTATS"
HE = "He et al. 2015, arXiv:1502.01852"

SCHEMES.register(
    Scheme(
        name="torch-default",
        aliases=("torch", "pytorch"),
        variance=1 / (3 * fan_in),
        bias_bound=1 / sp.sqrt(fan_in),
        distribution="uniform",
        summary="U(±1/√fan_in), biases likewise",
        source="PyTorch, torch.nn.Linear.reset_parameters; also SpikingJelly's kaiming_normal_conv_linear_weight",
    )
)
SCHEMES.register(
    Scheme(
        name="xavier",
        aliases=("glorot", "xavier-normal", "glorot-normal"),
        variance=2 / (fan_in + fan_out),
        summary="2/(fan_in + fan_out)",
        source=GLOROT,
    )
)
SCHEMES.register(
    Scheme(
        name="xavier-uniform",
        aliases=("glorot-uniform",),
        variance=2 / (fan_in + fan_out),
        distribution="uniform",
        summary="2/(fan_in + fan_out), uniform",
        source=GLOROT,
    )
)
SCHEMES.register(Scheme(name="kaiming", aliases=("he", "kaiming-fan-in"), variance=2 / fan_in, summary="2/fan_in", source=HE))
SCHEMES.register(Scheme(name="kaiming-fan-out", variance=2 / fan_out, summary="2/fan_out", source=HE))
_K = Param("k", 1)
SCHEMES.register(
    Scheme(
        name="lecun",
        aliases=("lecun-normal",),
        variance=_K.symbol / fan_in,
        params=(_K,),
        summary="k/fan_in; LeCun's k is 1",
        source="LeCun et al. 1998, Efficient BackProp",
    )
)
SCHEMES.register(
    Scheme(
        name="normal",
        variance=sp.Rational(1, 2500),
        summary="standard deviation 0.02, whatever the fan",
        source="the baseline of Chang, Wang & Yang 2024, arXiv:2411.18250",
    )
)

# Orthonormal rows (or columns, if there are fewer of those) of length fan_max: entries have variance 1/fan_max.
_GAIN = Param("gain", 1)
SCHEMES.register(
    Scheme(
        name="orthogonal",
        variance=_GAIN.symbol**2 / fan_max,
        weights="orthogonal",
        params=(_GAIN,),
        summary="gain · Q, Q with orthonormal rows or columns",
        source="Saxe, McClelland & Ganguli 2014, arXiv:1312.6120",
    )
)
SCHEMES.register(
    Scheme(
        name="delta-orthogonal",
        variance=_GAIN.symbol**2 / fan_max,
        weights="delta-orthogonal",
        params=(_GAIN,),
        summary="gain · Q at the centre tap of a convolution; the variance is that over all taps",
        source="Xiao et al. 2018, arXiv:1806.05393",
    )
)
