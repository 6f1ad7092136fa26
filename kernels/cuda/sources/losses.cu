#include "elementwise.cuh"
// Softplus, from which the GAN objectives are made, and the softmax cross-entropy; exact at any finite logit, and NaN stays.
//
// Floor on an H100: 8 bytes a number at 3.35 TB/s; of a batch of logits, the launch.

// log(1 + eˢ) = max(s, 0) + log(1 + e^−|s|).
extern "C" __global__ void __launch_bounds__(256) softplus(const real* s, real* value, int count) {
    each_pack<1>(count, [&](int i) { value[i] = (s[i] < 0 ? 0 : s[i]) + log1p(exp(-fabs(s[i]))); });
}

// 1/(1 + e⁻ˢ), with e^−|s| on both sides so that small probabilities keep their digits.
extern "C" __global__ void __launch_bounds__(256) softplus_derivative(const real* s, real* value, int count) {
    each_pack<1>(count, [&](int i) {
        real small = exp(-fabs(s[i]));
        value[i] = (s[i] < 0 ? small : 1) / (1 + small);
    });
}

// −log softmax(s)[label] and softmax(s) − onehot(label), a warp for each row of s. A label that is no class gives NaN.
extern "C" __global__ void __launch_bounds__(256)
cross_entropy(const real* logits, const int64* labels, real* loss, real* derivative, int rows, int classes) {
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;  // all lanes of a warp return together
    const real* s = logits + static_cast<int64>(row) * classes;
    int64 label = labels[row];
    bool known = label >= 0 && label < classes;
    real largest = s[0], total = 0;
    for (int c = lane; c < classes; c += 32) largest = s[c] > largest ? s[c] : largest;
    for (int by = 16; by > 0; by /= 2) largest = max(largest, __shfl_xor_sync(~0u, largest, by));
    for (int c = lane; c < classes; c += 32) total += exp(s[c] - largest);
    for (int by = 16; by > 0; by /= 2) total += __shfl_xor_sync(~0u, total, by);
    for (int c = lane; c < classes; c += 32)
        derivative[static_cast<int64>(row) * classes + c] = known ? exp(s[c] - largest) / total - (c == label) : static_cast<real>(nan(""));
    if (lane == 0) loss[row] = known ? log(total) - (s[label] - largest) : static_cast<real>(nan(""));
}
