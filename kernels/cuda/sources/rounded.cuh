#include "matrix_unit.cuh"
#include "tile.cuh"
// A block's tile of a product on the tensor cores: float32 numbers in memory, each rounded when it is read to TF32
// (-DPRECISION=32: 8 bits of exponent, 10 after the point) or to bf16 (-DPRECISION=16: 7 after the point); products and sums are
// float32. Each warp keeps WARP_M × WARP_N sums.
#ifndef TILE_M
#define TILE_M 64
#define TILE_N 64
#define WARP_M 32
#define WARP_N 16
#endif
#ifndef TILE_K
#define TILE_K 32
#define PIPELINE_STAGES 3
#endif
constexpr int DEPTH = TILE_K, STAGES = PIPELINE_STAGES;
constexpr int ACROSS = TILE_N / WARP_N, DOWN = TILE_M / WARP_M, THREADS = 32 * ACROSS * DOWN;
constexpr int STEP = PRECISION == 32 ? 8 : 16;

// What a tile's lines are padded by. Lanes 4g + t read, TF32: rows of 16 bytes of lines along k, else single numbers (g, t);
// bf16: pairs (g, 2t..) of lines along k, else single numbers (g, 2t). So no two lanes of a phase meet in a bank.
template <bool ALONG_K>
constexpr int PAD = (PRECISION == 32) == ALONG_K ? 4 : 8;

__device__ __forceinline__ void multiply(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    if (PRECISION == 32)
        multiply_tf32(c, a, b);
    else
        multiply_bf16(c, a, b);
}

// One register: the number at (index, k + t), or the two at (index, k + 2t) and (index, k + 2t + 1).
template <class Tile>
__device__ __forceinline__ unsigned fragment(const real* tile, int index, int k, int t) {
    if (PRECISION == 32) return round_tf32(Tile::get(tile, index, k + t));
    if (Tile::RUNS_ALONG_K) {  // neighbours in memory: one load
        Pack<2> pair = *reinterpret_cast<const Pack<2>*>(tile + index * Tile::PITCH + k + 2 * t);
        return pack_bf16(pair.at[0], pair.at[1]);
    }
    return pack_bf16(Tile::get(tile, index, k + 2 * t), Tile::get(tile, index, k + 2 * t + 1));
}

// TF32 in lines along k: four numbers of a line are a row of 16 bytes, so that one instruction loads four registers.
template <class Tile>
constexpr bool IN_MATRICES = PRECISION == 32 && Tile::RUNS_ALONG_K;

// A's registers: for each 16 rows, (g, k..) (g+8, k..) (g, k+half..) (g+8, k+half..).
template <class Tile, int ROWS>
__device__ __forceinline__ void load_rows(unsigned (&a)[ROWS][4], const real* tile, int first, int k) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < ROWS; ++i) {
        if (IN_MATRICES<Tile>) load_matrices(a[i], tile + (first + 16 * i + lane % 16) * Tile::PITCH + k + lane / 16 * 4);
#pragma unroll
        for (int reg = 0; reg < 4; ++reg)
            a[i][reg] = IN_MATRICES<Tile> ? round_tf32(a[i][reg])
                                          : fragment<Tile>(tile, first + 16 * i + g + reg % 2 * 8, k + reg / 2 * (STEP / 2), t);
    }
}

// B's registers: for each 8 columns, (k.., g) (k+half.., g).
template <class Tile, int COLUMNS>
__device__ __forceinline__ void load_columns(unsigned (&b)[COLUMNS][2], const real* tile, int first, int k) {
    static_assert(COLUMNS % 2 == 0, "columns are loaded in pairs of eight");
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int j = 0; j < COLUMNS; j += 2) {
        unsigned pair[4];
        if (IN_MATRICES<Tile>)
            load_matrices(pair, tile + (first + 8 * j + lane / 16 * 8 + lane % 8) * Tile::PITCH + k + lane / 8 % 2 * 4);
#pragma unroll
        for (int reg = 0; reg < 4; ++reg)
            b[j + reg / 2][reg % 2] = IN_MATRICES<Tile> ? round_tf32(pair[reg])
                                                        : fragment<Tile>(tile, first + 8 * (j + reg / 2) + g,
                                                                         k + reg % 2 * (STEP / 2), t);
    }
}

template <bool A_ALONG_K, bool B_ALONG_K>
struct Accumulator {
    typedef Tile<TILE_M, DEPTH, A_ALONG_K, PAD<A_ALONG_K>> TileA;
    typedef Tile<TILE_N, DEPTH, B_ALONG_K, PAD<B_ALONG_K>> TileB;
    static constexpr bool ASYNCHRONOUS = false;
    typedef Pack<2> Neighbours;  // how `each` gives out sums
    static constexpr int ROWS = WARP_M / 16, COLUMNS = WARP_N / 8;

    float sums[ROWS][COLUMNS][4] = {};

    __device__ __forceinline__ void multiply(const real* a_tile, const real* b_tile) {
        int first_m = threadIdx.x / 32 / ACROSS * WARP_M, first_n = threadIdx.x / 32 % ACROSS * WARP_N;
#pragma unroll
        for (int k = 0; k < DEPTH; k += STEP) {
            unsigned a[ROWS][4], b[COLUMNS][2];
            load_rows<TileA>(a, a_tile, first_m, k);
            load_columns<TileB>(b, b_tile, first_n, k);
#pragma unroll
            for (int i = 0; i < ROWS; ++i)
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) ::multiply(sums[i][j], a[i], b[j]);
        }
    }

    static __device__ __forceinline__ void publish_copies() {}
    static __device__ __forceinline__ void wait() {}

    // visit(what row_of gave for the row in the tile, first column in the tile, pack of neighbours) for this thread's sums.
    template <class RowOf, class Visit>
    __device__ __forceinline__ void each(const RowOf& row_of, const Visit& visit) const {
        int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
        int first_m = threadIdx.x / 32 / ACROSS * WARP_M, first_n = threadIdx.x / 32 % ACROSS * WARP_N;
#pragma unroll
        for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                auto row = row_of(first_m + 16 * i + g + half * 8);
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j)
                    visit(row, first_n + 8 * j + 2 * t, Neighbours{sums[i][j][2 * half], sums[i][j][2 * half + 1]});
            }
    }
};
