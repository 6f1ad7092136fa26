#include "real.cuh"
// Sums down the columns of a matrix (M, C) in two stages, with no atomics: the order of addition is fixed by the shape.
//
// A block has blockDim.x columns (a power of 2, at most 32) by blockDim.y rows, 256 threads. First, block (x, y) takes the
// y-th run of `run` rows of its columns and writes one partial sum for each; then one block for each blockDim.x columns adds
// the partial sums.

constexpr int COLUMN_THREADS = 256;

// Merge the values of a block's rows, pairwise; row 0 returns with the total. `Value` merges by `a.merge(b)`.
template <class Value>
__device__ __forceinline__ Value merge_rows(Value value) {
    __shared__ Value values[COLUMN_THREADS];
    int place = threadIdx.y * blockDim.x + threadIdx.x;
    values[place] = value;
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
            value.merge(values[place + half * blockDim.x]);
            values[place] = value;
        }
    }
    return value;
}

// COUNT plain sums.
template <int COUNT>
struct Sums {
    real at[COUNT];

    __device__ __forceinline__ void merge(const Sums& other) {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) at[i] += other.at[i];
    }
};

// The total of parts[p][index of the sum][column] over p, for one column of this block.
template <int COUNT>
__device__ __forceinline__ Sums<COUNT> total_of_parts(const real* parts, int count, int columns, int column) {
    Sums<COUNT> total = {};
    if (column < columns) {
        for (int p = threadIdx.y; p < count; p += blockDim.y) {
            Sums<COUNT> part;
#pragma unroll
            for (int i = 0; i < COUNT; ++i) part.at[i] = parts[(p * COUNT + i) * columns + column];
            total.merge(part);
        }
    }
    return merge_rows(total);
}
