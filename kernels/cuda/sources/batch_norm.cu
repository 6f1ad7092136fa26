#include "columns.cuh"
#include "elementwise.cuh"
#include "moments.cuh"
#include "pointwise.cuh"
// Batch normalisation over the rows of (M, C) with its activation (Ioffe and Szegedy 2015):
//     y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε);     dz = f′·dy,  dβ = Σ dz,  dγ = Σ dz·x̂,
//     dx = γ/√(σ² + ε) · (dz − dβ/M − x̂·dγ/M)
// Each direction is a pass of partial sums, a small merge and a pass over all numbers; the same bits at every run.
//
// Floor on an H100: forward reads x twice and writes y, 12 bytes a number at 3.35 TB/s (8 where the second reading finds x in
// the 50 MB of level-2 cache); backward reads dy, x, y twice and writes dx, 28 (16). 128×16²×128, 4.2 million numbers:
// 15 µs (10) and 35 µs (20).

// parts[run][mean or squares][channel].
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
statistics(const real* x, real* parts, int rows, int columns, int run) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, first = blockIdx.y * run, last = min(first + run, rows);
    Shifted seen;
    if (column < columns) {
#pragma unroll 4
        for (int row = first + threadIdx.y; row < last; row += blockDim.y) seen.see(x[row * columns + column]);
    }
    Moments moments = merge_rows(seen.moments());
    if (threadIdx.y || column >= columns) return;
    parts[2 * blockIdx.y * columns + column] = moments.mean;
    parts[(2 * blockIdx.y + 1) * columns + column] = moments.square;
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
merge_statistics(const real* parts, int count, int rows, int columns, int run, real epsilon, real* mean, real* variance,
                 real* inverse) {
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    Moments moments = {0, 0, 0};
    if (column < columns) {
        for (int p = threadIdx.y; p < count; p += blockDim.y) {
            real seen = min(run, rows - p * run);
            moments.merge({seen, parts[2 * p * columns + column], parts[(2 * p + 1) * columns + column]});
        }
    }
    moments = merge_rows(moments);
    if (threadIdx.y || column >= columns) return;
    real spread = moments.square / rows;
    mean[column] = moments.mean, variance[column] = spread, inverse[column] = 1 / sqrt(spread + epsilon);
}

template <int WIDTH>
__device__ void normalise_all(const real* x, const real* mean, const real* inverse, const real* scale, const real* bias,
                              real* y, int count, int columns, int kind, real slope) {
    Divisor by(columns);
    each_pack<WIDTH>(count, [&](int index) {
        Pack<WIDTH> pack = load<WIDTH>(x, index);
        int column = index - by.quotient(index) * columns;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            int c = column + i;
            real factor = scale ? inverse[c] * scale[c] : inverse[c];
            real z = (pack.at[i] - mean[c]) * factor + (bias ? bias[c] : 0);
            pack.at[i] = activate(z, kind, slope);
        }
        store(y, index, pack);
    });
}

extern "C" __global__ void __launch_bounds__(256)
normalise(const real* x, const real* mean, const real* inverse, const real* scale, const real* bias, real* y, int count,
          int columns, int whole, int kind, real slope) {
    BY_WIDTH(whole, normalise_all, x, mean, inverse, scale, bias, y, count, columns, kind, slope);
}

// parts[run][Σ dz or Σ dz·x̂][channel].
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
gradient_sums(const real* dy, const real* x, const real* y, const real* mean, const real* inverse, real* parts, int rows,
              int columns, int run, int kind, real slope) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, first = blockIdx.y * run, last = min(first + run, rows);
    Sums<2> sums = {};
    if (column < columns) {
        real centre = mean[column], factor = inverse[column];
#pragma unroll 4
        for (int row = first + threadIdx.y; row < last; row += blockDim.y) {
            int index = row * columns + column;
            real dz = deactivate(dy[index], y[index], kind, slope);
            sums.at[0] += dz;
            sums.at[1] += dz * ((x[index] - centre) * factor);
        }
    }
    sums = merge_rows(sums);
    if (threadIdx.y || column >= columns) return;
    parts[2 * blockIdx.y * columns + column] = sums.at[0];
    parts[(2 * blockIdx.y + 1) * columns + column] = sums.at[1];
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
merge_gradient_sums(const real* parts, int count, int columns, real* dbias, real* dscale) {
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    Sums<2> sums = total_of_parts<2>(parts, count, columns, column);
    if (threadIdx.y == 0 && column < columns) dbias[column] = sums.at[0], dscale[column] = sums.at[1];
}

template <int WIDTH>
__device__ void input_gradient_all(const real* dy, const real* x, const real* y, const real* mean, const real* inverse,
                                   const real* scale, const real* dbias, const real* dscale, real* dx, int count, int rows,
                                   int columns, int kind, real slope) {
    Divisor by(columns);
    real share = real(1) / rows;
    each_pack<WIDTH>(count, [&](int index) {
        Pack<WIDTH> pack = load<WIDTH>(dy, index), input = load<WIDTH>(x, index), output = load<WIDTH>(y, index);
        int column = index - by.quotient(index) * columns;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            int c = column + i;
            real dz = deactivate(pack.at[i], output.at[i], kind, slope);
            real normalised = (input.at[i] - mean[c]) * inverse[c];
            real inner = dz - dbias[c] * share - normalised * (dscale[c] * share);
            pack.at[i] = inner * (scale ? inverse[c] * scale[c] : inverse[c]);
        }
        store(dx, index, pack);
    });
}

extern "C" __global__ void __launch_bounds__(256)
input_gradient(const real* dy, const real* x, const real* y, const real* mean, const real* inverse, const real* scale,
               const real* dbias, const real* dscale, real* dx, int count, int rows, int columns, int whole, int kind,
               real slope) {
    BY_WIDTH(whole, input_gradient_all, dy, x, y, mean, inverse, scale, dbias, dscale, dx, count, rows, columns, kind, slope);
}
