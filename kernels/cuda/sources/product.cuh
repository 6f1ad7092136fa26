#include "divisor.cuh"
#include "pointwise.cuh"
#if defined(HOPPER)
#include "hopper.cuh"
#elif defined(PRECISION)
#include "rounded.cuh"
#else
#include "exact.cuh"
#endif
// Blocks that a multiprocessor is to hold at a time (minBlocksPerMultiprocessor): the compiler limits registers accordingly.
#ifndef OCCUPANCY
#define OCCUPANCY 1
#endif
// One block's tile of A·B, added to `sums`: tiles of A and B pass through shared memory in a ring of STAGES (a software pipeline):
// the next ones are copied while one is multiplied. With three stages:
//
//     iteration   waits for   asks for   multiplies   tiles in the stages
//         0        tile 0      tile 2      tile 0          0  1  2
//         1        tile 1      tile 3      tile 1          3  1  2
//         2        tile 2      tile 4      tile 2          3  4  2
//
// Each thread waits for its own copies of a tile (wait_copies), then for those of all others (the barrier). After that same barrier
// nobody reads the tile before any more, whose stage the next copies take.
template <class Sums, class A, class B>
__device__ __forceinline__ void accumulate(Sums& sums, const A& a, const B& b, int first_m, int first_n, int first_k,
                                           int last_k) {
    typedef typename Sums::TileA TileA;
    typedef typename Sums::TileB TileB;
    DYNAMIC_SHARED(element, ring);
    constexpr int STAGE = TileA::NUMBERS + TileB::NUMBERS;  // B's tile comes first
    int tiles = first_k < last_k ? divide_up(last_k - first_k, DEPTH) : 0;
    Filler<TileA, THREADS, A> fill_a(a, first_m, first_k);
    Filler<TileB, THREADS, B> fill_b(b, first_n, first_k);

    element *stage = ring, *free = ring, *const end = ring + STAGES * STAGE;
    auto fetch = [&](int tile) {
        if (tile < tiles) {
            fill_b.fill(free);
            fill_a.fill(free + TileB::NUMBERS);
        }
        commit_copies();  // an empty group keeps the count at the end of the ring
        free = free + STAGE < end ? free + STAGE : ring;
    };
#pragma unroll 1
    for (int tile = 0; tile < STAGES - 1; ++tile) fetch(tile);
#pragma unroll 1
    for (int tile = 0; tile < tiles; ++tile) {
        wait_copies<STAGES - 2>();
        Sums::publish_copies();
        __syncthreads();
        if (Sums::ASYNCHRONOUS) sums.multiply(stage + TileB::NUMBERS, stage);  // while the next tile is asked for
        fetch(tile + STAGES - 1);
        if (!Sums::ASYNCHRONOUS) sums.multiply(stage + TileB::NUMBERS, stage);
        Sums::wait();
        stage = stage + STAGE < end ? stage + STAGE : ring;
    }
}

// What is done to the sums before they are written: nothing, or f(sum + bias[column]) for an f that is linear on either side
// of 0. (All activations here, once for each of a thread's sums, had made kernels of 29,000 instructions.)
struct Plain {
    __device__ __forceinline__ bool nothing() const { return true; }
    __device__ __forceinline__ real operator()(real sum, int) const { return sum; }
};
struct Epilogue {
    const real* bias;  // or null
    int kind;
    real slope;

    __device__ __forceinline__ bool nothing() const { return !bias && kind == LINEAR; }
    __device__ __forceinline__ real operator()(real sum, int column) const {
        real z = bias ? sum + bias[column] : sum, low = kind == RELU ? 0 : slope * z;  // no branches for single numbers
        return z < 0 && kind != LINEAR ? low : z;
    }
};

// Neighbours of a result: added to what is there, or through the epilogue.
template <int COUNT, class AnyEpilogue>
__device__ __forceinline__ void write(real* to, int column, Pack<COUNT> sums, bool add, const AnyEpilogue& epilogue) {
    Pack<COUNT>* place = reinterpret_cast<Pack<COUNT>*>(to);
    if (add) {
        Pack<COUNT> before = *place;
#pragma unroll
        for (int i = 0; i < COUNT; ++i) sums.at[i] += before.at[i];
    } else {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) sums.at[i] = epilogue(sums.at[i], column + i);
    }
    *place = sums;
}

// One block's tile of C = A·B.
template <bool A_ALONG_K, bool B_ALONG_K, class A, class B, class Result, class AnyEpilogue = Plain>
__device__ __forceinline__ void product(const A& a, const B& b, int first_m, int first_n, int first_k, int last_k,
                                        const Result& result, const AnyEpilogue& epilogue = {}) {
    typedef Accumulator<A_ALONG_K, B_ALONG_K> Sums;
    typedef typename Sums::Neighbours Neighbours;
    Sums sums;
    accumulate(sums, a, b, first_m, first_n, first_k, last_k);
    constexpr int COUNT = sizeof(Neighbours) / sizeof(real);
    auto row_of = [&](int row) { return result.row(first_m + row); };
    // Pairs are written as such where all of them are aligned.
    bool paired = result.columns % 2 == 0 && reinterpret_cast<unsigned long long>(result.data) % (2 * sizeof(real)) == 0;
    bool straight = (COUNT == 1 || paired) && first_n + TILE_N <= result.columns && !result.add;
    // What most products want is asked once: asked for each pack, it had cost as much as the writing.
    if (straight && epilogue.nothing()) {
        sums.each(row_of, [&](real* to, int column, const Neighbours& pack) {
            if (to) *reinterpret_cast<Neighbours*>(to + first_n + column) = pack;
        });
    } else if (straight) {
        sums.each(row_of, [&](real* to, int column, const Neighbours& pack) {
            if (to) write(to + first_n + column, first_n + column, pack, false, epilogue);
        });
    } else {
        sums.each(row_of, [&](real* to, int column, const Neighbours& pack) {
            column += first_n;
            if (!to) return;
            if (COUNT == 2 && paired) {
                if (column < result.columns) write(to + column, column, pack, result.add, epilogue);
                return;
            }
#pragma unroll
            for (int i = 0; i < COUNT; ++i)
                if (column + i < result.columns) write(to + column + i, column + i, Pack<1>{pack.at[i]}, result.add, epilogue);
        });
    }
}
