#include "async_copy.cuh"
#include "real.cuh"
// Tiles of a product's two operands in shared memory, and filling them from global memory.
//
// An operand is seen as lines, each contiguous in memory: a line is a row (or column) of the product's matrix, or one step of
// its inner index k. It offers
//     line(index), along(index)   where a line and a place along it lie, decoded from their numbers
//     address(line, along)        the number there, or null where it is 0: outside the matrix, or in a picture's padding
//     whole                       chunks of 16 bytes along a line are aligned and lie wholly inside or outside
// A tile keeps the operand's order, so that chunks can be copied as they are, and pads each line so that the reads of a warp
// fall into different banks.

// A tile of SIZE rows (or columns) by DEPTH steps of k; ALONG_K says that lines run along k.
template <int SIZE, int DEPTH, bool ALONG_K>
struct Tile {
    static constexpr bool RUNS_ALONG_K = ALONG_K;
    static constexpr int LINES = ALONG_K ? SIZE : DEPTH, LENGTH = ALONG_K ? DEPTH : SIZE;
    static constexpr int PITCH = LENGTH + (ALONG_K ? CHUNK : 2 * CHUNK);
    static constexpr int NUMBERS = LINES * PITCH;

    static __device__ __forceinline__ real get(const real* tile, int index, int k) {
        return ALONG_K ? tile[index * PITCH + k] : tile[k * PITCH + index];
    }

    // Ask for the tile that begins at (first index, first k). Threads share it chunk by chunk.
    template <int THREADS, class Operand>
    static __device__ __forceinline__ void fill(real* tile, const Operand& operand, int first_index, int first_k) {
        constexpr int ACROSS = LENGTH / CHUNK, STEP = THREADS / ACROSS;
        static_assert(LENGTH % CHUNK == 0 && THREADS % ACROSS == 0, "chunks must divide evenly");
        int column = threadIdx.x % ACROSS * CHUNK, first_line = ALONG_K ? first_index : first_k;
        int first_along = (ALONG_K ? first_k : first_index) + column;
        auto along = operand.along(first_along);
        if (operand.whole) {
#pragma unroll
            for (int row = threadIdx.x / ACROSS; row < LINES; row += STEP) {
                const real* from = operand.address(operand.line(first_line + row), along);
                copy_async<16>(tile + row * PITCH + column, from ? from : operand.data, from != nullptr);
            }
            return;
        }
#pragma unroll 1
        for (int row = threadIdx.x / ACROSS; row < LINES; row += STEP) {
            auto line = operand.line(first_line + row);
#pragma unroll
            for (int i = 0; i < CHUNK; ++i) {
                const real* from = operand.address(line, operand.along(first_along + i));
                copy_async<sizeof(real)>(tile + row * PITCH + column + i, from ? from : operand.data, from != nullptr);
            }
        }
    }
};
