#include "elementwise.cuh"
// Convolution in groups (see geometry.py):
//     T = Σ w[u, v, c, d] · a[n, i·sh + u − ph, j·sw + v − pw, g·C + c] · b[n, i, j, g·D + d]     c < C, d < D, g < groups
// Each number is summed by one thread, in a fixed order. A thread has COLUMNS × WIDTH sums of an image, WIDTH channels of one
// group (16 bytes where groups of both images consist of such chunks) at COLUMNS places of a row, or WIDTH × WIDTH sums of w:
// what it reads once it multiplies several times, for a multiprocessor reads 32 numbers in the time of 128 multiplications.
// Neighbouring threads have the other channels of a group and then the next places of its row, so that what a warp reads at
// once of either operand is mostly the same. With -DROUNDED=32 or 16 each number is rounded to TF32 or to bf16 before it is
// multiplied, as tensor cores do; sums are float32.
//
// Floor on an H100: the bytes of a, b and w at 3.35 TB/s, or the operations at 67 TFLOP/s. 1536 channels in 96 groups at 16²,
// N = 32: 101 MB, 30 µs; 3.6 GFLOP, 54 µs.

constexpr int COLUMNS = 4;

struct Geometry {
    int batch, large_height, large_width, large_channels, small_height, small_width, small_channels;
    int kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width, groups;
};
#define GEOMETRY_PARAMETERS                                                                                                 \
    int batch, int large_height, int large_width, int large_channels, int small_height, int small_width, int small_channels, \
        int kernel_height, int kernel_width, int stride_height, int stride_width, int padding_height, int padding_width,     \
        int groups
#define GEOMETRY                                                                                                        \
    {                                                                                                                   \
        batch, large_height, large_width, large_channels, small_height, small_width, small_channels, kernel_height,     \
            kernel_width, stride_height, stride_width, padding_height, padding_width, groups                            \
    }

__device__ __forceinline__ real rounded(real x) {
#ifdef ROUNDED
    if (x != x) return x;  // adding to the bits of a NaN would make a number of it
    union {
        float number;
        unsigned bits;
    } both = {x};
    if (ROUNDED == 32)
        both.bits = (both.bits + 0x1000u) & 0xFFFFE000u;  // the nearest, ties away from zero
    else
        both.bits = (both.bits + 0x7FFFu + (both.bits >> 16 & 1u)) & 0xFFFF0000u;  // ties to even
    return both.number;
#else
    return x;
#endif
}

template <int WIDTH>
__device__ __forceinline__ Pack<WIDTH> rounded(Pack<WIDTH> pack) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) pack.at[i] = rounded(pack.at[i]);
    return pack;
}

// Which WIDTH channels of a group, and which places of an image's row, a thread's sums belong to. Threads count through the
// chunks of a group's channels, then the sets of places in a row, then groups, rows and images.
struct Share {
    int chunk, set, group, row, image;

    __device__ __forceinline__ Share(int index, const Divisor& chunks, const Divisor& sets, const Divisor& groups,
                                     const Divisor& rows) {
        int rest = chunks.quotient(index);
        chunk = index - rest * chunks.value;
        int next = sets.quotient(rest);
        set = rest - next * sets.value;
        rest = groups.quotient(next);
        group = next - rest * groups.value;
        image = rows.quotient(rest);
        row = rest - image * rows.value;
    }
};

// count: the number of shares.
template <int WIDTH>
__device__ void to_small_of(const real* weight, const real* large, real* to, int count, const Geometry& g) {
    int inside = g.large_channels / g.groups, outputs = g.small_channels / g.groups;
    Divisor chunks(outputs / WIDTH), sets(divide_up(g.small_width, COLUMNS)), groups(g.groups), rows(g.small_height);
    each_pack<1>(count, [&](int index) {
        Share at(index, chunks, sets, groups, rows);
        int first = at.set * COLUMNS, d = at.group * outputs + at.chunk * WIDTH;
        int top = at.row * g.stride_height - g.padding_height, left = first * g.stride_width - g.padding_width;
        Pack<WIDTH> sums[COLUMNS] = {};
#pragma unroll 1
        for (int u = 0; u < g.kernel_height; ++u) {
            int row = top + u;
            if (row < 0 || row >= g.large_height) continue;
            const real* line = large + (at.image * g.large_height + row) * g.large_width * g.large_channels + at.group * inside;
#pragma unroll 1
            for (int v = 0; v < g.kernel_width; ++v) {
                const real* w = weight + (u * g.kernel_width + v) * inside * g.small_channels + d;
                bool there[COLUMNS];
#pragma unroll
                for (int r = 0; r < COLUMNS; ++r) {
                    int column = left + r * g.stride_width + v;
                    there[r] = first + r < g.small_width && column >= 0 && column < g.large_width;
                }
#pragma unroll 1
                for (int c = 0; c < inside; c += WIDTH) {
                    Pack<WIDTH> a[COLUMNS], b[WIDTH];
#pragma unroll
                    for (int r = 0; r < COLUMNS; ++r)
                        if (there[r])
                            a[r] = rounded(load<WIDTH>(line, (left + r * g.stride_width + v) * g.large_channels + c));
#pragma unroll
                    for (int k = 0; k < WIDTH; ++k) b[k] = rounded(load<WIDTH>(w, (c + k) * g.small_channels));
#pragma unroll
                    for (int r = 0; r < COLUMNS; ++r) {
                        if (!there[r]) continue;
#pragma unroll
                        for (int k = 0; k < WIDTH; ++k)
#pragma unroll
                            for (int i = 0; i < WIDTH; ++i) sums[r].at[i] += a[r].at[k] * b[k].at[i];
                    }
                }
            }
        }
        int place = ((at.image * g.small_height + at.row) * g.small_width + first) * g.small_channels + d;
#pragma unroll
        for (int r = 0; r < COLUMNS; ++r)
            if (first + r < g.small_width) store(to, place + r * g.small_channels, sums[r]);
    });
}

extern "C" __global__ void __launch_bounds__(256, 2)
grouped_to_small(const real* weight, const real* large, real* to, int count, GEOMETRY_PARAMETERS, int aligned) {
    Geometry g = GEOMETRY;
    BY_WIDTH(aligned, to_small_of, weight, large, to, count, g);
}

// The places of a set are a stride apart, so that the same taps meet all of them.
template <int WIDTH>
__device__ void to_large_of(const real* weight, const real* small, real* to, int count, const Geometry& g) {
    int inside = g.large_channels / g.groups, outputs = g.small_channels / g.groups;
    int of_phase = divide_up(divide_up(g.large_width, g.stride_width), COLUMNS);
    Divisor chunks(inside / WIDTH), sets(of_phase * g.stride_width), groups(g.groups), rows(g.large_height);
    Divisor by_high(g.stride_height), by_wide(g.stride_width), by_phase(of_phase);
    each_pack<1>(count, [&](int index) {
        Share at(index, chunks, sets, groups, rows);
        int phase = by_phase.quotient(at.set), first = phase + (at.set - phase * of_phase) * COLUMNS * g.stride_width;
        int h = at.row + g.padding_height, across = first + g.padding_width, c = at.chunk * WIDTH, d = at.group * outputs;
        // the first tap that meets the first place, and where in b it does
        int low = by_high.quotient(h), near = by_wide.quotient(across);
        Pack<WIDTH> sums[COLUMNS] = {};
#pragma unroll 1
        for (int u = h - low * g.stride_height, i = low; u < g.kernel_height && i >= 0; u += g.stride_height, --i) {
            if (i >= g.small_height) continue;
            const real* line = small + (at.image * g.small_height + i) * g.small_width * g.small_channels + d;
#pragma unroll 1
            for (int v = across - near * g.stride_width, j = near; v < g.kernel_width; v += g.stride_width, --j) {
                const real* w = weight + ((u * g.kernel_width + v) * inside + c) * g.small_channels + d;
                bool there[COLUMNS];
#pragma unroll
                for (int r = 0; r < COLUMNS; ++r)
                    there[r] = first + r * g.stride_width < g.large_width && j + r >= 0 && j + r < g.small_width;
#pragma unroll 1
                for (int e = 0; e < outputs; e += WIDTH) {
                    Pack<WIDTH> b[COLUMNS], row[WIDTH];
#pragma unroll
                    for (int r = 0; r < COLUMNS; ++r)
                        if (there[r]) b[r] = rounded(load<WIDTH>(line, (j + r) * g.small_channels + e));
#pragma unroll
                    for (int k = 0; k < WIDTH; ++k) row[k] = rounded(load<WIDTH>(w, k * g.small_channels + e));
#pragma unroll
                    for (int r = 0; r < COLUMNS; ++r) {
                        if (!there[r]) continue;
#pragma unroll
                        for (int k = 0; k < WIDTH; ++k)
#pragma unroll
                            for (int i = 0; i < WIDTH; ++i) sums[r].at[i] += b[r].at[k] * row[i].at[k];
                    }
                }
            }
        }
        int place = ((at.image * g.large_height + at.row) * g.large_width + first) * g.large_channels + at.group * inside + c;
#pragma unroll
        for (int r = 0; r < COLUMNS; ++r)
            if (first + r * g.stride_width < g.large_width)
                store(to, place + r * g.stride_width * g.large_channels, sums[r]);
    });
}

extern "C" __global__ void __launch_bounds__(256, 2)
grouped_to_large(const real* weight, const real* small, real* to, int count, GEOMETRY_PARAMETERS, int aligned) {
    Geometry g = GEOMETRY;
    BY_WIDTH(aligned, to_large_of, weight, small, to, count, g);
}

// Row y of the grid sums `share` rows of b, of all images together, and writes its own copy of dw. A thread has WIDTH channels of
// a by WIDTH of b, for one tap.
template <int WIDTH>
__device__ void to_weight_of(const real* large, const real* small, real* to, int count, const Geometry& g, int share, int add) {
    int inside = g.large_channels / g.groups, outputs = g.small_channels / g.groups;
    int begin = blockIdx.y * share, end = min(begin + share, g.batch * g.small_height);
    Divisor chunks(outputs / WIDTH), pieces(inside / WIDTH), groups(g.groups), by_kernel(g.kernel_width), by_height(g.small_height);
    real* own = to + static_cast<int64>(blockIdx.y) * (g.kernel_height * g.kernel_width * inside * g.small_channels);
    each_pack<1>(count, [&](int index) {
        int rest = chunks.quotient(index), chunk = index - rest * chunks.value;
        int next = pieces.quotient(rest), c = (rest - next * pieces.value) * WIDTH;
        int tap = groups.quotient(next), group = next - tap * g.groups, d = group * outputs + chunk * WIDTH;
        int u = by_kernel.quotient(tap), v = tap - u * g.kernel_width;
        // of the places in a row of b, those whose tap lies in a
        int from = max(0, divide_up(g.padding_width - v, g.stride_width)), left = from * g.stride_width - g.padding_width + v;
        int until = min(g.small_width, divide_up(g.large_width + g.padding_width - v, g.stride_width));
        Pack<WIDTH> sums[WIDTH] = {};
#pragma unroll 1
        for (int line = begin; line < end; ++line) {
            int image = by_height.quotient(line);
            int row = (line - image * g.small_height) * g.stride_height - g.padding_height + u;
            if (row < 0 || row >= g.large_height) continue;
            const real* a = large + ((image * g.large_height + row) * g.large_width + left) * g.large_channels + group * inside + c;
            const real* b = small + (line * g.small_width + from) * g.small_channels + d;
#pragma unroll 4
            for (int j = from; j < until; ++j) {
                Pack<WIDTH> x = rounded(load<WIDTH>(a, 0)), y = rounded(load<WIDTH>(b, 0));
#pragma unroll
                for (int k = 0; k < WIDTH; ++k)
#pragma unroll
                    for (int i = 0; i < WIDTH; ++i) sums[k].at[i] += x.at[k] * y.at[i];
                a += g.stride_width * g.large_channels, b += g.small_channels;
            }
        }
#pragma unroll
        for (int k = 0; k < WIDTH; ++k) {
            int place = (tap * inside + c + k) * g.small_channels + d;
#pragma unroll
            for (int i = 0; i < WIDTH; ++i) own[place + i] = add ? own[place + i] + sums[k].at[i] : sums[k].at[i];
        }
    });
}

extern "C" __global__ void __launch_bounds__(256, 2)
grouped_to_weight(const real* large, const real* small, real* to, int count, GEOMETRY_PARAMETERS, int aligned, int share,
                  int add) {
    Geometry g = GEOMETRY;
    BY_WIDTH(aligned, to_weight_of, large, small, to, count, g, share, add);
}
