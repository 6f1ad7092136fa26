// Host twins of wgmma: each thread works out its own sums from the tiles in shared memory, at once.
#pragma once
#include "cuda_host.h"
#include "matrix_unit.h"

static inline unsigned as_bits(float value) { return bits_of(value); }
static inline void publish() {}
static inline void begin_group() {}
static inline void commit_group() {}
template <int GROUPS>
static inline void wait_group() {}

namespace host {

// As the tensor cores read TF32: without the last 13 bits.
static inline float cut_tf32(unsigned bits) { return float_of(bits & ~0x1FFFu); }

// Number k of a line of 128 bytes, its chunk where bits 7 to 9 of its address say.
UNCHECKED static float group_number(const float* tile, int line, int k) {
    uintptr_t address = uintptr_t(tile + line * 32 + k);
    const float* from = (const float*)(address ^ (address >> 7 & 7) << 4);
    check("reads", from, 4);
    return cut_tf32(bits_of(*from));
}

}  // namespace host

// c += a·b of 64×8 and 8×N: a and b are lines along k in shared memory.
template <int COLUMNS>
UNCHECKED static void multiply_group(float (&c)[COLUMNS][4], const float* a, const float* b) {
    int number = host::current->number % 128, g = number % 32 / 4, t = number % 4;
    for (int j = 0; j < COLUMNS; ++j)
        for (int i = 0; i < 4; ++i) {
            int row = number / 32 * 16 + g + i / 2 * 8, column = 8 * j + 2 * t + i % 2;
            for (int k = 0; k < 8; ++k) c[j][i] += host::group_number(a, row, k) * host::group_number(b, column, k);
        }
}

// The same with a in registers: (g, t), (g+8, t), (g, t+4), (g+8, t+4).
template <int COLUMNS>
UNCHECKED static void multiply_group(float (&c)[COLUMNS][4], const unsigned (&a)[4], const float* b) {
    const unsigned char(*all)[host::MOST_BYTES] = host::exchange(~0u, a, sizeof a, -4);
    int lane = host::current->number % 32, g = lane / 4, t = lane % 4;
    float rows[2][8];
    for (int half = 0; half < 2; ++half)
        for (int k = 0; k < 8; ++k) {
            unsigned given[4];
            memcpy(given, all[4 * g + k % 4], sizeof given);
            rows[half][k] = host::cut_tf32(given[half + k / 4 * 2]);
        }
    for (int j = 0; j < COLUMNS; ++j)
        for (int i = 0; i < 4; ++i)
            for (int k = 0; k < 8; ++k) c[j][i] += rows[i / 2][k] * host::group_number(b, 8 * j + 2 * t + i % 2, k);
}
