#include "real.cuh"
// to[i] = (add ? to[i] : 0) + Σ_s parts[s][i]: the end of a product whose inner index was divided among blocks. The order is
// fixed, so the sum is the same at every run.
//
// Floor on an H100: 4·(splits + 1 or 2)·count bytes at 3.35 TB/s.
extern "C" __global__ void __launch_bounds__(256) gather(const real* parts, int splits, int count, int add, real* to) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        real total = parts[i];
        for (int s = 1; s < splits; ++s) total += parts[static_cast<long long>(s) * count + i];
        to[i] = add ? to[i] + total : total;
    }
}
