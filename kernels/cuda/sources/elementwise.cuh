#include "divisor.cuh"
#include "real.cuh"
// Work on each number of an array, WIDTH neighbours at a time: 16 bytes where all arrays are `aligned`, else one number.

template <int WIDTH>
__device__ __forceinline__ Pack<WIDTH> load(const real* from, int index) {
    return *reinterpret_cast<const Pack<WIDTH>*>(from + index);
}

template <int WIDTH>
__device__ __forceinline__ void store(real* to, int index, const Pack<WIDTH>& pack) {
    *reinterpret_cast<Pack<WIDTH>*>(to + index) = pack;
}

// visit(index of the first of WIDTH numbers), spread over the grid.
template <int WIDTH, class Visit>
__device__ __forceinline__ void each_pack(int count, const Visit& visit) {
    for (int pack = blockIdx.x * blockDim.x + threadIdx.x; pack < count / WIDTH; pack += gridDim.x * blockDim.x)
        visit(pack * WIDTH);
}

// Run a function template that takes WIDTH with the width that fits.
#define BY_WIDTH(aligned, function, ...)  \
    if (aligned)                          \
        function<CHUNK>(__VA_ARGS__);     \
    else                                  \
        function<1>(__VA_ARGS__)
