#include "each_row.cuh"
#include "elementwise.cuh"
// Going down the columns of a matrix (M, C), WIDTH neighbouring columns a thread; and sums down them, with no atomics: the order
// of addition is fixed by the shape.
//
// A block has blockDim.x packs of WIDTH columns by blockDim.y rows, both powers of 2. Blocks beside each other in x share the
// columns; those in y, `gridDim.y` parts, take rows in turn, blockDim.y at a time. So all of them together read memory from its
// start to its end, and a later kernel that goes backwards finds in the level-2 cache what was read last.
//
// A part's sum goes to parts[which sum][part][column], and a second kernel adds the parts. Where there is one part, its block
// writes the result itself.

constexpr int COLUMN_THREADS = 1024, MERGE_THREADS = 256;

// The first of this thread's columns.
template <int WIDTH>
__device__ __forceinline__ int first_column() {
    return (blockIdx.x * blockDim.x + threadIdx.x) * WIDTH;
}

// The rows of this thread's part.
template <int DEPTH, class Read, class Use>
__device__ __forceinline__ void each_row_of_part(int rows, const Read& read, const Use& use) {
    each_row<DEPTH>(blockIdx.y * blockDim.y + threadIdx.y, gridDim.y * blockDim.y, rows, read, use);
}

// WIDTH constants of neighbouring columns, or `otherwise` where there are none; `from` need not be aligned.
template <int WIDTH>
__device__ __forceinline__ Pack<WIDTH> constants(const real* from, int column, real otherwise = 0) {
    Pack<WIDTH> pack;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) pack.at[i] = from ? from[column + i] : otherwise;
    return pack;
}

// The most bytes of a value that is merged: a count and two numbers for each column of 16 bytes.
constexpr int MERGED_BYTES = sizeof(real) + 2 * 16;

// One piece of shared memory for whatever a kernel merges: the templates of each width would have a piece of their own.
template <int THREADS>
__device__ __forceinline__ void* merging_memory() {
    __shared__ __align__(16) unsigned char memory[THREADS * MERGED_BYTES];
    return memory;
}

// Merge the values of a block's rows, pairwise; row 0 returns with the total. `Value` merges by `a.merge(b)`.
template <int THREADS, class Value>
__device__ __forceinline__ Value merge_rows(Value value) {
    static_assert(sizeof(Value) <= MERGED_BYTES, "a value has no room");
    Value* values = static_cast<Value*>(merging_memory<THREADS>());
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

// COUNT plain sums for each of WIDTH columns.
template <int COUNT, int WIDTH>
struct Sums {
    Pack<WIDTH> at[COUNT];

    __device__ __forceinline__ void merge(const Sums& other) {
#pragma unroll
        for (int k = 0; k < COUNT; ++k)
#pragma unroll
            for (int i = 0; i < WIDTH; ++i) at[k].at[i] += other.at[k].at[i];
    }
};

// Where this block's part of the which-th sum goes.
__device__ __forceinline__ int place_of_part(int which, int columns, int column) {
    return (which * gridDim.y + blockIdx.y) * columns + column;
}

// The totals over `count` parts, for one column a thread; row 0 has them.
template <int COUNT>
__device__ __forceinline__ Sums<COUNT, 1> total_of_parts(const real* parts, int count, int columns, int column) {
    Sums<COUNT, 1> total = {};
    if (column < columns) {
        each_row<4>(
            threadIdx.y, blockDim.y, count,
            [&](int part) {
                Sums<COUNT, 1> found;
#pragma unroll
                for (int k = 0; k < COUNT; ++k) found.at[k].at[0] = parts[(k * count + part) * columns + column];
                return found;
            },
            [&](int, const Sums<COUNT, 1>& found) { total.merge(found); });
    }
    return merge_rows<MERGE_THREADS>(total);
}
