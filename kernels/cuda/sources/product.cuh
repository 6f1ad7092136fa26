#include "divisor.cuh"
#ifdef ROUNDED
#include "rounded.cuh"
#else
#include "exact.cuh"
#endif
// One block's tile of C = A·B: tiles of A and B pass through shared memory in a ring of STAGES while the tile before them is
// multiplied.
//
// Each tile is waited for by the thread that copied its part (wait_copies), then by all (the barrier); that same barrier says
// that everybody is done with the tile whose place the next copies take.
template <bool A_ALONG_K, bool B_ALONG_K, class A, class B, class Result>
__device__ __forceinline__ void product(const A& a, const B& b, int first_m, int first_n, int first_k, int last_k,
                                        const Result& result) {
    typedef Accumulator<A_ALONG_K, B_ALONG_K> Sums;
    typedef typename Sums::TileA TileA;
    typedef typename Sums::TileB TileB;
    DYNAMIC_SHARED(real, ring);
    constexpr int STAGE = TileA::NUMBERS + TileB::NUMBERS;
    int tiles = first_k < last_k ? divide_up(last_k - first_k, DEPTH) : 0;
    Filler<TileA, THREADS, A> fill_a(a, first_m);
    Filler<TileB, THREADS, B> fill_b(b, first_n);

    Sums sums;
    // The first rounds only fetch; one loop for both keeps the code small.
#pragma unroll 1
    for (int tile = 1 - STAGES; tile < tiles; ++tile) {
        if (tile >= 0) {
            wait_copies<STAGES - 2>();
            __syncthreads();
        }
        int next = tile + STAGES - 1;
        if (next < tiles) {
            real* stage = ring + next % STAGES * STAGE;
            fill_a.fill(stage, first_k + next * DEPTH);
            fill_b.fill(stage + TileA::NUMBERS, first_k + next * DEPTH);
        }
        commit_copies();  // an empty group keeps the count at the end of the ring
        if (tile >= 0) {
            const real* stage = ring + tile % STAGES * STAGE;
            sums.multiply(stage, stage + TileA::NUMBERS);
        }
    }
    sums.each([&](int row, int column, real sum) {
        real* to = result.row(first_m + row);
        column += first_n;
        if (to && column < result.columns) to[column] = result.add ? to[column] + sum : sum;
    });
}
