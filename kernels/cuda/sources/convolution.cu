#include "matrix.cuh"
#include "images.cuh"
#include "product.cuh"
// The three derivatives of the trilinear form T(w, a, b) (geometry.py), each as one implicit product:
//     to_small    ∂T/∂b, convolution:                       (N·H_b·W_b, kh·kw·C_a) times (kh·kw·C_a, C_b)
//     to_large    ∂T/∂a, transposed: for each phase of a    (N·pixels, taps·C_b) times (taps·C_b, C_a)
//     to_weight   ∂T/∂w:                                    (kh·kw·C_a, N·H_b·W_b) times (N·H_b·W_b, C_b)
//
// Floor on an H100 for each: g.operations / 67 TFLOP/s in float32 (495 TF32, 989 bf16), or the bytes of w, a and b once at
// 3.35 TB/s. 64→128 at 32², 4×4 stride 2, N = 128: 8.6 GFLOP, 128 µs (TF32 17, bf16 9); 51 MB, 15 µs.
//
// Block (x, y, z): tile x of rows, y of columns; z counts parts of k and, for to_large, phases. With several parts each
// writes a whole result of its own to `to`, and `gather` adds them.
// The two that a layer's output comes from compute its epilogue on the way where there is one part: f(sum + bias), bias or null.
//
// Hopper's tensor cores read TF32 along k only: there `weight` of to_small is (C_b, kh·kw·C_a) and `small` of to_weight
// (C_b, N·H_b·W_b), both transposed before.
#if defined(HOPPER) && !defined(BF16)
#define TURNED
constexpr bool B_ACROSS = true;
#else
constexpr bool B_ACROSS = false;
#endif

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
to_small(const element* weight, const element* large, real* to, GEOMETRY_PARAMETERS, int part, int large_whole, int weight_whole,
         int add, const real* bias, int kind, real slope) {
    Geometry g = GEOMETRY;
    int pixels = g.batch * g.small_height * g.small_width, depth = g.kernel_height * g.kernel_width * g.large_channels;
    int first_k = blockIdx.z * part;
    Patches a(large, g, large_whole != 0);
#ifdef TURNED
    Matrix b = {weight, g.small_channels, depth, weight_whole != 0};
#else
    Matrix b = {weight, depth, g.small_channels, weight_whole != 0};
#endif
    int64 size = static_cast<int64>(pixels) * g.small_channels;
    MatrixResult result = {to + blockIdx.z * size, pixels, g.small_channels, add != 0};
    Epilogue epilogue = {bias, kind, slope};
    product<true, B_ACROSS>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, min(first_k + part, depth), result, epilogue);
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
to_large(const element* weight, const element* small, real* to, GEOMETRY_PARAMETERS, int part, int small_whole, int weight_whole,
         int add, const real* bias, int kind, real slope) {
    Geometry g = GEOMETRY;
    int phases = g.stride_height * g.stride_width, number = blockIdx.z / phases;
    Phase phase(g, blockIdx.z % phases);
    int first_m = blockIdx.x * TILE_M, first_k = number * part;
    if (first_m >= g.batch * phase.height * phase.width) return;  // phases differ in size, and the grid has the largest's
    Seen a(small, g, phase, small_whole != 0);
    PhaseWeights b(weight, g, phase, weight_whole != 0);
    int64 size = static_cast<int64>(g.batch) * g.large_height * g.large_width * g.large_channels;
    PhaseResult result = {to + number * size, a, g.large_channels, add != 0};
    int depth = phase.taps_high * phase.taps_wide * g.small_channels;
    Epilogue epilogue = {bias, kind, slope};
    product<true, true>(a, b, first_m, blockIdx.y * TILE_N, first_k, min(first_k + part, depth), result, epilogue);
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
to_weight(const element* large, const element* small, real* to, GEOMETRY_PARAMETERS, int part, int large_whole, int small_whole,
          int add) {
    Geometry g = GEOMETRY;
    int depth = g.batch * g.small_height * g.small_width, taps = g.kernel_height * g.kernel_width * g.large_channels;
    int first_k = blockIdx.z * part;
    Patches a(large, g, large_whole != 0);
#ifdef TURNED
    Matrix b = {small, g.small_channels, depth, small_whole != 0};
#else
    Matrix b = {small, depth, g.small_channels, small_whole != 0};
#endif
    int64 size = static_cast<int64>(taps) * g.small_channels;
    MatrixResult result = {to + blockIdx.z * size, taps, g.small_channels, add != 0};
    product<false, B_ACROSS>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, min(first_k + part, depth), result);
}
