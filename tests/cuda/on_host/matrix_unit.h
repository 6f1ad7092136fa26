// Host twins of the tensor cores' instructions: each lane gives its registers, and takes its part of the product.
#pragma once
#include "cuda_host.h"

static inline unsigned bits_of(float value) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}
static inline float float_of(unsigned bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// cvt.rna.tf32.f32: 10 bits after the point, ties away from zero.
static inline unsigned round_tf32(float value) {
    unsigned bits = bits_of(value);
    return isfinite(value) ? (bits + 0x1000u) & ~0x1FFFu : bits;
}
static inline unsigned round_tf32(unsigned bits) { return round_tf32(float_of(bits)); }
// cvt.rn.bf16x2.f32: 7 bits after the point, ties to even; `low` in the lower half.
static inline unsigned half_bf16(float value) {
    unsigned bits = bits_of(value);
    return isnan(value) ? 0x7FFFu : (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
}
static inline unsigned pack_bf16(float low, float high) { return half_bf16(high) << 16 | half_bf16(low); }

// ldmatrix: lane i gives where row i % 8 of matrix i / 8 lies; lane 4g + t gets the t-th four bytes of row g of each.
UNCHECKED static void load_matrices(unsigned (&to)[4], const void* row) {
    if (uintptr_t(row) % 16) host::fail("thread %d: a matrix's row is not aligned", host::current->number);
    host::check("reads", row, 16);
    const unsigned char(*all)[host::MOST_BYTES] = host::exchange(~0u, &row, sizeof row, -3);
    int lane = host::current->number % 32;
    for (int matrix = 0; matrix < 4; ++matrix) {
        const char* from;
        memcpy(&from, all[8 * matrix + lane / 4], sizeof from);
        memcpy(&to[matrix], from + 4 * (lane % 4), 4);
    }
}

struct Fragments {
    unsigned a[4], b[2];
};

// c += a·b of 16×8 and 8×8, TF32. Lane 4g + t holds a: (g, t), (g+8, t), (g, t+4), (g+8, t+4); b: (t, g), (t+4, g);
// c: (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1).
UNCHECKED static void multiply_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    Fragments mine;
    memcpy(mine.a, a, sizeof a), memcpy(mine.b, b, sizeof b);
    const unsigned char(*all)[host::MOST_BYTES] = host::exchange(~0u, &mine, sizeof mine, -1);
    int lane = host::current->number % 32, g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
        int half = i / 2, column = 2 * t + i % 2;
        for (int k = 0; k < 8; ++k) {
            const Fragments& left = *(const Fragments*)all[4 * g + k % 4];
            const Fragments& right = *(const Fragments*)all[4 * column + k % 4];
            c[i] += float_of(left.a[half + 2 * (k / 4)]) * float_of(right.b[k / 4]);
        }
    }
}

// c += a·b of 16×16 and 16×8, bf16, two numbers a register: a: (g, 2t..), (g+8, 2t..), (g, 2t+8..), (g+8, 2t+8..);
// b: (2t.., g), (2t+8.., g); c as above.
UNCHECKED static void multiply_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    Fragments mine;
    memcpy(mine.a, a, sizeof a), memcpy(mine.b, b, sizeof b);
    const unsigned char(*all)[host::MOST_BYTES] = host::exchange(~0u, &mine, sizeof mine, -2);
    int lane = host::current->number % 32, g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
        int half = i / 2, column = 2 * t + i % 2;
        for (int k = 0; k < 16; ++k) {
            const Fragments& left = *(const Fragments*)all[4 * g + k % 8 / 2];
            const Fragments& right = *(const Fragments*)all[4 * column + k % 8 / 2];
            unsigned x = left.a[half + 2 * (k / 8)] >> 16 * (k % 2), y = right.b[k / 8] >> 16 * (k % 2);
            c[i] += float_of(x << 16) * float_of(y << 16);
        }
    }
}
