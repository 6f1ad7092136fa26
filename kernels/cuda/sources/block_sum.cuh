#include "real.cuh"
// The sum over the 256 threads of a block, in a fixed order: within warps by shuffles, then over the 8 warps by everyone.
// Every thread gets it.
constexpr int ROW_THREADS = 256;

__device__ __forceinline__ real block_sum(real value) {
    __shared__ real sums[ROW_THREADS / 32];
    for (int by = 16; by > 0; by /= 2) value += __shfl_xor_sync(~0u, value, by);
    __syncthreads();  // the sums of the call before have been read
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    real total = 0;
#pragma unroll
    for (int warp = 0; warp < ROW_THREADS / 32; ++warp) total += sums[warp];
    return total;
}
