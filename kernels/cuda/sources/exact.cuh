#include "tile.cuh"
// A block's tile of a product in the arithmetic of `real`: each thread keeps THREAD_M × THREAD_N sums in registers.
#ifndef TILE_M
#define TILE_M 64
#define TILE_N 64
#define THREAD_M 4
#define THREAD_N 4
#endif
#ifndef TILE_K
#define TILE_K 16
#define PIPELINE_STAGES 2
#endif
constexpr int DEPTH = TILE_K, STAGES = PIPELINE_STAGES;
constexpr int ACROSS = TILE_N / THREAD_N, DOWN = TILE_M / THREAD_M, THREADS = ACROSS * DOWN;

// What a tile's lines are padded by.
template <bool ALONG_K>
constexpr int PAD = ALONG_K ? CHUNK : 2 * CHUNK;

// Which of SIZE rows (or columns) a thread's i-th is: chunks of neighbours where the tile's lines run along them, else strided.
template <int COUNT, int GROUPS, bool ALONG_K>
struct Share {
    static constexpr int WIDTH = ALONG_K ? 1 : COUNT < CHUNK ? COUNT : CHUNK;
    static __device__ __forceinline__ int place(int thread, int i) {
        return i / WIDTH * (WIDTH * GROUPS) + thread * WIDTH + i % WIDTH;
    }

    // CHUNK steps of k for all of a thread's rows, in loads of up to 16 bytes.
    template <class Tile>
    static __device__ __forceinline__ void load(real (&to)[COUNT][CHUNK], const real* tile, int thread, int k) {
#pragma unroll
        for (int i = 0; i < COUNT; i += WIDTH) {
            int index = place(thread, i);
            if (ALONG_K) {
                Pack<CHUNK> pack = *reinterpret_cast<const Pack<CHUNK>*>(tile + index * Tile::PITCH + k);
#pragma unroll
                for (int step = 0; step < CHUNK; ++step) to[i][step] = pack.at[step];
            } else {
#pragma unroll
                for (int step = 0; step < CHUNK; ++step) {
                    auto* from = reinterpret_cast<const Pack<WIDTH>*>(tile + (k + step) * Tile::PITCH + index);
                    Pack<WIDTH> pack = *from;
#pragma unroll
                    for (int j = 0; j < WIDTH; ++j) to[i + j][step] = pack.at[j];
                }
            }
        }
    }
};

template <bool A_ALONG_K, bool B_ALONG_K>
struct Accumulator {
    typedef Tile<TILE_M, DEPTH, A_ALONG_K, PAD<A_ALONG_K>> TileA;
    typedef Tile<TILE_N, DEPTH, B_ALONG_K, PAD<B_ALONG_K>> TileB;
    typedef Share<THREAD_M, DOWN, A_ALONG_K> Rows;
    typedef Share<THREAD_N, ACROSS, B_ALONG_K> Columns;

    static constexpr bool ASYNCHRONOUS = false;
    typedef Pack<1> Neighbours;  // how `each` gives out sums

    real sums[THREAD_M][THREAD_N] = {};

    __device__ __forceinline__ void multiply(const real* a_tile, const real* b_tile) {
        int down = threadIdx.x / ACROSS, across = threadIdx.x % ACROSS;
#pragma unroll
        for (int k = 0; k < DEPTH; k += CHUNK) {
            real a[THREAD_M][CHUNK], b[THREAD_N][CHUNK];
            Rows::template load<TileA>(a, a_tile, down, k);
            Columns::template load<TileB>(b, b_tile, across, k);
#pragma unroll
            for (int step = 0; step < CHUNK; ++step)
#pragma unroll
                for (int i = 0; i < THREAD_M; ++i)
#pragma unroll
                    for (int j = 0; j < THREAD_N; ++j) sums[i][j] += a[i][step] * b[j][step];
        }
    }

    static __device__ __forceinline__ void publish_copies() {}
    static __device__ __forceinline__ void wait() {}

    // visit(what row_of gave for the row in the tile, first column in the tile, pack of neighbours) for this thread's sums.
    template <class RowOf, class Visit>
    __device__ __forceinline__ void each(const RowOf& row_of, const Visit& visit) const {
        int down = threadIdx.x / ACROSS, across = threadIdx.x % ACROSS;
#pragma unroll
        for (int i = 0; i < THREAD_M; ++i) {
            auto row = row_of(Rows::place(down, i));
#pragma unroll
            for (int j = 0; j < THREAD_N; ++j) visit(row, Columns::place(across, j), Neighbours{sums[i][j]});
        }
    }
};
