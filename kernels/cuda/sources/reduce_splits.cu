#include "divisor.cuh"
#include "elementwise.cuh"
#include "pointwise.cuh"
// The reduction of a split-K product, whose inner index was divided among blocks, each of which wrote a partial result:
//     to[i] = (add ? to[i] : 0) + Σ_s partial[s][i]     or     f(Σ_s partial[s][i] + bias[i mod channels])
// blockDim.y threads share the partial results of one i, in an order that is fixed by the shape, so the sum has the same bits at
// every run. With blockDim.y = 4 and 10 splits, thread y adds
//     y = 0: s = 0, 4, 8      y = 1: s = 1, 5, 9      y = 2: s = 2, 6      y = 3: s = 3, 7
// and thread 0 then adds the sums of threads 1, 2 and 3 to its own.
//
// Floor on an H100: 4·(splits + 1 or 2)·count bytes at 3.35 TB/s.
template <int WIDTH>
__device__ void reduce_all(const real* partial, int splits, int count, int add, real* to, const real* bias, int channels,
                           int kind, real slope) {
    __shared__ Pack<WIDTH> sums[256];
    Divisor by(channels);
    int packs = count / WIDTH;
    // All threads of a block take the same number of turns: they meet at the barriers.
    for (int first = blockIdx.x * blockDim.x; first < packs; first += gridDim.x * blockDim.x) {
        int index = (first + threadIdx.x) * WIDTH;
        bool inside = first + static_cast<int>(threadIdx.x) < packs;
        Pack<WIDTH> total = {};
        if (inside) {
#pragma unroll 4
            for (int s = threadIdx.y; s < splits; s += blockDim.y) {
                Pack<WIDTH> pack = load<WIDTH>(partial + static_cast<int64>(s) * count, index);
#pragma unroll
                for (int i = 0; i < WIDTH; ++i) total.at[i] += pack.at[i];
            }
        }
        if (blockDim.y > 1) {
            sums[threadIdx.y * blockDim.x + threadIdx.x] = total;
            __syncthreads();
            if (threadIdx.y == 0)
                for (int lane = 1; lane < blockDim.y; ++lane)
#pragma unroll
                    for (int i = 0; i < WIDTH; ++i) total.at[i] += sums[lane * blockDim.x + threadIdx.x].at[i];
            __syncthreads();
        }
        if (!inside || threadIdx.y) continue;
        Pack<WIDTH> before = {};
        if (add) before = load<WIDTH>(to, index);
        int channel = index - by.quotient(index) * channels;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i)
            total.at[i] = add ? before.at[i] + total.at[i]
                              : activate(bias ? total.at[i] + bias[channel + i] : total.at[i], kind, slope);
        store(to, index, total);
    }
}

// aligned: count is a multiple of 16 bytes, and so are channels where there is a bias.
extern "C" __global__ void __launch_bounds__(256)
reduce_splits(const real* partial, int splits, int count, int add, real* to, const real* bias, int channels, int aligned,
              int kind, real slope) {
    BY_WIDTH(aligned, reduce_all, partial, splits, count, add, to, bias, channels, kind, slope);
}
