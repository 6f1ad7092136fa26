#include "elementwise.cuh"
// Average pooling and enlargement by integer factors (fh, fw), each with its exact adjoint, on images (N, H, W, C):
//     sum_blocks     small = factor · Σ over each fh × fw block of large     pooling; the adjoint of repetition
//     spread_blocks  large = factor · small, repeated                        repetition; the adjoint of pooling
//     interpolate    large = A·small·Bᵀ, linear between pixel centres        and `interpolate_adjoint` its adjoint
// and the low-pass by two of [1, 3, 3, 1]/4 along both axes, zeros beyond the edges:
//     blur_enlarge   large = scale·A·small·Bᵀ                                and `blur_shrink` its adjoint
// Every number is gathered by the one thread that writes it, in a fixed order.
//
// Floor on an H100: the bytes of both images at 3.35 TB/s. 2×2 of 64×32²×16: 21 MB, 6 µs.

// Where number `index` of an image (N, H, W, C) lies.
struct Pixel {
    int image, row, column, channel;

    __device__ Pixel(int index, const Divisor& height, const Divisor& width, const Divisor& channels) {
        int pixel = channels.quotient(index), line = width.quotient(pixel);
        image = height.quotient(line);
        channel = index - pixel * channels.value, column = pixel - line * width.value, row = line - image * height.value;
    }
};

// Add factor · other, number by number.
template <int WIDTH>
__device__ __forceinline__ void add_to(Pack<WIDTH>& sum, real factor, const Pack<WIDTH>& other) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) sum.at[i] += factor * other.at[i];
}

template <int WIDTH>
__device__ __forceinline__ Pack<WIDTH> times(real factor, Pack<WIDTH> pack) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) pack.at[i] *= factor;
    return pack;
}

// Of all kernels here a thread takes WIDTH neighbouring channels at once: 16 bytes where rows of channels are aligned.
template <int WIDTH>
__device__ __forceinline__ void sum_all(const real* large, real* small, int count, int height, int width, int channels, int fh,
                                        int fw, real factor) {
    Divisor by_height(height), by_width(width), by_channels(channels);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        Pack<WIDTH> sum = {};
#pragma unroll 1
        for (int u = 0; u < fh; ++u)
#pragma unroll 2
            for (int v = 0; v < fw; ++v)
                add_to(sum, 1, load<WIDTH>(large, ((at.image * height + at.row) * fh + u) * (width * fw * channels) +
                                                      (at.column * fw + v) * channels + at.channel));
        store(small, index, times(factor, sum));
    });
}

extern "C" __global__ void __launch_bounds__(256)
sum_blocks(const real* large, real* small, int count, int height, int width, int channels, int fh, int fw, int aligned,
           real factor) {
    BY_WIDTH(aligned, sum_all, large, small, count, height, width, channels, fh, fw, factor);
}

template <int WIDTH>
__device__ __forceinline__ void spread_all(const real* small, real* large, int count, int height, int width, int channels,
                                           int fh, int fw, real factor) {
    Divisor by_height(height * fh), by_width(width * fw), by_channels(channels), by_fh(fh), by_fw(fw);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        int row = at.image * height + by_fh.quotient(at.row);
        int place = (row * width + by_fw.quotient(at.column)) * channels + at.channel;
        store(large, index, times(factor, load<WIDTH>(small, place)));
    });
}

extern "C" __global__ void __launch_bounds__(256)
spread_blocks(const real* small, real* large, int count, int height, int width, int channels, int fh, int fw, int aligned,
              real factor) {
    BY_WIDTH(aligned, spread_all, small, large, count, height, width, channels, fh, fw, factor);
}

// Place i of an axis enlarged by `factor` lies at (i + ½)/factor − ½ of the small axis, edges clamped: (1 − rest)·low + rest·high.
struct Between {
    int low, high;
    real rest;

    __device__ Between(int i, int size, int factor) {
        int twice = max(2 * i + 1 - factor, 0);  // 2·factor times the place
        low = min(twice / (2 * factor), size - 1), high = min(low + 1, size - 1);
        rest = low == high ? 0 : real(twice - low * 2 * factor) / (2 * factor);
    }
    __device__ __forceinline__ real weight(int h) const { return (low == h ? 1 - rest : 0) + (high == h ? rest : 0); }
};

template <int WIDTH>
__device__ __forceinline__ void interpolate_all(const real* small, real* large, int count, int height, int width, int channels,
                                                int fh, int fw) {
    Divisor by_height(height * fh), by_width(width * fw), by_channels(channels);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        Between rows(at.row, height, fh), columns(at.column, width, fw);
        const real* image = small + at.image * height * width * channels + at.channel;
        const real *low = image + rows.low * width * channels, *high = image + rows.high * width * channels;
        int left = columns.low * channels, right = columns.high * channels;
        Pack<WIDTH> upper = times(1 - columns.rest, load<WIDTH>(low, left));
        Pack<WIDTH> lower = times(1 - columns.rest, load<WIDTH>(high, left));
        add_to(upper, columns.rest, load<WIDTH>(low, right));
        add_to(lower, columns.rest, load<WIDTH>(high, right));
        upper = times(1 - rows.rest, upper);
        add_to(upper, rows.rest, lower);
        store(large, index, upper);
    });
}

extern "C" __global__ void __launch_bounds__(256)
interpolate(const real* small, real* large, int count, int height, int width, int channels, int fh, int fw, int aligned) {
    BY_WIDTH(aligned, interpolate_all, small, large, count, height, width, channels, fh, fw);
}

template <int WIDTH>
__device__ __forceinline__ void interpolate_adjoint_all(const real* large, real* small, int count, int height, int width,
                                                        int channels, int fh, int fw) {
    Divisor by_height(height), by_width(width), by_channels(channels);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        const real* image = large + at.image * (height * fh) * (width * fw) * channels + at.channel;
        Pack<WIDTH> sum = {};
        for (int i = max(at.row - 1, 0) * fh; i < min(at.row + 2, height) * fh; ++i) {
            Pack<WIDTH> line = {};
            for (int j = max(at.column - 1, 0) * fw; j < min(at.column + 2, width) * fw; ++j)
                add_to(line, Between(j, width, fw).weight(at.column), load<WIDTH>(image, (i * width * fw + j) * channels));
            add_to(sum, Between(i, height, fh).weight(at.row), line);
        }
        store(small, index, sum);
    });
}

extern "C" __global__ void __launch_bounds__(256)
interpolate_adjoint(const real* large, real* small, int count, int height, int width, int channels, int fh, int fw,
                    int aligned) {
    BY_WIDTH(aligned, interpolate_adjoint_all, large, small, count, height, width, channels, fh, fw);
}

// Place r of the large axis has 3/4 of pixel r/2 and 1/4 of the neighbour that it lies towards, as far as they are there.
struct Blurred {
    int near, far;
    real of_near, of_far;

    __device__ Blurred(int r, int size) {
        near = r / 2, far = near + (r % 2 ? 1 : -1);
        of_near = near < size ? real(0.75) : real(0), of_far = far >= 0 && far < size ? real(0.25) : real(0);
        near = min(near, size - 1), far = min(max(far, 0), size - 1);
    }
    template <int WIDTH>
    __device__ __forceinline__ Pack<WIDTH> mix(const Pack<WIDTH>& a, const Pack<WIDTH>& b) const {
        Pack<WIDTH> mixed;  // no 0·∞ from beyond the edge
#pragma unroll
        for (int i = 0; i < WIDTH; ++i)
            mixed.at[i] = (of_near > 0 ? of_near * a.at[i] : real(0)) + (of_far > 0 ? of_far * b.at[i] : real(0));
        return mixed;
    }
};

template <int WIDTH>
__device__ __forceinline__ void blur_enlarge_all(const real* small, real* large, int count, int height, int width, int channels,
                                                 int rows, int columns, real scale) {
    Divisor by_height(rows), by_width(columns), by_channels(channels);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        Blurred down(at.row, height), across(at.column, width);
        const real* image = small + at.image * height * width * channels + at.channel;
        const real *near = image + down.near * width * channels, *far = image + down.far * width * channels;
        int left = across.near * channels, right = across.far * channels;
        Pack<WIDTH> upper = across.mix(load<WIDTH>(near, left), load<WIDTH>(near, right));
        Pack<WIDTH> lower = across.mix(load<WIDTH>(far, left), load<WIDTH>(far, right));
        store(large, index, times(scale, down.mix(upper, lower)));
    });
}

extern "C" __global__ void __launch_bounds__(256)
blur_enlarge(const real* small, real* large, int count, int height, int width, int channels, int rows, int columns, int aligned,
             real scale) {
    BY_WIDTH(aligned, blur_enlarge_all, small, large, count, height, width, channels, rows, columns, scale);
}

template <int WIDTH>
__device__ __forceinline__ void blur_shrink_all(const real* large, real* small, int count, int height, int width, int channels,
                                                int rows, int columns, real scale) {
    Divisor by_height(height), by_width(width), by_channels(channels);
    each_pack<WIDTH>(count, [&](int index) {
        Pixel at(index, by_height, by_width, by_channels);
        const real* image = large + at.image * rows * columns * channels + at.channel;
        Pack<WIDTH> sum = {};
        const int top = max(2 * at.row - 1, 0), bottom = min(2 * at.row + 3, rows);
        const int left = max(2 * at.column - 1, 0), right = min(2 * at.column + 3, columns);
#pragma unroll 1
        for (int i = top; i < bottom; ++i) {  // not unrolled, nor is the other: all 16 pixels at once spill in float64
            Pack<WIDTH> line = {};
#pragma unroll 1
            for (int j = left; j < right; ++j)
                add_to(line, j / 2 == at.column ? real(0.75) : real(0.25), load<WIDTH>(image, (i * columns + j) * channels));
            add_to(sum, i / 2 == at.row ? real(0.75) : real(0.25), line);
        }
        store(small, index, times(scale, sum));
    });
}

extern "C" __global__ void __launch_bounds__(256)
blur_shrink(const real* large, real* small, int count, int height, int width, int channels, int rows, int columns, int aligned,
            real scale) {
    BY_WIDTH(aligned, blur_shrink_all, large, small, count, height, width, channels, rows, columns, scale);
}
