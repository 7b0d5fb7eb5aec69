"""The C text of products with spikes. A panel of one operand stays in the first cache while every row adds up its share of it
in registers; which of the panel's rows it adds are numbered in bytes."""

from __future__ import annotations

SHORTEST, LONGEST = 64, 128
"""Inputs of a panel, numbered in a byte: as many as fill 32 KiB with eight vectors of the machine's columns."""

SOURCE = r"""
#ifdef __AVX512F__
enum { WIDTH = 64, BLOCK = @SHORTEST@ };
#else
enum { WIDTH = 32, BLOCK = @LONGEST@ };
#endif
typedef real vec __attribute__((vector_size(WIDTH), may_alias));
enum { LANES = 8, PANEL = LANES * sizeof(vec) / sizeof(real), GROUP = 8 };

/* spikes = 1[x], a byte each. How many there are; −1: x is not 0 and 1 alone */
int64_t pack(const word *x, uint8_t *spikes, const int64_t size, const int threads) {
    int64_t found = 0; int other = 0;
    enum { CHUNK = 4096 };
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(+ : found) reduction(| : other)
#endif
    for (int64_t first = 0; first < size; first += CHUNK) {
        const int64_t n = size - first < CHUNK ? size - first : CHUNK;
        const word *from = x + first;
        uint8_t *to = spikes + first;
        word bad = 0; uint32_t fired = 0;
        for (int64_t j = 0; j < n; j++) {
            bad |= (word)((from[j] != 0) & (from[j] != ONE));
            fired += from[j] != 0;
            to[j] = (uint8_t)(from[j] != 0);
        }
        found += fired; other |= bad != 0;
    }
    return other ? -1 : found;
}

/* for each byte: the places of its bits, lowest first, and their number */
static uint8_t places[256][GROUP], many[256];
__attribute__((constructor)) static void fill_places(void) {
    for (int mask = 0; mask < 256; mask++)
        for (int k = 0; k < GROUP; k++)
            if (mask >> k & 1) places[mask][many[mask]++] = (uint8_t)k;
}

/* the numbers first + place of the bits of `mask`, written eight at once: what is too many is overwritten by the next */
static inline int append(uint8_t *to, const int n, const int mask, const int first) {
    uint64_t eight; memcpy(&eight, places[mask], GROUP);
    eight += 0x0101010101010101u * (uint64_t)first;
    memcpy(to + n, &eight, GROUP);
    return n + many[mask];
}

/* numbers [rows][blocks][BLOCK], counts [rows][blocks]: which inputs of a block fired in each row */
static void list_rows(const uint8_t *spikes, uint8_t *numbers, uint8_t *counts, const int64_t rows, const int64_t inputs,
                      const int threads) {
    const int64_t blocks = (inputs + BLOCK - 1) / BLOCK;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t k = 0; k < rows * blocks; k++) {
        const int64_t first = k % blocks * BLOCK, size = inputs - first < BLOCK ? inputs - first : BLOCK;
        const uint8_t *from = spikes + k / blocks * inputs + first;
        int n = 0;
        for (int j = 0; j < size; j += GROUP) {
            int mask = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            uint64_t eight = 0; memcpy(&eight, from + j, size - j < GROUP ? size - j : GROUP);
            mask = (int)(eight * 0x0102040810204080u >> 56); /* the eight lowest bits, side by side */
#else
            for (int i = 0; i < GROUP && j + i < size; i++) mask |= from[j + i] << i;
#endif
            n = append(numbers + k * BLOCK, n, mask, j);
        }
        counts[k] = (uint8_t)n;
    }
}

/* the same of the transpose: numbers [inputs][blocks][BLOCK], in which rows of a block each input fired */
static void list_inputs(const uint8_t *spikes, uint8_t *numbers, uint8_t *counts, const int64_t rows, const int64_t inputs,
                        const int threads) {
    const int64_t blocks = (rows + BLOCK - 1) / BLOCK;
    enum { STRIP = 512 };
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1)
#endif
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * BLOCK, size = rows - first < BLOCK ? rows - first : BLOCK;
        uint8_t masks[BLOCK / GROUP][STRIP];
        for (int64_t from = 0; from < inputs; from += STRIP) {
            const int64_t wide = inputs - from < STRIP ? inputs - from : STRIP;
            memset(masks, 0, sizeof masks);
            for (int64_t r = 0; r < size; r++)
                for (int64_t j = 0; j < wide; j++)
                    masks[r / GROUP][j] |= (uint8_t)(spikes[(first + r) * inputs + from + j] << r % GROUP);
            for (int64_t j = 0; j < wide; j++) {
                const int64_t k = (from + j) * blocks + b;
                int n = 0;
                for (int g = 0; g < BLOCK / GROUP; g++) n = append(numbers + k * BLOCK, n, masks[g][j], g * GROUP);
                counts[k] = (uint8_t)n;
            }
        }
    }
}

#define LANEWISE _Pragma("GCC unroll 8") for (int l = 0; l < LANES; l++)

/* sums [rows][PANEL] += the panel's rows that are named */
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

/* Σ over named inputs j of operand(c, j) for the columns c from `o` on: into product [rows][columns], or, `across`, into
   product [columns][rows]. operand [columns][inputs], or, `upright`, [inputs][columns] */
static int columns_from(const int64_t o, const stored *operand, const int upright, const stored *bias, stored *product,
                        const int across, const uint8_t *numbers, const uint8_t *counts, const int64_t rows,
                        const int64_t inputs, const int64_t columns) {
    const int64_t blocks = (inputs + BLOCK - 1) / BLOCK, wide = columns - o < PANEL ? columns - o : PANEL;
    real *sums = aligned_alloc(64, rows * LANES * sizeof(vec)), *panel = aligned_alloc(64, BLOCK * LANES * sizeof(vec));
    const int failed = !sums || !panel;
    if (!failed) {
        memset(panel, 0, BLOCK * LANES * sizeof(vec));
        memset(sums, 0, rows * LANES * sizeof(vec));
        if (bias)
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < wide; c++) sums[r * PANEL + c] = load(bias[o + c]);
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t first = b * BLOCK, size = inputs - first < BLOCK ? inputs - first : BLOCK;
            if (upright)
                for (int64_t j = 0; j < size; j++)
                    for (int64_t c = 0; c < wide; c++) panel[j * PANEL + c] = load(operand[(first + j) * columns + o + c]);
            else
                for (int64_t c = 0; c < wide; c++)
                    for (int64_t j = 0; j < size; j++) panel[j * PANEL + c] = load(operand[(o + c) * inputs + first + j]);
            add((vec *)sums, (vec *)panel, numbers + b * BLOCK, counts + b, rows, blocks);
        }
        if (across) {
            enum { TILE = 16 };
            for (int64_t r = 0; r < rows; r += TILE)
                for (int64_t c = 0; c < wide; c++)
                    for (int64_t k = r; k < rows && k < r + TILE; k++)
                        product[(o + c) * rows + k] = store(sums[k * PANEL + c]);
        } else
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < wide; c++) product[r * columns + o + c] = store(sums[r * PANEL + c]);
    }
    free(sums); free(panel);
    return failed;
}

/* product [rows][fan_out] = spikes [rows][fan_in] · weight [fan_out][fan_in]ᵀ (+ bias) */
int spike_product(const uint8_t *spikes, const stored *weight, const stored *bias, stored *product, uint8_t *numbers,
                  uint8_t *counts, const int64_t rows, const int64_t fan_in, const int64_t fan_out, const int threads) {
    int failed = 0;
    list_rows(spikes, numbers, counts, rows, fan_in, threads);
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
#endif
    for (int64_t o = 0; o < fan_out; o += PANEL)
        failed |= columns_from(o, weight, 0, bias, product, 0, numbers, counts, rows, fan_in, fan_out);
    return failed;
}

/* product [fan_out][fan_in] = grad [rows][fan_out]ᵀ · spikes [rows][fan_in] */
int spike_outer(const uint8_t *spikes, const stored *grad, stored *product, uint8_t *numbers, uint8_t *counts,
                const int64_t rows, const int64_t fan_in, const int64_t fan_out, const int threads) {
    int failed = 0;
    list_inputs(spikes, numbers, counts, rows, fan_in, threads);
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : failed)
#endif
    for (int64_t o = 0; o < fan_out; o += PANEL)
        failed |= columns_from(o, grad, 1, 0, product, 1, numbers, counts, fan_in, rows, fan_out);
    return failed;
}
""".replace("@SHORTEST@", str(SHORTEST)).replace("@LONGEST@", str(LONGEST))
