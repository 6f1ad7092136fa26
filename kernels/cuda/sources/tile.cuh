#include "async_copy.cuh"
#include "real.cuh"
// Tiles of a product's two operands in shared memory, and filling them from global memory.
//
// An operand consists of lines, each contiguous in memory: a line is a row (or column) of the product's matrix, its numbers one for
// each step of the inner index k ("along k", what CUTLASS calls K-major), or it is one step of k, its numbers one for each row.
// An operand offers
//     Line, Along                 where a line and a place along it lie, decoded from their numbers by
//     line(index), along(index)   and cheap to put together:
//     inside(line, along)         false where the number is 0: outside the matrix, or in an image's padding
//     offset(line, along)         where it lies in `data`, if inside
//     ahead(along, steps)         the place so many steps on
//     below(line, stride)         the line so many further on as stride(count) says; from lines() on there are none
//     aligned                     chunks of 16 bytes along a line are aligned and lie wholly inside or outside
// A tile keeps the operand's order, so that chunks can be copied as they are, and pads each line by PAD so that the reads of a
// warp fall into different banks.

// A tile of SIZE rows (or columns) by DEPTH steps of k; ALONG_K says that lines run along k.
template <int SIZE, int DEPTH, bool ALONG_K, int PAD>
struct Tile {
    static constexpr bool RUNS_ALONG_K = ALONG_K, SWIZZLED = false;
    static constexpr int LINES = ALONG_K ? SIZE : DEPTH, LENGTH = ALONG_K ? DEPTH : SIZE;
    static constexpr int PITCH = LENGTH + PAD;
    static constexpr int NUMBERS = LINES * PITCH;

    static __device__ __forceinline__ int place(int line, int along) { return line * PITCH + along; }
    static __device__ __forceinline__ element get(const element* tile, int index, int k) {
        return ALONG_K ? tile[index * PITCH + k] : tile[k * PITCH + index];
    }
};

// What one thread copies of one tile after the other: the chunks of 16 bytes at one place along every STEP-th line. Where they lie
// in global memory is decoded once; after each tile the thread moves on by the tile's DEPTH, along the lines or to the lines below.
// (Decoding anew for each tile took as long as the products themselves.)
//
// An example: 128 rows by 16 steps of k in float32, lines along k, 256 threads. A line is ACROSS = 4 chunks; 256 threads copy
// STEP = 64 lines at a time, so each has LINES = 2. Thread 5 copies chunk 5 % 4 = 1, k = 4 to 7, of lines 5 / 4 = 1 and 1 + 64 = 65:
//
//              k = 0..3   4..7   8..11   12..15
//     line  0     t0       t1      t2      t3
//     line  1     t4       t5      t6      t7
//     ...
//     line 64     t0       t1      t2      t3
//     line 65     t4       t5      t6      t7
template <class Tile, int THREADS, class Operand>
struct Filler {
    static constexpr bool ALONG_K = Tile::RUNS_ALONG_K;
    static constexpr int ACROSS = Tile::LENGTH / ELEMENTS, STEP = THREADS / ACROSS, LINES = (Tile::LINES + STEP - 1) / STEP;
    static_assert(Tile::LENGTH % ELEMENTS == 0 && THREADS % ACROSS == 0, "chunks must divide evenly");
    static_assert(STEP % 8 == 0 || !Tile::SWIZZLED, "lines whose chunks are swizzled alike must follow");

    const Operand& operand;
    int first_line, first_along, k;
    typename Operand::Line lines[LINES];
    typename Operand::Along along;
    static constexpr bool SINGLE = sizeof(element) >= 4;  // cp.async copies at least 4 bytes: bf16 operands must be aligned
    // Those of single numbers, where they stay the same from tile to tile; larger tiles have no registers for them.
    static constexpr int PLACES = SINGLE && !ALONG_K && Tile::LENGTH <= 64 ? ELEMENTS : 1;
    typename Operand::Along places[PLACES];

    __device__ __forceinline__ Filler(const Operand& operand, int first_index, int first_k)
        : operand(operand), first_line(threadIdx.x / ACROSS), first_along(threadIdx.x % ACROSS * ELEMENTS), k(first_k) {
        int line = (ALONG_K ? first_index : first_k) + first_line;
#pragma unroll
        for (int i = 0; i < LINES; ++i) lines[i] = operand.line(line + i * STEP);
        along = operand.along((ALONG_K ? first_k : first_index) + first_along);
        first_along += ALONG_K ? 0 : first_index;
        if (PLACES > 1 && !operand.aligned) {
#pragma unroll
            for (int n = 0; n < PLACES; ++n) places[n] = operand.along(first_along + n);
        }
    }

    // Ask for the next tile.
    __device__ __forceinline__ void fill(element* tile) {
        element* to = tile + Tile::place(first_line, threadIdx.x % ACROSS * ELEMENTS);
        if (operand.aligned || !SINGLE) {
#pragma unroll
            for (int i = 0; i < LINES; ++i)
                if (in_tile(i)) copy<16>(to + i * STEP * Tile::PITCH, i, along);
        } else if constexpr (PLACES > 1) {
#pragma unroll
            for (int n = 0; n < PLACES; ++n) copy_singly(to + n, places[n]);
        } else {
#pragma unroll 1
            for (int n = 0; n < ELEMENTS; ++n) copy_singly(to + n, operand.along((ALONG_K ? k : 0) + first_along + n));
        }
        if constexpr (ALONG_K) {
            operand.ahead(along, Tile::LENGTH);
        } else {
            auto stride = operand.stride(Tile::LINES);
#pragma unroll
            for (int i = 0; i < LINES; ++i) operand.below(lines[i], stride);
        }
        k += ALONG_K ? Tile::LENGTH : Tile::LINES;
    }

    __device__ __forceinline__ bool in_tile(int i) const {
        return Tile::LINES % STEP == 0 || first_line + i * STEP < Tile::LINES;
    }

    __device__ __forceinline__ void copy_singly(element* to, const typename Operand::Along& place) const {
#pragma unroll
        for (int i = 0; i < LINES; ++i)
            if (in_tile(i)) copy<SINGLE ? sizeof(element) : 4>(to + i * STEP * Tile::PITCH, i, place);
    }

    template <int BYTES>
    __device__ __forceinline__ void copy(element* to, int i, const typename Operand::Along& place) const {
        bool inside = operand.inside(lines[i], place);
        if constexpr (!ALONG_K) inside = inside && k + first_line + i * STEP < operand.lines();
        copy_async<BYTES>(to, operand.data + operand.offset(lines[i], place), inside);
    }
};
