"""The largest of each window of 2 × 2, and where it was: one pass over the planes, forward and back.

The first of equals is taken, in the order of memory, but of NaNs the last, as torch has it. An odd last row or column is
dropped.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .buffers import BUFFERS
from .c_library import library

WINDOW = 2


def largest(x: Tensor) -> tuple[Tensor, Tensor] | None:
    """[…, H, W] to the largest [..., H//2, W//2] and its place in the window, a byte. None: no compiler here, or for these."""
    fits = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and min(x.shape[-2:]) >= WINDOW
    functions = library(SOURCE, x.dtype) if fits else None
    if functions is None:
        return None
    x = x.contiguous()
    shape = (*x.shape[:-2], x.shape[-2] // WINDOW, x.shape[-1] // WINDOW)
    found, places = BUFFERS.take(shape, x.dtype), BUFFERS.take(shape, torch.uint8)
    functions.largest(*_arguments((x, found, places), x))
    return found, places


def back(grad: Tensor, places: Tensor, like: tuple[int, ...]) -> Tensor:
    """From the gradient at the largest to that at x, of shape `like`."""
    functions = library(SOURCE, grad.dtype)
    assert functions is not None, "there was one on the way"
    found = BUFFERS.take(like, grad.dtype)
    functions.spread(*_arguments((grad.contiguous(), places, found), found))
    return found


def _arguments(arrays: tuple[Tensor, ...], x: Tensor) -> list[object]:
    height, width = x.shape[-2:]
    sizes = [ctypes.c_int64(size) for size in (x.numel() // (height * width), height, width)]
    return [*(ctypes.c_void_p(array.data_ptr()) for array in arrays), *sizes, ctypes.c_int(torch.get_num_threads())]


SOURCE = r"""
/* x [planes][height][width]; found, places [planes][height/2][width/2]. Rows are short: pairs of rows are compared first, and
   then, over all rows of a strip, pairs of columns in one long loop */
enum { ROOM = 4096 };

void largest(const real *x, real *found, uint8_t *places, const int64_t planes, const int64_t height, const int64_t width,
             const int threads) {
    const int64_t high = height / 2, wide = width / 2, even = 2 * wide, strip = even < ROOM ? ROOM / even : 1;
    const int64_t strips = (high + strip - 1) / strip;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t k = 0; k < planes * strips; k++) {
        const int64_t first = k % strips * strip, rows = high - first < strip ? high - first : strip;
        const real *plane = x + k / strips * height * width;
        real *to = found + (k / strips * high + first) * wide; uint8_t *at = places + (k / strips * high + first) * wide;
        real few[ROOM], *best = even > ROOM ? malloc(even * sizeof(real)) : few;
        word little[ROOM], *below = even > ROOM ? malloc(even * sizeof(word)) : little; /* as wide as real: for vectors */
        for (int64_t i = 0; i < rows; i++) {
            const real *restrict upper = plane + 2 * (first + i) * width, *restrict lower = upper + width;
            real *restrict b = best + i * even; word *restrict l = below + i * even;
            for (int64_t j = 0; j < even; j++) {
                const real u = upper[j], v = lower[j];
                const int more = (v > u) | (v != v);
                b[j] = more ? v : u; l[j] = more ? 2 : 0;
            }
        }
        for (int64_t j = 0; j < rows * wide; j++) {
            const real a = best[2 * j], b = best[2 * j + 1];
            const word p = below[2 * j], q = below[2 * j + 1] + 1; const int nan = (b != b) & ((a == a) | (q > p));
            const int more = (b > a) | ((b == a) & (q < p)) | nan;
            to[j] = more ? b : a; at[j] = (uint8_t)(more ? q : p);
        }
        if (even > ROOM) { free(best); free(below); }
    }
}

void spread(const real *grad, const uint8_t *places, real *x, const int64_t planes, const int64_t height, const int64_t width,
            const int threads) {
    const int64_t high = height / 2, wide = width / 2, even = 2 * wide, strip = even < ROOM ? ROOM / even : 1;
    const int64_t strips = (high + strip - 1) / strip;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t k = 0; k < planes * strips; k++) {
        const int64_t first = k % strips * strip, rows = high - first < strip ? high - first : strip;
        real *plane = x + k / strips * height * width;
        const real *from = grad + (k / strips * high + first) * wide;
        const uint8_t *at = places + (k / strips * high + first) * wide;
        real few[ROOM], *given = even > ROOM ? malloc(even * sizeof(real)) : few;
        word little[ROOM], *below = even > ROOM ? malloc(even * sizeof(word)) : little; /* as wide as real: for vectors */
        for (int64_t j = 0; j < rows * wide; j++) {
            given[2 * j] = at[j] & 1 ? 0 : from[j]; given[2 * j + 1] = at[j] & 1 ? from[j] : 0;
            below[2 * j] = below[2 * j + 1] = at[j] & 2;
        }
        for (int64_t i = 0; i < rows; i++) {
            real *restrict upper = plane + 2 * (first + i) * width, *restrict lower = upper + width;
            const real *restrict g = given + i * even; const word *restrict l = below + i * even;
            for (int64_t j = 0; j < even; j++) { upper[j] = l[j] ? 0 : g[j]; lower[j] = l[j] ? g[j] : 0; }
            if (width % 2) upper[width - 1] = lower[width - 1] = 0;
        }
        if (height % 2 && first + rows == high) memset(plane + (height - 1) * width, 0, width * sizeof(real));
        if (even > ROOM) { free(given); free(below); }
    }
}
"""
