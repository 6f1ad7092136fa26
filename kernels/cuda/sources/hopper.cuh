#include "matrix_group.cuh"
#include "tile.cuh"
// A block's tile of a product on Hopper's tensor cores, float32 numbers of which TF32's bits are multiplied or bf16 ones, with
// sums in float32. Each warpgroup keeps WARP_M × TILE_N sums. TF32 is read along k only: B's lines must run along k, and A's
// pass through registers if they do not.
#ifndef TILE_M
#define TILE_M 128
#define TILE_N 128
#define WARP_M 64
#define TILE_K 32
#define PIPELINE_STAGES 3
#endif
constexpr int DEPTH = TILE_K, STAGES = PIPELINE_STAGES, THREADS = TILE_M / WARP_M * 128;
static_assert(DEPTH == LINE_ELEMENTS, "a line of a tile is 128 bytes");

// A tile that wgmma reads: SIZE lines along k, or DEPTH lines of SIZE rows, 64 by 64.
template <int SIZE, bool ALONG_K>
struct GroupTile {
    static constexpr bool RUNS_ALONG_K = ALONG_K, SWIZZLED = true;
    static constexpr int LINES = ALONG_K ? SIZE : DEPTH, LENGTH = ALONG_K ? DEPTH : SIZE, PITCH = LINE_ELEMENTS;
    static constexpr int NUMBERS = LINES * LENGTH;
    static_assert(ALONG_K || DEPTH == LINES_OF_K, "the distance that `described` states");

    static __device__ __forceinline__ int place(int line, int along) {
        return along / LINE_ELEMENTS * (LINES * LINE_ELEMENTS) + swizzled(line, along % LINE_ELEMENTS);
    }
    // Where in the tile the 64 rows from `row` on begin, at step k (of columns: row 0, all of them).
    static __device__ __forceinline__ int start(int row, int k) {
        return ALONG_K ? row * LINE_ELEMENTS + k : row / LINE_ELEMENTS * (LINES * LINE_ELEMENTS) + k * LINE_ELEMENTS;
    }
};

template <int SIZE, bool READABLE, bool ALONG_K>
struct TileOf {
    typedef GroupTile<SIZE, ALONG_K> Type;
};
template <int SIZE>
struct TileOf<SIZE, false, false> {
    typedef Tile<SIZE, DEPTH, false, 8> Type;  // lanes 4g + t read (g, t): no two in a bank
};

template <bool A_ALONG_K, bool B_ALONG_K>
struct Accumulator {
    static constexpr bool ASYNCHRONOUS = true, IS_BF16 = sizeof(element) == 2;
    typedef Pack<2> Neighbours;  // how `each` gives out sums
    static_assert(B_ALONG_K || IS_BF16, "TF32 is read along k only");
    static constexpr int ROWS = WARP_M / 64, COLUMNS = TILE_N / 8;
    typedef typename TileOf<TILE_M, IS_BF16, A_ALONG_K>::Type TileA;
    typedef GroupTile<TILE_N, B_ALONG_K> TileB;
    static_assert(TileA::NUMBERS * sizeof(element) % 1024 == 0, "what follows a tile lies at a multiple of 1024 bytes");

    float sums[ROWS][COLUMNS][4] = {};

    // Begin to multiply; the tiles must stay until `wait`.
    __device__ __forceinline__ void multiply(const element* a_tile, const element* b_tile) {
        int first = threadIdx.x / 128 * WARP_M;
        Described b = described<B_ALONG_K>(b_tile);
        begin_group();
#pragma unroll
        for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int k = 0; k < DEPTH; k += GROUP_STEP)
                Step<A_ALONG_K || IS_BF16>::multiply(sums[i], a_tile, first + 64 * i, k, moved(b, TileB::start(0, k)));
        commit_group();
    }

    // 64 rows, one step of k; READABLE: A's tile is one that wgmma reads.
    template <bool READABLE, class Unused = void>
    struct Step {
        static __device__ __forceinline__ void multiply(float (&c)[COLUMNS][4], const element* a_tile, int row, int k,
                                                        Described b) {
            Described a = described<A_ALONG_K>(a_tile + TileA::start(row, 0));
            multiply_group<A_ALONG_K, B_ALONG_K>(c, moved(a, TileA::start(0, k)), b);
        }
    };
#ifndef BF16
    template <class Unused>
    struct Step<false, Unused> {
        static __device__ __forceinline__ void multiply(float (&c)[COLUMNS][4], const element* a_tile, int row, int k,
                                                        Described b) {
            int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
            const int ahead = 4 * TileA::PITCH;
            const element* from = a_tile + (k + t) * TileA::PITCH + row + threadIdx.x % 128 / 32 * 16 + g;
            unsigned a[4] = {as_bits(from[0]), as_bits(from[8]), as_bits(from[ahead]), as_bits(from[ahead + 8])};
            multiply_group(c, a, b);
        }
    };
#endif

    // Copies that were waited for are seen by multiplications after a barrier.
    static __device__ __forceinline__ void publish_copies() { publish(); }
    // All multiplications are over. (To begin the next tile's while one tile's went on gained nothing on an H200.)
    static __device__ __forceinline__ void wait() { wait_group<0>(); }

    // visit(what row_of gave for the row in the tile, first column in the tile, pack of neighbours) for this thread's sums.
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
                    visit(row, 8 * j + 2 * t, Neighbours{sums[i][j][2 * half], sums[i][j][2 * half + 1]});
            }
    }
};
