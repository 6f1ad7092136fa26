#include "each_row.cuh"
#include "elementwise.cuh"
// Going down the columns of a matrix (M, C), WIDTH neighbouring columns a thread, and reducing over its rows in two stages. There
// are no atomics: the order of addition is fixed by the shape.
//
// A block has blockDim.x packs of WIDTH columns by blockDim.y rows, both powers of 2. Blocks beside each other in x share the
// columns between them; the gridDim.y blocks in y take rows in turn, blockDim.y at a time. With blockDim.y = 2 and gridDim.y = 3:
//
//     row   0  1 | 2  3 | 4  5 | 6  7 | 8  9 | 10 11 | 12 ...
//     block   0  |  1   |  2   |  0   |  1   |   2   |  0
//
// So all of them together read memory from its start to its end, and a later kernel that goes backwards finds in the level-2
// cache what was read last.
//
// In the first stage each block writes its partial sums to partial[which sum][blockIdx.y][column]; in the second stage another
// kernel adds the gridDim.y partial sums of each column. Where gridDim.y is 1, the block writes the result itself.

constexpr int COLUMN_THREADS = 1024, MERGE_THREADS = 256;

// The first of this thread's columns.
template <int WIDTH>
__device__ __forceinline__ int first_column() {
    return (blockIdx.x * blockDim.x + threadIdx.x) * WIDTH;
}

// The rows that this thread takes: its block's, from its threadIdx.y on.
template <int DEPTH, class Read, class Use>
__device__ __forceinline__ void each_row_of_block(int rows, const Read& read, const Use& use) {
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

// Where this block's partial sum of the which-th quantity goes.
__device__ __forceinline__ int partial_index(int which, int columns, int column) {
    return (which * gridDim.y + blockIdx.y) * columns + column;
}

// End the first stage for one sum a column. Row 0 of each block writes its partial sum; where `partial` is null it writes the
// result itself, added to what is there if `add` says so.
template <int WIDTH>
__device__ __forceinline__ void write_sums(Sums<1, WIDTH> sums, real* partial, int columns, int column, int add, real* to) {
    sums = merge_rows<COLUMN_THREADS>(sums);
    if (threadIdx.y || column >= columns) return;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) {
        real sum = sums.at[0].at[i];
        if (partial)
            partial[partial_index(0, columns, column + i)] = sum;
        else
            to[column + i] = add ? to[column + i] + sum : sum;
    }
}

// The second stage: the totals of `count` partial sums, for one column a thread; the threads of row 0 have them.
template <int COUNT>
__device__ __forceinline__ Sums<COUNT, 1> total_of_partials(const real* partial, int count, int columns, int column) {
    Sums<COUNT, 1> total = {};
    if (column < columns) {
        each_row<4>(
            threadIdx.y, blockDim.y, count,
            [&](int number) {
                Sums<COUNT, 1> found;
#pragma unroll
                for (int k = 0; k < COUNT; ++k) found.at[k].at[0] = partial[(k * count + number) * columns + column];
                return found;
            },
            [&](int, const Sums<COUNT, 1>& found) { total.merge(found); });
    }
    return merge_rows<MERGE_THREADS>(total);
}
