#include "real.cuh"
// The tensor cores through wgmma (sm_90a): a warpgroup, four warps that follow one another, multiplies 64 rows of A by N columns
// of B, both 32 bytes of k (8 numbers of TF32, 16 of bf16), and goes on while the tensor cores work. Host twins in
// tests/cuda/on_host.
//
// Tiles in shared memory have lines of 128 bytes; in each, the chunk of 16 bytes number c lies where number c ^ (line % 8)
// would (`swizzled`; CUTLASS calls it the swizzle of 128 bytes). Which chunk of its line lies at each of the eight places:
//
//     line 0   0 1 2 3 4 5 6 7
//     line 1   1 0 3 2 5 4 7 6
//     line 2   2 3 0 1 6 7 4 5
//     line 3   3 2 1 0 7 6 5 4
//     line 4   4 5 6 7 0 1 2 3        and so on; lines 8 to 15 are as lines 0 to 7
//
// So chunk c of eight lines that follow one another, which is what the tensor cores read at a time, lies at eight different
// places: in all 32 banks, each once. The first line lies at a multiple of 1024 bytes.
// A line is a row along k; of bf16, also a step of k along 64 rows, and then 64 steps of them are followed by the next 64 rows.
// Of float32 the last 13 bits after the point are left out.
//
// Registers of lane 4g + t of warp w: rows 16w + g (+8) of A and of the sums, as those of m16n8k8 in matrix_unit.cuh.
// LINE_ELEMENTS: numbers of a line. GROUP_STEP: numbers along k of one instruction. LINES_OF_K: steps of k before the next 64 rows.
constexpr int LINE_ELEMENTS = 128 / sizeof(element), GROUP_STEP = 32 / sizeof(element), LINES_OF_K = 64;

__device__ __forceinline__ constexpr int swizzled(int line, int place) {
    return line * LINE_ELEMENTS + ((place / ELEMENTS ^ line % 8) * ELEMENTS + place % ELEMENTS);
}

#ifndef __CUDACC__
typedef const element* Described;
#else
__device__ __forceinline__ unsigned as_bits(float value) { return __float_as_uint(value); }

// After this and a barrier the tensor cores read what this thread has written to shared memory, its finished copies too.
// (Without, an H200 gave the same bits 1.7 % faster; the PTX manual asks for it.)
__device__ __forceinline__ void publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Registers and shared memory are ready for the multiplications that follow.
__device__ __forceinline__ void begin_group() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
// Those since the last commit become one group.
__device__ __forceinline__ void commit_group() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Wait until at most GROUPS of them are under way.
template <int GROUPS>
__device__ __forceinline__ void wait_group() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(GROUPS) : "memory");
}

typedef unsigned long long Described;

// What wgmma takes for a tile: its address; how far the next eight lines are; the swizzle of 128 bytes; and for lines that are
// steps of k how far the next 64 rows are.
template <bool ALONG_K>
__device__ __forceinline__ Described described(const element* tile) {
    unsigned long long address = __cvta_generic_to_shared(tile), next = ALONG_K ? 1 : LINES_OF_K * 128 / 16;
    return (address & 0x3FFFF) >> 4 | next << 16 | 64ull << 32 | 1ull << 62;
}
// The description of what begins `numbers` further on in the tile, a multiple of 16 bytes.
__device__ __forceinline__ Described moved(Described tile, int numbers) {
    return tile + numbers * static_cast<int>(sizeof(element)) / 16;
}

// A thread's sums for N columns, as an instruction lists them and as its registers.
#define SUMS_OF(j) "+f"(c[j][0]), "+f"(c[j][1]), "+f"(c[j][2]), "+f"(c[j][3])
#define SUMS_64 SUMS_OF(0), SUMS_OF(1), SUMS_OF(2), SUMS_OF(3), SUMS_OF(4), SUMS_OF(5), SUMS_OF(6), SUMS_OF(7)
#define SUMS_128 \
    SUMS_64, SUMS_OF(8), SUMS_OF(9), SUMS_OF(10), SUMS_OF(11), SUMS_OF(12), SUMS_OF(13), SUMS_OF(14), SUMS_OF(15)
#define LIST_64                                                            \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15," \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LIST_128                                                                            \
    LIST_64 ","                                                                             \
            "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47," \
            "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

// c += a·b: a is 64 rows, from shared memory or (TF32) from registers, b N columns; the numbers are of the operands that follow
// the sums.
#ifdef BF16
#define MULTIPLY_GROUP(N, A, B, A_ACROSS, B_ACROSS)                                                                       \
    template <bool A_ALONG_K, bool B_ALONG_K>                                                                             \
    __device__ __forceinline__ void multiply_group(float (&c)[N / 8][4], Described a, Described b) {                      \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST_##N "}, %" #A ", %" #B             \
                     ", 1, 1, 1, %" #A_ACROSS ", %" #B_ACROSS ";"                                                         \
                     : SUMS_##N                                                                                           \
                     : "l"(a), "l"(b), "n"(!A_ALONG_K), "n"(!B_ALONG_K));                                                 \
    }
MULTIPLY_GROUP(64, 32, 33, 34, 35)
MULTIPLY_GROUP(128, 64, 65, 66, 67)
#else
#define MULTIPLY_GROUP(N, A, B, THIRD, FOURTH, AFTER)                                                                      \
    template <bool A_ALONG_K, bool B_ALONG_K>                                                                              \
    __device__ __forceinline__ void multiply_group(float (&c)[N / 8][4], Described a, Described b) {                       \
        static_assert(A_ALONG_K && B_ALONG_K, "TF32 is read along k only");                                                \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k8.f32.tf32.tf32 {" LIST_##N "}, %" #A ", %" #B ", 1, 1, 1;"  \
                     : SUMS_##N                                                                                            \
                     : "l"(a), "l"(b));                                                                                    \
    }                                                                                                                      \
    __device__ __forceinline__ void multiply_group(float (&c)[N / 8][4], const unsigned (&a)[4], Described b) {            \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k8.f32.tf32.tf32 {" LIST_##N "}, {%" #A ", %" #B ", %" #THIRD \
                     ", %" #FOURTH "}, %" #AFTER ", 1, 1, 1;"                                                              \
                     : SUMS_##N                                                                                            \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                                \
    }
MULTIPLY_GROUP(64, 32, 33, 34, 35, 36)
MULTIPLY_GROUP(128, 64, 65, 66, 67, 68)
#endif
#endif
