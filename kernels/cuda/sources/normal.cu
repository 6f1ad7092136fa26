#include "elementwise.cuh"
#include "philox.cuh"
// N(0, 1) numbers of a key (Box and Muller 1958), four from each block of Philox: r·(cos 2πf, sin 2πf), r = √(−2 ln u), with
// u = (upper 24 bits of one word + 1)/2²⁴ in (0, 1] and f = upper 24 bits of the next/2²⁴ in [0, 1), both exact in float32.
//
// The key is read from device memory where a pointer is given, so that a captured graph draws new numbers at each replay.
//
// Floor on an H100: 4 bytes a number at 3.35 TB/s, and for two of them a logarithm, a root, a sine and a cosine.
extern "C" __global__ void __launch_bounds__(256)
normal(const unsigned long long* key_at, unsigned long long key_value, real* out, int count) {
    unsigned long long key = key_at ? *key_at : key_value;
    each_pack<1>(divide_up(count, 4), [&](int number) {
        Block block = philox(key, number);
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
            real u = real(static_cast<int>(block.at[i] >> 8) + 1) * real(1.0 / (1 << 24));
            real half_turns = real(static_cast<int>(block.at[i + 1] >> 8)) * real(2.0 / (1 << 24));
            real radius = sqrt(-2 * log(u));
            if (4 * number + i < count) out[4 * number + i] = radius * cospi(half_turns);
            if (4 * number + i + 1 < count) out[4 * number + i + 1] = radius * sinpi(half_turns);
        }
    });
}
