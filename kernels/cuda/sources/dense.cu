#include "matrix.cuh"
#include "product.cuh"
// The three products of a dense layer, x (N, in) and W (in, out), all from one core and none through cuBLAS, so that they can
// be captured in a graph:
//     forward          z = x·W        x's lines run along k, W's do not; f(z + b) before it is written where there is one split
//     input_gradient   dx = dz·Wᵀ     both do
//     weight_gradient  dW = xᵀ·dz     neither does
//
// Floor on an H100, N·in·out multiplications and additions: 2·N·in·out / 67 TFLOP/s in float32 (495 TF32, 989 bf16), or the
// bytes of the three matrices at 3.35 TB/s. 100→8192 at N = 64: 105 MFLOP, 1.6 µs; 5.4 MB, 1.6 µs.
//
// Block (x, y, z): tile x of rows, y of columns, z-th split of k (split-K: split_depth steps of the inner index each). With
// several splits each writes a partial matrix of its own to `to`, and reduce_splits.cu adds them.

// Blocks that a multiprocessor is to hold, 0 for as many as the compiler likes; left alone, it spilled registers of the skinny
// tile of float64.
constexpr int DENSE_OCCUPANCY = sizeof(real) == 8 ? 1 : 0;

#define PRODUCT(A_ALONG_K, B_ALONG_K)                                                                                      \
    int first_k = blockIdx.z * split_depth, last_k = min(first_k + split_depth, depth);                                    \
    MatrixResult result = {to + static_cast<int64>(blockIdx.z) * rows * columns, rows, columns, add != 0};                 \
    product<A_ALONG_K, B_ALONG_K>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, last_k, result, epilogue)

extern "C" __global__ void __launch_bounds__(THREADS, DENSE_OCCUPANCY)
forward(const real* x, const real* w, real* to, int rows, int columns, int depth, int split_depth, int x_aligned, int w_aligned,
        int add, const real* bias, int kind, real slope) {
    Epilogue epilogue = {bias, kind, slope};
    Matrix a = {x, rows, depth, x_aligned != 0}, b = {w, depth, columns, w_aligned != 0};
    PRODUCT(true, false);
}

extern "C" __global__ void __launch_bounds__(THREADS, DENSE_OCCUPANCY)
input_gradient(const real* dz, const real* w, real* to, int rows, int columns, int depth, int split_depth, int dz_aligned,
               int w_aligned, int add) {
    Matrix a = {dz, rows, depth, dz_aligned != 0}, b = {w, columns, depth, w_aligned != 0};
    Plain epilogue;
    PRODUCT(true, true);
}

extern "C" __global__ void __launch_bounds__(THREADS, DENSE_OCCUPANCY)
weight_gradient(const real* x, const real* dz, real* to, int rows, int columns, int depth, int split_depth, int x_aligned,
                int dz_aligned, int add) {
    Matrix a = {x, depth, rows, x_aligned != 0}, b = {dz, depth, columns, dz_aligned != 0};
    Plain epilogue;
    PRODUCT(false, false);
}
