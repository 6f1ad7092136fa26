#include "matrix_group.cuh"
#include "tile.cuh"
// A block's part of a product on Hopper's tensor cores: float32 numbers in memory, of which TF32's bits are multiplied, and
// sums in float32. Each warpgroup keeps WARP_M × TILE_N sums. B's lines must run along k; A's may run along the rows, and
// then pass through registers.
#ifndef TILE_M
#define TILE_M 128
#define TILE_N 128
#define WARP_M 64
#define TILE_K 32
#define RING 3
#endif
constexpr int DEPTH = TILE_K, STAGES = RING, THREADS = TILE_M / WARP_M * 128;
static_assert(DEPTH == 32 && sizeof(real) == 4, "a line of a tile is 128 bytes");

// A tile whose lines wgmma reads.
template <int SIZE>
struct SwizzledTile {
    static constexpr bool RUNS_ALONG_K = true;
    static constexpr int LINES = SIZE, LENGTH = DEPTH, PITCH = DEPTH, NUMBERS = LINES * PITCH;

    static __device__ __forceinline__ int place(int line, int along) { return swizzled(line, along); }
};

template <bool A_ALONG_K, int SIZE>
struct TileOfA {
    typedef SwizzledTile<SIZE> Type;
};
template <int SIZE>
struct TileOfA<false, SIZE> {
    typedef Tile<SIZE, DEPTH, false, 8> Type;  // lanes 4g + t read (g, t): no two in a bank
};

template <bool A_ALONG_K, bool B_ALONG_K>
struct Accumulator {
    static_assert(B_ALONG_K, "wgmma reads TF32 along k only");
    static constexpr bool GOES_ON = true;
    static constexpr int ROWS = WARP_M / 64, COLUMNS = TILE_N / 8;
    typedef typename TileOfA<A_ALONG_K, TILE_M>::Type TileA;
    typedef SwizzledTile<TILE_N> TileB;
    static_assert(TileA::NUMBERS % 256 == 0, "what follows a tile lies at a multiple of 1024 bytes");

    float sums[ROWS][COLUMNS][4] = {};

    // Begin to multiply; the tiles must stay until `wait`.
    __device__ __forceinline__ void multiply(const real* a_tile, const real* b_tile) {
        int first = threadIdx.x / 128 * WARP_M;
        begin_group();
#pragma unroll
        for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int k = 0; k < DEPTH; k += 8) multiply_part(sums[i], a_tile, first + 64 * i, k, b_tile + k);
        commit_group();
    }

    __device__ __forceinline__ void multiply_part(float (&part)[COLUMNS][4], const real* a_tile, int row, int k,
                                                  const real* b) {
        if (A_ALONG_K) {
            multiply_group(part, a_tile + row * DEPTH + k, b);
            return;
        }
        int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
        const real* from = a_tile + (k + t) * TileA::PITCH + row + threadIdx.x % 128 / 32 * 16 + g;
        const int ahead = 4 * TileA::PITCH;
        unsigned a[4] = {as_bits(from[0]), as_bits(from[8]), as_bits(from[ahead]), as_bits(from[ahead + 8])};
        multiply_group(part, a, b);
    }

    // Copies that were waited for are seen by multiplications after a barrier.
    static __device__ __forceinline__ void publish_copies() { publish(); }
    // All multiplications are over.
    static __device__ __forceinline__ void wait() { wait_group<0>(); }

    // visit(what row_of gave for the row in the tile, column in the tile, sum) for each of this thread's sums.
    template <class RowOf, class Visit>
    __device__ __forceinline__ void each(const RowOf& row_of, const Visit& visit) const {
        int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
        int first = threadIdx.x / 128 * WARP_M + threadIdx.x % 128 / 32 * 16 + g;
#pragma unroll
        for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                auto row = row_of(first + 64 * i + half * 8);
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j)
#pragma unroll
                    for (int part = 0; part < 2; ++part) visit(row, 8 * j + 2 * t + part, sums[i][j][2 * half + part]);
            }
    }
};
