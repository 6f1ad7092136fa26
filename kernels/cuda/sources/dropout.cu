#include "elementwise.cuh"
#include "philox.cuh"
// Inverted dropout (Srivastava et al. 2014): y = x·scale where a word of random bits is at least `least`, else 0; a thread makes
// one block of Philox and does its four entries.
//
// The key is read from device memory where a pointer is given, so that a captured graph draws a new mask at each replay.
//
// Floor on an H100: 9 bytes an entry at 3.35 TB/s, either way; forward a quarter of a block of Philox more, some 20 integer
// operations.
extern "C" __global__ void __launch_bounds__(256)
forward(const unsigned long long* key_at, unsigned long long key_value, const real* x, real* y, unsigned char* kept, int count,
        unsigned least, real scale) {
    unsigned long long key = key_at ? *key_at : key_value;
    each_pack<1>(divide_up(count, 4), [&](int number) {
        Block block = philox(key, number);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            int index = 4 * number + i;
            if (index >= count) break;
            bool stays = block.at[i] >= least;
            y[index] = stays ? x[index] * scale : 0, kept[index] = stays;
        }
    });
}

extern "C" __global__ void __launch_bounds__(256)
backward(const real* dy, const unsigned char* kept, real* dx, int count, real scale) {
    each_pack<1>(count, [&](int index) { dx[index] = kept[index] ? dy[index] * scale : 0; });
}
