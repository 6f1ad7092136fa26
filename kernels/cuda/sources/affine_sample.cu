#include "elementwise.cuh"
// Images (N, H, W, C) moved, turned and stretched, each by its own affine map (2, 3) from places of the result to places of
// what is given, with linear interpolation and zeros beyond the edges:
//     affine_sample   y[n, i, j] = Σ k(r − h)·k(s − w)·x[n, h, w],  (r, s) = M·(i, j, 1),  k(t) = max(0, 1 − |t|)
//     affine_adjoint  dx[n, h, w] = Σ k(r − h)·k(s − w)·dy[n, i, j], gathered by the one thread that writes it: the places
//                     that can meet pixel (h, w) are M⁻¹ of a square of side 2 around it.
//
// Floor on an H100: the bytes of both images at 3.35 TB/s.

struct Map {
    real m00, m01, m02, m10, m11, m12;
    __device__ Map(const real* m) : m00(m[0]), m01(m[1]), m02(m[2]), m10(m[3]), m11(m[4]), m12(m[5]) {}
    __device__ __forceinline__ real row(int i, int j) const { return m00 * i + m01 * j + m02; }
    __device__ __forceinline__ real column(int i, int j) const { return m10 * i + m11 * j + m12; }
};

__device__ __forceinline__ real hat(real t) { return fabs(t) >= 1 ? real(0) : 1 - fabs(t); }  // NaN of NaN

extern "C" __global__ void __launch_bounds__(256)
affine_sample(const real* x, const real* maps, real* y, int count, int height, int width, int channels) {
    Divisor by_height(height), by_width(width), by_channels(channels);
    each_pack<1>(count, [&](int index) {
        int pixel = by_channels.quotient(index), line = by_width.quotient(pixel), n = by_height.quotient(line);
        int channel = index - pixel * channels, j = pixel - line * width, i = line - n * height;
        Map map(maps + 6 * n);
        real r = map.row(i, j), s = map.column(i, j), sum = 0;
        if (r > -1 && r < height && s > -1 && s < width) {
            int top = floor(r), left = floor(s);
            const real* image = x + n * height * width * channels + channel;
            for (int h = max(top, 0); h < min(top + 2, height); ++h)
                for (int w = max(left, 0); w < min(left + 2, width); ++w) {
                    real weight = hat(r - h) * hat(s - w);
                    if (weight > 0) sum += weight * image[(h * width + w) * channels];
                }
        }
        y[index] = r == r && s == s ? sum : r + s;  // NaN where the map is
    });
}

// The whole numbers from low to high within 0 … size − 1; all of them where the bounds are NaN.
struct Range {
    int first, last;
    __device__ Range(real low, real high, int size)
        : first(fmin(fmax(ceil(low), real(0)), real(size))), last(fmax(fmin(floor(high), real(size - 1)), real(-1))) {}
};

extern "C" __global__ void __launch_bounds__(256)
affine_adjoint(const real* dy, const real* maps, real* dx, int count, int height, int width, int channels) {
    Divisor by_height(height), by_width(width), by_channels(channels);
    each_pack<1>(count, [&](int index) {
        int pixel = by_channels.quotient(index), line = by_width.quotient(pixel), n = by_height.quotient(line);
        int channel = index - pixel * channels, w = pixel - line * width, h = line - n * height;
        Map map(maps + 6 * n);
        real scale = 1 / (map.m00 * map.m11 - map.m01 * map.m10), down = h - map.m02, across = w - map.m12;
        real i00 = map.m11 * scale, i01 = -map.m01 * scale, i10 = -map.m10 * scale, i11 = map.m00 * scale;
        real reach_i = fabs(i00) + fabs(i01) + real(0.01), reach_j = fabs(i10) + fabs(i11) + real(0.01);
        real centre_i = i00 * down + i01 * across, centre_j = i10 * down + i11 * across, sum = 0;
        Range rows(centre_i - reach_i, centre_i + reach_i, height), columns(centre_j - reach_j, centre_j + reach_j, width);
        const real* image = dy + n * height * width * channels + channel;
        for (int i = rows.first; i <= rows.last; ++i)
            for (int j = columns.first; j <= columns.last; ++j) {
                real weight = hat(map.row(i, j) - h) * hat(map.column(i, j) - w);
                if (!(weight == 0)) sum += weight * image[(i * width + j) * channels];
            }
        dx[index] = sum;
    });
}
