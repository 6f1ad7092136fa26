#include "block_sum.cuh"
#include "each_row.cuh"
#include "elementwise.cuh"
// Normalisation of each row of (M, C), a block a row (Ba, Kiros and Hinton 2016):
//     x̂ = (x − μ)/√(σ² + ε);     dx = (d − mean(d) − x̂·mean(d·x̂))/√(σ² + ε)
// The mean first and then the deviations from it; a row is read again from cache. A thread goes along its row as others do down
// a column: WIDTH numbers at a time, several loads under way.
//
// Floor on an H100: 8 bytes a number forward, 12 backward, at 3.35 TB/s.

template <int WIDTH>
__device__ __forceinline__ real sum_of(const Pack<WIDTH>& pack) {
    real sum = 0;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) sum += pack.at[i];
    return sum;
}

template <int WIDTH>
__device__ void normalise_row(const real* row, real* to, real* inverse, int columns, real epsilon) {
    int packs = columns / WIDTH;
    auto read = [&](int pack) { return load<WIDTH>(row, pack * WIDTH); };
    real sum = 0, square = 0;
    each_row<4>(threadIdx.x, ROW_THREADS, packs, read, [&](int, const Pack<WIDTH>& pack) { sum += sum_of(pack); });
    real mean = block_sum(sum) / columns;
    each_row<4>(threadIdx.x, ROW_THREADS, packs, read, [&](int, Pack<WIDTH> pack) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) pack.at[i] = (pack.at[i] - mean) * (pack.at[i] - mean);
        square += sum_of(pack);
    });
    real factor = 1 / sqrt(block_sum(square) / columns + epsilon);
    each_row<4>(threadIdx.x, ROW_THREADS, packs, read, [&](int place, Pack<WIDTH> pack) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) pack.at[i] = (pack.at[i] - mean) * factor;
        store(to, place * WIDTH, pack);
    });
    if (threadIdx.x == 0) *inverse = factor;
}

extern "C" __global__ void __launch_bounds__(ROW_THREADS)
forward(const real* x, real* normalised, real* inverse, int columns, int aligned, real epsilon) {
    int64 start = static_cast<int64>(blockIdx.x) * columns;
    BY_WIDTH(aligned, normalise_row, x + start, normalised + start, inverse + blockIdx.x, columns, epsilon);
}

template <int WIDTH>
struct Place {
    Pack<WIDTH> d, normalised;
};

template <int WIDTH>
__device__ void row_gradient(const real* d, const real* normalised, real factor, real* dx, int columns) {
    int packs = columns / WIDTH;
    auto read = [&](int pack) {
        return Place<WIDTH>{load<WIDTH>(d, pack * WIDTH), load<WIDTH>(normalised, pack * WIDTH)};
    };
    real sum = 0, product = 0;
    each_row<4>(threadIdx.x, ROW_THREADS, packs, read, [&](int, Place<WIDTH> at) {
        sum += sum_of(at.d);
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) at.d.at[i] *= at.normalised.at[i];
        product += sum_of(at.d);
    });
    real mean = block_sum(sum) / columns, slope = block_sum(product) / columns;
    each_row<4>(threadIdx.x, ROW_THREADS, packs, read, [&](int place, Place<WIDTH> at) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) at.d.at[i] = (at.d.at[i] - mean - at.normalised.at[i] * slope) * factor;
        store(dx, place * WIDTH, at.d);
    });
}

extern "C" __global__ void __launch_bounds__(ROW_THREADS)
backward(const real* d, const real* normalised, const real* inverse, real* dx, int columns, int aligned) {
    int64 start = static_cast<int64>(blockIdx.x) * columns;
    BY_WIDTH(aligned, row_gradient, d + start, normalised + start, inverse[blockIdx.x], dx + start, columns);
}
