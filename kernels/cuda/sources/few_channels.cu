#include "matrix.cuh"
#include "images.cuh"
#include "product.cuh"
// ∂T/∂a where a has few channels (a generator's last layer, a discriminator's first):
//     ∂T/∂a[n, h, w, c] = Σ_{u, v} y[n, i, j, (u, v, c)],   y = b·wᵀ,   h = i·sh + u − ph,  w = j·sw + v − pw
// As in convolution.cu each number of b would be copied once for each tap, for three sums of sixteen or more that a tile has.
// Here a block multiplies some rows of b by all of w at once, keeps y in shared memory, adds up what falls on each number
// of a, and adds the epilogue: f(sum + bias). Rows at the ends of a block's share are multiplied by its neighbour too.
//
// Floor on an H100: the bytes of a and b at 3.35 TB/s. 64→3 at 32²→64², N = 128: 40 MB, 12 µs.
//
// Block (x, y): rows x·high to (x + 1)·high of image y of a. TILE_M pixels of b must cover the receptive field of those
// rows, TILE_N columns all of w.

constexpr int MOST_CHANNELS = 4;  // as in few_channels.py

extern "C" __global__ void __launch_bounds__(THREADS, OCCUPANCY)
to_large_few(const real* weight, const real* small, real* to, GEOMETRY_PARAMETERS, int high, int small_aligned, const real* bias,
             int kind, real slope) {
    constexpr int PITCH = TILE_N + 1;
    Geometry g = GEOMETRY;
    int top = blockIdx.x * high, bottom = min(top + high, g.large_height), image = blockIdx.y;
    int least = top + g.padding_height - g.kernel_height + 1;  // of i·sh
    int first_row = least > 0 ? divide_up(least, g.stride_height) : 0;
    int last_row = min((bottom - 1 + g.padding_height) / g.stride_height + 1, g.small_height);
    int before = image * g.small_height, first_pixel = (before + first_row) * g.small_width;
    Matrix a = {small, (before + last_row) * g.small_width, g.small_channels, small_aligned != 0};  // b's pixels
    int columns = g.kernel_height * g.kernel_width * g.large_channels;
    Matrix b = {weight, columns, g.small_channels, small_aligned != 0};
    typedef Accumulator<true, true>::Neighbours Neighbours;
    Accumulator<true, true> sums;
    accumulate(sums, a, b, first_pixel, 0, 0, g.small_channels);

    DYNAMIC_SHARED(real, ring);
    __syncthreads();  // the ring's memory is taken for y
    sums.each([&](int row) { return ring + row * PITCH; }, [](real* row, int column, const Neighbours& pack) {
#pragma unroll
        for (int i = 0; i < static_cast<int>(sizeof(Neighbours) / sizeof(real)); ++i) row[column + i] = pack.at[i];
    });
    __syncthreads();

    // A thread adds up all channels of a pixel: what lies on it is looked for once.
    Divisor by_width(g.large_width), by_high(g.stride_height), by_wide(g.stride_width);
    real* from = to + (static_cast<int64>(image) * g.large_height + top) * g.large_width * g.large_channels;
    for (int pixel = threadIdx.x; pixel < (bottom - top) * g.large_width; pixel += THREADS) {
        int below = by_width.quotient(pixel);
        int h = top + below + g.padding_height, w = pixel - below * g.large_width + g.padding_width;
        int i = by_high.quotient(h), j = by_wide.quotient(w);
        real sums_of_pixel[MOST_CHANNELS] = {};
        for (int u = h - i * g.stride_height; u < g.kernel_height; u += g.stride_height, --i) {
            if (i < first_row) break;
            if (i >= last_row) continue;
            int at = j;
            for (int v = w - j * g.stride_width; v < g.kernel_width; v += g.stride_width, --at) {
                if (at < 0) break;
                if (at >= g.small_width) continue;
                const real* y = ring + ((i - first_row) * g.small_width + at) * PITCH + (u * g.kernel_width + v) * g.large_channels;
#pragma unroll
                for (int c = 0; c < MOST_CHANNELS; ++c)
                    if (c < g.large_channels) sums_of_pixel[c] += y[c];
            }
        }
#pragma unroll
        for (int c = 0; c < MOST_CHANNELS; ++c)
            if (c < g.large_channels)
                from[pixel * g.large_channels + c] = activate(bias ? sums_of_pixel[c] + bias[c] : sums_of_pixel[c], kind, slope);
    }
}
