#include "elementwise.cuh"
// Convolution in groups (see geometry.py):
//     T = Σ w[u, v, c, d] · a[n, i·sh + u − ph, j·sw + v − pw, g·C + c] · b[n, i, j, g·D + d]     c < C, d < D, g < groups
// Each number is summed by the one thread that writes it, in a fixed order. Neighbouring threads have neighbouring channels, so
// that what they read of a group is in the cache, and of the other image and of w often the same. With -DROUNDED=32 or 16 each
// number is rounded to TF32 or to bf16 before it is multiplied, as tensor cores do; sums are float32.
//
// Floor on an H100: the bytes of a, b and w at 3.35 TB/s. 1536 channels in 96 groups at 16², N = 32: 101 MB, 30 µs.

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

extern "C" __global__ void __launch_bounds__(256, 4)
grouped_to_small(const real* weight, const real* large, real* to, int count, GEOMETRY_PARAMETERS) {
    Geometry g = GEOMETRY;
    int inside = g.large_channels / g.groups;
    Divisor by_channels(g.small_channels), by_width(g.small_width), by_height(g.small_height), by_group(g.small_channels / g.groups);
    each_pack<1>(count, [&](int index) {
        int pixel = by_channels.quotient(index), d = index - pixel * g.small_channels;
        int line = by_width.quotient(pixel), image = by_height.quotient(line);
        int top = (line - image * g.small_height) * g.stride_height - g.padding_height;
        int left = (pixel - line * g.small_width) * g.stride_width - g.padding_width;
        int first = by_group.quotient(d) * inside;
        real sum = 0;
#pragma unroll 1
        for (int u = 0; u < g.kernel_height; ++u) {
            int row = top + u;
            if (row < 0 || row >= g.large_height) continue;
#pragma unroll 1
            for (int v = 0; v < g.kernel_width; ++v) {
                int column = left + v;
                if (column < 0 || column >= g.large_width) continue;
                const real* a = large + ((image * g.large_height + row) * g.large_width + column) * g.large_channels + first;
                const real* w = weight + (u * g.kernel_width + v) * inside * g.small_channels + d;
                for (int c = 0; c < inside; ++c) sum += rounded(a[c]) * rounded(w[c * g.small_channels]);
            }
        }
        to[index] = sum;
    });
}

extern "C" __global__ void __launch_bounds__(256, 4)
grouped_to_large(const real* weight, const real* small, real* to, int count, GEOMETRY_PARAMETERS) {
    Geometry g = GEOMETRY;
    int inside = g.large_channels / g.groups, outputs = g.small_channels / g.groups;
    Divisor by_channels(g.large_channels), by_width(g.large_width), by_height(g.large_height), by_group(inside);
    Divisor by_high(g.stride_height), by_wide(g.stride_width);
    each_pack<1>(count, [&](int index) {
        int pixel = by_channels.quotient(index), channel = index - pixel * g.large_channels;
        int line = by_width.quotient(pixel), image = by_height.quotient(line);
        int h = line - image * g.large_height + g.padding_height, w = pixel - line * g.large_width + g.padding_width;
        int group = by_group.quotient(channel), c = channel - group * inside, first = group * outputs;
        // the first tap that meets the pixel, and where in b it does
        int low = by_high.quotient(h), near = by_wide.quotient(w);
        real sum = 0;
#pragma unroll 1
        for (int u = h - low * g.stride_height, i = low; u < g.kernel_height && i >= 0; u += g.stride_height, --i) {
            if (i >= g.small_height) continue;
#pragma unroll 1
            for (int v = w - near * g.stride_width, j = near; v < g.kernel_width && j >= 0; v += g.stride_width, --j) {
                if (j >= g.small_width) continue;
                const real* b = small + ((image * g.small_height + i) * g.small_width + j) * g.small_channels + first;
                const real* row = weight + ((u * g.kernel_width + v) * inside + c) * g.small_channels + first;
                for (int d = 0; d < outputs; ++d) sum += rounded(b[d]) * rounded(row[d]);
            }
        }
        to[index] = sum;
    });
}

// Row y of the grid sums `share` images, and writes its own copy of dw.
extern "C" __global__ void __launch_bounds__(256, 4)
grouped_to_weight(const real* large, const real* small, real* to, int count, GEOMETRY_PARAMETERS, int share, int add) {
    Geometry g = GEOMETRY;
    int inside = g.large_channels / g.groups, begin = blockIdx.y * share, end = min(begin + share, g.batch);
    Divisor by_channels(g.small_channels), by_inside(inside), by_kernel(g.kernel_width), by_group(g.small_channels / g.groups);
    real* own = to + static_cast<int64>(blockIdx.y) * count;
    each_pack<1>(count, [&](int index) {
        int place = by_channels.quotient(index), d = index - place * g.small_channels;
        int tap = by_inside.quotient(place), c = place - tap * inside, u = by_kernel.quotient(tap), v = tap - u * g.kernel_width;
        int channel = by_group.quotient(d) * inside + c;
        const real *a = large + channel, *b = small + begin * g.small_height * g.small_width * g.small_channels + d;
        real sum = 0;
#pragma unroll 1
        for (int image = begin; image < end; ++image)
#pragma unroll 1
            for (int i = 0; i < g.small_height; ++i) {
                int row = i * g.stride_height - g.padding_height + u, column = v - g.padding_width;
                bool inside_rows = row >= 0 && row < g.large_height;
                int start = (image * g.large_height + row) * g.large_width;
#pragma unroll 1
                for (int j = 0; j < g.small_width; ++j, column += g.stride_width, b += g.small_channels)
                    if (inside_rows && column >= 0 && column < g.large_width)
                        sum += rounded(a[(start + column) * g.large_channels]) * rounded(*b);
            }
        own[index] = add ? own[index] + sum : sum;
    });
}
