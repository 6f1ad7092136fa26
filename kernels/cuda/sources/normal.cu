#include "elementwise.cuh"
// Two N(0, 1) numbers from each word of random bits (Box and Muller 1958): r·(cos 2πf, sin 2πf), r = √(−2 ln u), with
// u = (upper 24 bits + 1)/2²⁴ in (0, 1] and f = lower 24 bits/2²⁴ in [0, 1), both exact in float32.
//
// Floor on an H100: 16 bytes a word at 3.35 TB/s, and a logarithm, a root, a sine and a cosine.
extern "C" __global__ void __launch_bounds__(256) normal(const unsigned long long* bits, real* out, int words) {
    each_pack<1>(words, [&](int index) {
        unsigned long long word = bits[index];
        real u = real(static_cast<int>(word >> 40) + 1) * real(1.0 / (1 << 24));
        real half_turns = real(static_cast<int>(word & 0xFFFFFF)) * real(2.0 / (1 << 24)), radius = sqrt(-2 * log(u));
        out[2 * index] = radius * cospi(half_turns), out[2 * index + 1] = radius * sinpi(half_turns);
    });
}
