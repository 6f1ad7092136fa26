#include "matrix.cuh"
#include "product.cuh"
// The three products of a dense layer, x (N, in) and W (in, out), all from one core and none through cuBLAS, so that they can
// be captured in a graph:
//     forward          z = x·W        x's lines run along k, W's do not; f(z + b) on the way where there is one part
//     input_gradient   dx = dz·Wᵀ     both do
//     weight_gradient  dW = xᵀ·dz     neither does
//
// Floor on an H100, N·in·out multiplications and additions: 2·N·in·out / 67 TFLOP/s in float32 (495 TF32, 989 bf16), or the
// bytes of the three matrices at 3.35 TB/s. 100→8192 at N = 64: 105 MFLOP, 1.6 µs; 5.4 MB, 1.6 µs.
//
// Block (x, y, z): tile x of rows, y of columns, z-th part of k. With several parts each writes a matrix of its own to `to`.

// Blocks for a multiprocessor, 0 for as many as the compiler likes; left alone, it spilled float64's numbers in the skinny tile.
constexpr int HELD = sizeof(real) == 8 ? 1 : 0;

#define PRODUCT(A_ALONG_K, B_ALONG_K)                                                                                      \
    int first_k = blockIdx.z * part, last_k = min(first_k + part, depth);                                                  \
    MatrixResult result = {to + static_cast<int64>(blockIdx.z) * rows * columns, rows, columns, add != 0};                 \
    product<A_ALONG_K, B_ALONG_K>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, last_k, result, epilogue)

extern "C" __global__ void __launch_bounds__(THREADS, HELD)
forward(const real* x, const real* w, real* to, int rows, int columns, int depth, int part, int x_whole, int w_whole, int add,
        const real* bias, int kind, real slope) {
    Epilogue epilogue = {bias, kind, slope};
    Matrix a = {x, rows, depth, x_whole != 0}, b = {w, depth, columns, w_whole != 0};
    PRODUCT(true, false);
}

extern "C" __global__ void __launch_bounds__(THREADS, HELD)
input_gradient(const real* dz, const real* w, real* to, int rows, int columns, int depth, int part, int dz_whole, int w_whole,
               int add) {
    Matrix a = {dz, rows, depth, dz_whole != 0}, b = {w, columns, depth, w_whole != 0};
    Plain epilogue;
    PRODUCT(true, true);
}

extern "C" __global__ void __launch_bounds__(THREADS, HELD)
weight_gradient(const real* x, const real* dz, real* to, int rows, int columns, int depth, int part, int x_whole, int dz_whole,
                int add) {
    Matrix a = {x, depth, rows, x_whole != 0}, b = {dz, depth, columns, dz_whole != 0};
    Plain epilogue;
    PRODUCT(false, false);
}
