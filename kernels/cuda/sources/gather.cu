#include "divisor.cuh"
#include "elementwise.cuh"
#include "pointwise.cuh"
// to[i] = (add ? to[i] : 0) + Σ_s parts[s][i], or f(Σ_s parts[s][i] + bias[i mod channels]): the end of a product whose inner
// index was divided among blocks. blockDim.y threads share the parts of one i, in an order that is fixed by the shape, so the
// sum is the same at every run.
//
// Floor on an H100: 4·(splits + 1 or 2)·count bytes at 3.35 TB/s.
template <int WIDTH>
__device__ void gather_all(const real* parts, int splits, int count, int add, real* to, const real* bias, int channels,
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
                Pack<WIDTH> part = load<WIDTH>(parts + static_cast<int64>(s) * count, index);
#pragma unroll
                for (int i = 0; i < WIDTH; ++i) total.at[i] += part.at[i];
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

// whole: count is a multiple of 16 bytes, and so are channels where there is a bias.
extern "C" __global__ void __launch_bounds__(256)
gather(const real* parts, int splits, int count, int add, real* to, const real* bias, int channels, int whole, int kind,
       real slope) {
    BY_WIDTH(whole, gather_all, parts, splits, count, add, to, bias, channels, kind, slope);
}
