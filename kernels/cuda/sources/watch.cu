#include "elementwise.cuh"
// Whether numbers are finite, asked on the device, where a flag keeps the answer.
//
// Floor on an H100: 4 bytes a number at 3.35 TB/s; of a loss, the launch.

__device__ __forceinline__ bool is_finite(real x) { return x - x == 0; }  // ∞ − ∞ and NaN − NaN are NaN

// flag ← code where an element of values is NaN or infinite, unless the flag is up already. All threads that find one write the
// same code, so it does not matter who is last, nor whether another block finds the flag up and stops.
extern "C" __global__ void __launch_bounds__(256)
look(const real* values, int count, int aligned, int* flag, int code) {
    if (*flag) return;
    int packs = aligned ? count / CHUNK * CHUNK : 0;
    bool fine = true;
    each_pack<CHUNK>(packs, [&](int i) {
        Pack<CHUNK> pack = load<CHUNK>(values, i);
#pragma unroll
        for (int k = 0; k < CHUNK; ++k) fine = fine && is_finite(pack.at[k]);
    });
    each_pack<1>(count - packs, [&](int i) { fine = fine && is_finite(values[packs + i]); });
    if (!fine) *flag = code;
}
