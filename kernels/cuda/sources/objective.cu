#include "real.cuh"
// What GAN objectives are made of, from a batch of logits: one block goes over all, as a batch has some hundred.
//
// Floor on an H100: the launch.
constexpr int OBJECTIVE_THREADS = 256;

// The sum over the block, in a fixed order, for its first thread. Called once in a kernel.
template <class T>
__device__ __forceinline__ T block_total(T value) {
    __shared__ T sums[OBJECTIVE_THREADS / 32];
    for (int by = 16; by > 0; by /= 2) value += __shfl_xor_sync(~0u, value, by);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
    __syncthreads();
    T total = 0;
    for (int warp = 0; warp < OBJECTIVE_THREADS / 32; ++warp) total += sums[warp];
    return total;
}

// value = share·Σ softplus(t), gradient = sign·share·σ(t), with t = sign·s; softplus(t) = max(t, 0) + log(1 + e^−|t|).
extern "C" __global__ void __launch_bounds__(OBJECTIVE_THREADS)
logistic(const real* s, real* value, real* gradient, int count, real sign, real share) {
    real sum = 0;
    for (int i = threadIdx.x; i < count; i += OBJECTIVE_THREADS) {
        real t = sign * s[i], small = exp(-fabs(t));
        sum += (t < 0 ? 0 : t) + log1p(small);
        gradient[i] = (t < 0 ? small : 1) / (1 + small) * (sign * share);
    }
    real total = block_total(sum);
    if (threadIdx.x == 0) *value = total * share;
}

// share ← the share of the logits with sign·(s − boundary) > 0.
extern "C" __global__ void __launch_bounds__(OBJECTIVE_THREADS)
accuracy(const real* s, double* share, int count, real sign, real boundary) {
    int right = 0;
    for (int i = threadIdx.x; i < count; i += OBJECTIVE_THREADS) right += sign * (s[i] - boundary) > 0;
    int total = block_total(right);
    if (threadIdx.x == 0) *share = static_cast<double>(total) / count;
}
