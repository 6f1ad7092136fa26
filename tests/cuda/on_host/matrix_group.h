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

// A number of a tile, its chunk where bits 7 to 9 of its address say. Lines of 128 bytes are rows along k, or steps of k along
// 64 rows (64 steps, then the next 64 rows).
template <bool ALONG_K, class Number>
UNCHECKED static float group_number(const Number* tile, int row, int k) {
    const int line = 128 / sizeof(Number);
    const Number* plain = ALONG_K ? tile + row * line + k : tile + row / line * (64 * line) + k * line + row % line;
    uintptr_t address = uintptr_t(plain);
    const Number* from = (const Number*)(address ^ (address >> 7 & 7) << 4);
    check("reads", from, sizeof(Number));
    return sizeof(Number) == 2 ? float_of(unsigned(*from) << 16) : cut_tf32(bits_of(*from));
}

}  // namespace host

// c += a·b of 64 rows and N columns, 32 bytes of k, both in shared memory.
template <bool A_ALONG_K, bool B_ALONG_K, int COLUMNS, class Number>
UNCHECKED static void multiply_group(float (&c)[COLUMNS][4], const Number* a, const Number* b) {
    int number = host::current->number % 128, g = number % 32 / 4, t = number % 4;
    for (int j = 0; j < COLUMNS; ++j)
        for (int i = 0; i < 4; ++i) {
            int row = number / 32 * 16 + g + i / 2 * 8, column = 8 * j + 2 * t + i % 2;
            for (int k = 0; k < int(32 / sizeof(Number)); ++k)
                c[j][i] += host::group_number<A_ALONG_K>(a, row, k) * host::group_number<B_ALONG_K>(b, column, k);
        }
}

// The same of TF32 with a in registers: (g, t), (g+8, t), (g, t+4), (g+8, t+4).
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
            for (int k = 0; k < 8; ++k)
                c[j][i] += rows[i / 2][k] * host::group_number<true>(b, 8 * j + 2 * t + i % 2, k);
}
