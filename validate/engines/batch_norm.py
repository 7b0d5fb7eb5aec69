"""Batch norm of planes [N, C, P] by the statistics of a channel over samples and positions, and its adjoint, compiled.

    x̂ = (x − μ)/√(σ² + ε),  y = w x̂ + b;  ∂L/∂x = w/√(σ² + ε) (g − mean(g) − x̂ mean(g x̂)),  ∂L/∂w = Σ g x̂,  ∂L/∂b = Σ g

with σ² by n (Ioffe & Szegedy 2015, arXiv:1502.03167). Sums are taken in the tensor's type within a plane, about the channel's
first value, and in double between planes.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import torch
from torch import Tensor

from .buffers import BUFFERS
from .c_library import library


class Normalised(NamedTuple):
    """y, and for each channel in float64 μ, σ² and 1/√(σ² + ε)."""

    y: Tensor
    mean: Tensor
    variance: Tensor
    factor: Tensor


class Back(NamedTuple):
    """Gradients at x, w and b; the last two in float64."""

    x: Tensor
    weight: Tensor
    bias: Tensor


def normalised(x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Normalised | None:
    """From x [N, C, …], contiguous or not. None: no compiler here, or for these."""
    functions = library(SOURCE, x.dtype) if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) else None
    if functions is None:
        return None
    x, y = x.contiguous(), BUFFERS.take(x.shape, x.dtype)
    mean, variance = torch.empty(x.shape[1], dtype=torch.float64), torch.empty(x.shape[1], dtype=torch.float64)
    _call(functions.statistics, (x, mean, variance), x)
    factor = (variance + epsilon).rsqrt()
    scale = factor if weight is None else factor * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    _call(functions.scaled, (x, scale, shift, y), x)
    return Normalised(y, mean, variance, factor)


def back(grad: Tensor, x: Tensor, weight: Tensor | None, mean: Tensor, factor: Tensor) -> Back:
    functions = library(SOURCE, x.dtype)
    assert functions is not None, "there was one on the way"
    x, grad, found = x.contiguous(), grad.contiguous(), BUFFERS.take(x.shape, x.dtype)
    sums, products = torch.empty_like(mean), torch.empty_like(mean)
    _call(functions.sums, (grad, x, mean, sums, products), x)
    products *= factor
    # ∂L/∂x = a g + c (x − μ) + d
    count = x.numel() // x.shape[1]
    a = factor if weight is None else factor * weight
    c, d = -a * factor * products / count, -a * sums / count
    _call(functions.returned, (grad, x, mean, a, c, d, found), x)
    return Back(found, products, sums)


def _call(function: object, arrays: tuple[Tensor, ...], x: Tensor) -> None:
    samples, channels = x.shape[:2]
    sizes = [ctypes.c_int64(size) for size in (samples, channels, x.numel() // (samples * channels))]
    function(*(ctypes.c_void_p(a.data_ptr()) for a in arrays), *sizes, ctypes.c_int(torch.get_num_threads()))  # type: ignore[operator]


SOURCE = r"""
#ifdef _OPENMP
#define CHANNELWISE _Pragma("omp parallel for num_threads(threads) if (threads > 1)") for (int64_t c = 0; c < channels; c++)
#else
#define CHANNELWISE for (int64_t c = 0; c < channels; c++)
#endif
#define PLANES for (int64_t n = 0; n < samples; n++)
#define PLACES for (int64_t j = 0; j < size; j++)
#define SIZES const int64_t samples, const int64_t channels, const int64_t size, const int threads

void statistics(const real *x, double *mean, double *variance, SIZES) {
    const double count = (double)samples * (double)size;
    CHANNELWISE {
        const real first = x[c * size];
        double total = 0, squares = 0;
        PLANES {
            const real *from = x + (n * channels + c) * size;
            real one = 0, two = 0;
#pragma omp simd reduction(+ : one, two)
            PLACES { const real d = from[j] - first; one += d; two += d * d; }
            total += one; squares += two;
        }
        const double off = total / count, spread = squares / count - off * off;
        mean[c] = first + off; variance[c] = spread > 0 ? spread : spread == spread ? 0 : spread;
    }
}

void scaled(const real *x, const double *scale, const double *shift, real *y, SIZES) {
    CHANNELWISE {
        const real a = (real)scale[c], b = (real)shift[c];
        PLANES {
            const real *restrict from = x + (n * channels + c) * size; real *restrict to = y + (n * channels + c) * size;
            PLACES to[j] = a * from[j] + b;
        }
    }
}

void sums(const real *grad, const real *x, const double *mean, double *total, double *product, SIZES) {
    CHANNELWISE {
        const real mu = (real)mean[c];
        double all = 0, with = 0;
        PLANES {
            const real *g = grad + (n * channels + c) * size, *from = x + (n * channels + c) * size;
            real one = 0, two = 0;
#pragma omp simd reduction(+ : one, two)
            PLACES { one += g[j]; two += g[j] * (from[j] - mu); }
            all += one; with += two;
        }
        total[c] = all; product[c] = with;
    }
}

void returned(const real *grad, const real *x, const double *mean, const double *a_, const double *c_, const double *d_,
              real *found, SIZES) {
    CHANNELWISE {
        const real mu = (real)mean[c], a = (real)a_[c], k = (real)c_[c], d = (real)d_[c];
        PLANES {
            const int64_t at = (n * channels + c) * size;
            const real *restrict g = grad + at, *restrict from = x + at; real *restrict to = found + at;
            PLACES to[j] = a * g[j] + k * (from[j] - mu) + d;
        }
    }
}
"""
