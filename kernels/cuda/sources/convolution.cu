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
// Block (x, y, z): tile x of rows, y of columns; z counts the splits of k (split-K: blocks share the inner index, each taking
// split_depth of it) and, for to_large, the phases: z = split · phases + phase. With several splits each writes a full-size
// partial result to `to`, and reduce_splits.cu adds them. The two kernels that a layer's output comes from compute its epilogue
// f(sum + bias) before they write, where there is one split; bias may be null.
//
// Hopper's tensor cores read TF32 along k only: there `weight` of to_small is (C_b, kh·kw·C_a) and `small` of to_weight
// (C_b, N·H_b·W_b), both transposed before.
#if defined(HOPPER) && !defined(BF16)
#define TRANSPOSED_B
constexpr bool B_ALONG_K = true;
#else
constexpr bool B_ALONG_K = false;
#endif

extern "C" __global__ void __launch_bounds__(THREADS, OCCUPANCY)
to_small(const element* weight, const element* large, real* to, GEOMETRY_PARAMETERS, int split_depth, int large_aligned,
         int weight_aligned, int add, const real* bias, int kind, real slope) {
    Geometry g = GEOMETRY;
    int pixels = g.batch * g.small_height * g.small_width, depth = g.kernel_height * g.kernel_width * g.large_channels;
    int first_k = blockIdx.z * split_depth;
    Patches a(large, g, large_aligned != 0);
#ifdef TRANSPOSED_B
    Matrix b = {weight, g.small_channels, depth, weight_aligned != 0};
#else
    Matrix b = {weight, depth, g.small_channels, weight_aligned != 0};
#endif
    int64 size = static_cast<int64>(pixels) * g.small_channels;
    MatrixResult result = {to + blockIdx.z * size, pixels, g.small_channels, add != 0};
    Epilogue epilogue = {bias, kind, slope};
    int last_k = min(first_k + split_depth, depth);
    product<true, B_ALONG_K>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, last_k, result, epilogue);
}

extern "C" __global__ void __launch_bounds__(THREADS, OCCUPANCY)
to_large(const element* weight, const element* small, real* to, GEOMETRY_PARAMETERS, int split_depth, int small_aligned,
         int weight_aligned, int add, const real* bias, int kind, real slope) {
    Geometry g = GEOMETRY;
    int phases = g.stride_height * g.stride_width, split = blockIdx.z / phases;
    Phase phase(g, blockIdx.z % phases);
    int first_m = blockIdx.x * TILE_M, first_k = split * split_depth;
    if (first_m >= g.batch * phase.height * phase.width) return;  // phases differ in size, and the grid has the largest's
    ReceptiveFields a(small, g, phase, small_aligned != 0);
    PhaseWeights b(weight, g, phase, weight_aligned != 0);
    int64 size = static_cast<int64>(g.batch) * g.large_height * g.large_width * g.large_channels;
    PhaseResult result = {to + split * size, a, g.large_channels, add != 0};
    int depth = phase.taps_high * phase.taps_wide * g.small_channels;
    Epilogue epilogue = {bias, kind, slope};
    int last_k = min(first_k + split_depth, depth);
    product<true, true>(a, b, first_m, blockIdx.y * TILE_N, first_k, last_k, result, epilogue);
}

extern "C" __global__ void __launch_bounds__(THREADS, OCCUPANCY)
to_weight(const element* large, const element* small, real* to, GEOMETRY_PARAMETERS, int split_depth, int large_aligned,
          int small_aligned, int add) {
    Geometry g = GEOMETRY;
    int depth = g.batch * g.small_height * g.small_width, taps = g.kernel_height * g.kernel_width * g.large_channels;
    int first_k = blockIdx.z * split_depth;
    Patches a(large, g, large_aligned != 0);
#ifdef TRANSPOSED_B
    Matrix b = {small, g.small_channels, depth, small_aligned != 0};
#else
    Matrix b = {small, depth, g.small_channels, small_aligned != 0};
#endif
    int64 size = static_cast<int64>(taps) * g.small_channels;
    MatrixResult result = {to + blockIdx.z * size, taps, g.small_channels, add != 0};
    int last_k = min(first_k + split_depth, depth);
    product<false, B_ALONG_K>(a, b, blockIdx.x * TILE_M, blockIdx.y * TILE_N, first_k, last_k, result);
}
