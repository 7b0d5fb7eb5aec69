"""Products of weights with spikes: a sum of the columns whose input fired, without a multiplication.

A dense product of [rows, fan_in] spikes at rate p with the weights multiplies (1 − p) of its operands by zero. Here a panel
of columns of the weights stays in the first cache while every row adds up its share of it in registers.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .buffers import BUFFERS
from .c_library import library
from .machine import native_bfloat16

DENSE = 0.4
"""Above this share of spikes the dense product is as fast."""

SHORTEST, LONGEST = 64, 128
"""Inputs of a panel, numbered in a byte: as many as fill 32 KiB with eight vectors of the machine's columns."""


def times(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    """x @ weight.T (+ bias) for x [T, B, fan_in], weight [fan_out, fan_in]; bfloat16 is summed in float32 and rounded once.

    None, and the caller takes the dense product: x is not 0 and 1 alone, or too dense; the CPU has instructions for bfloat16,
    which are faster still; no C compiler is there. The choice depends on x alone, so the same draw is the same again.
    """
    if x.device.type != "cpu" or (x.dtype == torch.bfloat16 and native_bfloat16()):
        return None
    functions = library(SOURCE, x.dtype)
    if functions is None:
        return None
    x, weight = x.contiguous(), weight.contiguous()
    rows, (fan_out, fan_in) = x.numel() // x.shape[-1], weight.shape
    product = BUFFERS.take((*x.shape[:-1], fan_out), x.dtype)
    numbers, counts = (BUFFERS.take((rows * size,), torch.uint8) for size in (fan_in + LONGEST, fan_in // SHORTEST + 1))
    arrays = (x, weight, None if bias is None else bias.contiguous(), product, numbers, counts)
    pointers = [ctypes.c_void_p(None if array is None else array.data_ptr()) for array in arrays]
    sizes = [ctypes.c_int64(size) for size in (rows, fan_in, fan_out)]
    refused = functions.spike_product(*pointers, *sizes, ctypes.c_double(DENSE), ctypes.c_int(torch.get_num_threads()))
    BUFFERS.give(numbers, counts)
    if refused:
        BUFFERS.give(product)
    return None if refused else product


SOURCE = r"""
#ifdef __AVX512F__
enum { WIDTH = 64, BLOCK = @SHORTEST@ };
#else
enum { WIDTH = 32, BLOCK = @LONGEST@ };
#endif
typedef real vec __attribute__((vector_size(WIDTH), may_alias));
enum { LANES = 8, PANEL = LANES * sizeof(vec) / sizeof(real) };

/* numbers [rows][blocks][BLOCK], counts [rows][blocks]: which inputs of a block fired. 1: they are not spikes, or too many */
static int compress(const word *x, uint8_t *numbers, uint8_t *counts, const int64_t rows, const int64_t fan_in,
                    const double dense, const int threads) {
    const int64_t blocks = (fan_in + BLOCK - 1) / BLOCK;
    int64_t spikes = 0; int other = 0;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(+ : spikes) reduction(| : other)
#endif
    for (int64_t k = 0; k < rows * blocks; k++) {
        const int64_t first = k % blocks * BLOCK, size = fan_in - first < BLOCK ? fan_in - first : BLOCK;
        const word *from = x + k / blocks * fan_in + first;
        uint8_t *to = numbers + k * BLOCK;
        int n = 0, bad = 0;
        for (int64_t j = 0; j < size; j++) bad |= (from[j] != 0) & (from[j] != ONE);
        /* every number is written, and overwritten by the next unless its input fired: no branch */
        for (int64_t j = 0; j < size; j++) { to[n] = (uint8_t)j; n += from[j] != 0; }
        counts[k] = (uint8_t)n; spikes += n; other |= bad;
    }
    return other || spikes > dense * (double)(rows * fan_in);
}

#define LANEWISE _Pragma("GCC unroll 8") for (int l = 0; l < LANES; l++)

/* sums[rows][PANEL] += the panel's rows that are named */
static void add(vec *sums, const vec *panel, const uint8_t *numbers, const uint8_t *counts, const int64_t rows,
                const int64_t blocks) {
    for (int64_t r = 0; r < rows; r++) {
        const uint8_t *at = numbers + r * blocks * BLOCK, *end = at + counts[r * blocks];
        vec *sum = sums + r * LANES, a[LANES];
        LANEWISE a[l] = sum[l];
        for (; at < end; at++) {
            const vec *row = (const vec *)((const char *)panel + *at * (int64_t)(LANES * sizeof(vec)));
            LANEWISE a[l] += row[l];
        }
        LANEWISE sum[l] = a[l];
    }
}

/* the PANEL columns of the product from `o` on */
static int columns(const int64_t o, const stored *weight, const stored *bias, stored *product, const uint8_t *numbers,
                   const uint8_t *counts, const int64_t rows, const int64_t fan_in, const int64_t fan_out) {
    const int64_t blocks = (fan_in + BLOCK - 1) / BLOCK, wide = fan_out - o < PANEL ? fan_out - o : PANEL;
    real *sums = aligned_alloc(64, rows * LANES * sizeof(vec)), *panel = aligned_alloc(64, BLOCK * LANES * sizeof(vec));
    const int failed = !sums || !panel;
    if (!failed) {
        memset(panel, 0, BLOCK * LANES * sizeof(vec));
        memset(sums, 0, rows * LANES * sizeof(vec));
        if (bias)
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < wide; c++) sums[r * PANEL + c] = load(bias[o + c]);
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t first = b * BLOCK, size = fan_in - first < BLOCK ? fan_in - first : BLOCK;
            for (int64_t c = 0; c < wide; c++)
                for (int64_t j = 0; j < size; j++) panel[j * PANEL + c] = load(weight[(o + c) * fan_in + first + j]);
            add((vec *)sums, (vec *)panel, numbers + b * BLOCK, counts + b, rows, blocks);
        }
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < wide; c++) product[r * fan_out + o + c] = store(sums[r * PANEL + c]);
    }
    free(sums); free(panel);
    return failed;
}

int spike_product(const word *x, const stored *weight, const stored *bias, stored *product, uint8_t *numbers, uint8_t *counts,
                  const int64_t rows, const int64_t fan_in, const int64_t fan_out, const double dense, const int threads) {
    if (compress(x, numbers, counts, rows, fan_in, dense, threads)) return 1;
    int failed = 0;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
#endif
    for (int64_t o = 0; o < fan_out; o += PANEL)
        failed |= columns(o, weight, bias, product, numbers, counts, rows, fan_in, fan_out);
    return failed;
}
""".replace("@SHORTEST@", str(SHORTEST)).replace("@LONGEST@", str(LONGEST))
