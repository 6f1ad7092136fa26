#include "columns.cuh"
#include "moments.cuh"
#include "pointwise.cuh"
// Batch normalisation over the rows of (M, C) with its activation (Ioffe and Szegedy 2015):
//     y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε);     dz = f′·dy,  dβ = Σ dz,  dγ = Σ dz·x̂,
//     dx = γ/√(σ² + ε) · (dz − dβ/M − x̂·dγ/M)
// Each direction is a pass of partial sums, a small merge and a pass over all numbers, from the last row to the first; where rows
// are few, a block has all rows of its columns and does both passes with no merge. The same bits at every run.
//
// f′ is found from y, but where f is linear on either side of 0 from the sign of z, made anew from x: then y is not read.
//
// Floor on an H100: forward reads x twice and writes y, 12 bytes a number at 3.35 TB/s (8 where the second reading finds x in
// the 50 MB of level-2 cache); backward reads dy and x twice and writes dx, 20 (12), and where f is tanh or sigmoid reads y
// twice too, 28 (16). 128×16²×128, 4.2 million numbers: 15 µs (10) and 25 µs (15), or 35 µs (20).

// Write the statistics of WIDTH columns, from the moments that row 0 of a block has merged.
template <int WIDTH>
__device__ __forceinline__ void write_statistics(const Moments<WIDTH>& moments, int column, int rows, real epsilon,
                                                 real* mean, real* variance, real* inverse) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) {
        real spread = moments.square[i] / rows;
        mean[column + i] = moments.mean[i], variance[column + i] = spread;
        inverse[column + i] = 1 / sqrt(spread + epsilon);
    }
}

// The first stage writes partial[count, mean or squares][blockIdx.y][channel]. Where `partial` is null, a block has all rows and
// writes μ, σ² and 1/√(σ² + ε) at once.
template <int WIDTH>
__device__ void statistics_of(const real* x, real* partial, int rows, int columns, real epsilon, real* mean, real* variance,
                              real* inverse) {
    int column = first_column<WIDTH>();
    ShiftedSums<WIDTH> sums;
    if (column < columns) {
        each_row_of_block<4>(
            rows, [&](int row) { return load<WIDTH>(x, row * columns + column); },
            [&](int, const Pack<WIDTH>& pack) { sums.add(pack); });
    }
    Moments<WIDTH> moments = merge_rows<COLUMN_THREADS>(sums.moments());
    if (threadIdx.y || column >= columns) return;
    if (!partial) return write_statistics(moments, column, rows, epsilon, mean, variance, inverse);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) {
        partial[partial_index(0, columns, column + i)] = moments.count;
        partial[partial_index(1, columns, column + i)] = moments.mean[i];
        partial[partial_index(2, columns, column + i)] = moments.square[i];
    }
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
statistics(const real* x, real* partial, int rows, int columns, int aligned, real epsilon, real* mean, real* variance,
           real* inverse) {
    BY_WIDTH(aligned, statistics_of, x, partial, rows, columns, epsilon, mean, variance, inverse);
}

extern "C" __global__ void __launch_bounds__(MERGE_THREADS)
merge_statistics(const real* partial, int count, int rows, int columns, real epsilon, real* mean, real* variance,
                 real* inverse) {
    int column = first_column<1>();
    ShiftedSums<1> sums;
    if (column < columns) {
        each_row<4>(
            threadIdx.y, blockDim.y, count,
            [&](int number) {
                int place = number * columns + column, next = count * columns;
                return Moments<1>{partial[place], {partial[place + next]}, {partial[place + 2 * next]}};
            },
            [&](int, const Moments<1>& moments) { sums.add(moments); });
    }
    Moments<1> moments = merge_rows<MERGE_THREADS>(sums.moments());
    if (threadIdx.y == 0 && column < columns) write_statistics(moments, column, rows, epsilon, mean, variance, inverse);
}

// z = γ·x̂ + β of WIDTH columns. Its sign is asked for in backward, so the bits must be those that forward had: the one place
// where z is made, and its fused multiply-add is written out, for a compiler may fuse in one kernel and not in another.
template <int WIDTH>
struct Affine {
    Pack<WIDTH> centre, factor, shift;

    __device__ __forceinline__ Affine(const real* mean, const real* inverse, const real* scale, const real* bias, int column)
        : centre(constants<WIDTH>(mean, column)),
          factor(constants<WIDTH>(inverse, column)),
          shift(constants<WIDTH>(bias, column)) {
        Pack<WIDTH> gain = constants<WIDTH>(scale, column, 1);
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) factor.at[i] *= gain.at[i];
    }

    __device__ __forceinline__ real z(real x, int i) const { return fma(x - centre.at[i], factor.at[i], shift.at[i]); }
};

template <int WIDTH>
__device__ void normalise_all(const real* x, const real* mean, const real* inverse, const real* scale, const real* bias,
                              real* y, int rows, int columns, int kind, real slope) {
    int column = first_column<WIDTH>();
    if (column >= columns) return;
    Affine<WIDTH> affine(mean, inverse, scale, bias, column);
    each_row_of_block<2>(
        rows, [&](int row) { return load<WIDTH>(x, (rows - 1 - row) * columns + column); },
        [&](int row, Pack<WIDTH> pack) {
#pragma unroll
            for (int i = 0; i < WIDTH; ++i) pack.at[i] = affine.z(pack.at[i], i);
#pragma unroll
            for (int i = 0; i < WIDTH; ++i) pack.at[i] = activate(pack.at[i], kind, slope);
            store(y, (rows - 1 - row) * columns + column, pack);
        });
}

// The occupancy that `rows_over` in grids.py counts on: a multiprocessor runs all its blocks at once, 8 of them with 32 registers
// a thread; float64 needs 40 registers, so 6.
constexpr int NORMALISE_OCCUPANCY = sizeof(real) == 4 ? 8 : 6;

extern "C" __global__ void __launch_bounds__(256, NORMALISE_OCCUPANCY)
normalise(const real* x, const real* mean, const real* inverse, const real* scale, const real* bias, real* y, int rows,
          int columns, int aligned, int kind, real slope) {
    BY_WIDTH(aligned, normalise_all, x, mean, inverse, scale, bias, y, rows, columns, kind, slope);
}

// Both at once, where a block has all rows of its columns: what row 0 has written is read by the others.
template <int WIDTH>
__device__ void forward_of(const real* x, const real* scale, const real* bias, real* y, int rows, int columns, int kind,
                           real slope, real epsilon, real* mean, real* variance, real* inverse) {
    statistics_of<WIDTH>(x, nullptr, rows, columns, epsilon, mean, variance, inverse);
    __syncthreads();
    normalise_all<WIDTH>(x, mean, inverse, scale, bias, y, rows, columns, kind, slope);
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
forward(const real* x, const real* scale, const real* bias, real* y, int rows, int columns, int aligned, int kind,
        real slope, real epsilon, real* mean, real* variance, real* inverse) {
    BY_WIDTH(aligned, forward_of, x, scale, bias, y, rows, columns, kind, slope, epsilon, mean, variance, inverse);
}

// What gradients are made from. `y` is null where f is linear on either side of 0.
struct Given {
    const real *dy, *x, *y, *mean, *inverse, *scale, *bias;
};

// Run a template that takes WIDTH, and FROM_Y: whether f′ is found from y.
#define BY_WIDTH_AND_Y(aligned, y, function, ...)   \
    if ((y) && (aligned))                           \
        function<CHUNK, true>(__VA_ARGS__);         \
    else if (y)                                     \
        function<1, true>(__VA_ARGS__);             \
    else if (aligned)                               \
        function<CHUNK, false>(__VA_ARGS__);        \
    else                                            \
        function<1, false>(__VA_ARGS__)

template <int WIDTH, bool FROM_Y>
struct Place {
    Pack<WIDTH> dy, x, y;
};

template <int WIDTH, bool FROM_Y>
__device__ __forceinline__ Place<WIDTH, FROM_Y> place_at(const Given& given, int index) {
    Place<WIDTH, FROM_Y> at;
    at.dy = load<WIDTH>(given.dy, index), at.x = load<WIDTH>(given.x, index);
    if (FROM_Y) at.y = load<WIDTH>(given.y, index);
    return at;
}

// dz = f′·dy of WIDTH columns.
template <int WIDTH, bool FROM_Y>
struct Derivative {
    int kind;
    real slope;  // of f below 0, where f′ is found from the sign of z

    __device__ __forceinline__ Derivative(int kind, real slope)
        : kind(kind), slope(FROM_Y ? slope : slope_below(kind, slope)) {}

    __device__ __forceinline__ real dz(const Place<WIDTH, FROM_Y>& at, const Affine<WIDTH>& affine, int i) const {
        if (FROM_Y) return deactivate(at.dy.at[i], at.y.at[i], kind, slope);
        return affine.z(at.x.at[i], i) > 0 ? at.dy.at[i] : slope * at.dy.at[i];
    }
};

// Where dβ and dγ go: this batch's sums, which dx is made from, and unless they are null totals, to which these are added.
struct Results {
    real *dbias, *dscale, *bias_total, *scale_total;

    __device__ __forceinline__ void put(int column, real level, real tilt) const {
        dbias[column] = level, dscale[column] = tilt;
        if (bias_total) bias_total[column] += level;
        if (scale_total) scale_total[column] += tilt;
    }
};

// The first stage writes partial[Σ dz or Σ dz·x̂][blockIdx.y][channel]. Where `partial` is null, a block has all rows and writes
// dβ and dγ at once.
template <int WIDTH, bool FROM_Y>
__device__ void gradient_sums_of(const Given& given, real* partial, int rows, int columns, int kind, real slope,
                                 Results results) {
    int column = first_column<WIDTH>();
    Sums<2, WIDTH> sums = {};
    if (column < columns) {
        Affine<WIDTH> affine(given.mean, given.inverse, given.scale, given.bias, column);
        Derivative<WIDTH, FROM_Y> derivative(kind, slope);
        each_row_of_block<2>(
            rows, [&](int row) { return place_at<WIDTH, FROM_Y>(given, row * columns + column); },
            [&](int, const Place<WIDTH, FROM_Y>& at) {
#pragma unroll
                for (int i = 0; i < WIDTH; ++i) {
                    real dz = derivative.dz(at, affine, i);
                    sums.at[0].at[i] += dz;
                    sums.at[1].at[i] += dz * (at.x.at[i] - affine.centre.at[i]);
                }
            });
    }
    sums = merge_rows<COLUMN_THREADS>(sums);
    if (threadIdx.y || column >= columns) return;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) {
        real product = sums.at[1].at[i] * given.inverse[column + i];
        if (partial) {
            partial[partial_index(0, columns, column + i)] = sums.at[0].at[i];
            partial[partial_index(1, columns, column + i)] = product;
        } else {
            results.put(column + i, sums.at[0].at[i], product);
        }
    }
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
gradient_sums(const real* dy, const real* x, const real* y, const real* mean, const real* inverse, const real* scale,
              const real* bias, real* partial, int rows, int columns, int aligned, int kind, real slope, real* dbias,
              real* dscale, real* bias_total, real* scale_total) {
    Given given = {dy, x, y, mean, inverse, scale, bias};
    Results results = {dbias, dscale, bias_total, scale_total};
    BY_WIDTH_AND_Y(aligned, y, gradient_sums_of, given, partial, rows, columns, kind, slope, results);
}

extern "C" __global__ void __launch_bounds__(MERGE_THREADS)
merge_gradient_sums(const real* partial, int count, int columns, real* dbias, real* dscale, real* bias_total,
                    real* scale_total) {
    int column = first_column<1>();
    Sums<2, 1> sums = total_of_partials<2>(partial, count, columns, column);
    if (threadIdx.y || column >= columns) return;
    Results{dbias, dscale, bias_total, scale_total}.put(column, sums.at[0].at[0], sums.at[1].at[0]);
}

// dx from sums over the batch, of which each of its M values has the `share` 1/M.
template <int WIDTH, bool FROM_Y>
__device__ void input_gradient_all(const Given& given, const real* dbias, const real* dscale, real* dx, int rows, int columns,
                                   int kind, real slope, real share) {
    int column = first_column<WIDTH>();
    if (column >= columns) return;
    Affine<WIDTH> affine(given.mean, given.inverse, given.scale, given.bias, column);
    Derivative<WIDTH, FROM_Y> derivative(kind, slope);
    Pack<WIDTH> level = constants<WIDTH>(dbias, column), tilt = constants<WIDTH>(dscale, column);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i)  // what is taken off dz: level + tilt·(x − μ)
        level.at[i] *= share, tilt.at[i] *= share * given.inverse[column + i];
    each_row_of_block<2>(
        rows, [&](int row) { return place_at<WIDTH, FROM_Y>(given, (rows - 1 - row) * columns + column); },
        [&](int row, const Place<WIDTH, FROM_Y>& at) {
            Pack<WIDTH> pack;
#pragma unroll
            for (int i = 0; i < WIDTH; ++i) {
                real away = at.x.at[i] - affine.centre.at[i];
                pack.at[i] = affine.factor.at[i] * (derivative.dz(at, affine, i) - level.at[i] - away * tilt.at[i]);
            }
            store(dx, (rows - 1 - row) * columns + column, pack);
        });
}

extern "C" __global__ void __launch_bounds__(256)
input_gradient(const real* dy, const real* x, const real* y, const real* mean, const real* inverse, const real* scale,
               const real* bias, const real* dbias, const real* dscale, real* dx, int rows, int columns, int aligned,
               int kind, real slope, real share) {
    Given given = {dy, x, y, mean, inverse, scale, bias};
    BY_WIDTH_AND_Y(aligned, y, input_gradient_all, given, dbias, dscale, dx, rows, columns, kind, slope, share);
}

// As forward: all of it, where a block has all rows of its columns.
template <int WIDTH, bool FROM_Y>
__device__ void backward_of(const Given& given, real* dx, int rows, int columns, int kind, real slope, Results results) {
    gradient_sums_of<WIDTH, FROM_Y>(given, nullptr, rows, columns, kind, slope, results);
    __syncthreads();
    real share = real(1) / rows;
    input_gradient_all<WIDTH, FROM_Y>(given, results.dbias, results.dscale, dx, rows, columns, kind, slope, share);
}

extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
backward(const real* dy, const real* x, const real* y, const real* mean, const real* inverse, const real* scale,
         const real* bias, real* dbias, real* dscale, real* dx, int rows, int columns, int aligned, int kind, real slope,
         real* bias_total, real* scale_total) {
    Given given = {dy, x, y, mean, inverse, scale, bias};
    Results results = {dbias, dscale, bias_total, scale_total};
    BY_WIDTH_AND_Y(aligned, y, backward_of, given, dx, rows, columns, kind, slope, results);
}
