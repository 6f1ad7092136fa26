#include "columns.cuh"
// Sums in which example n, the n-th entry of the first axis, counts s[n] times:
//     add    z = x + s ⊙ y, or x + y without s
//     total  Σ s ⊙ x over all axes but the last, as partial sums for `bias_gradient` of activation.cu, or at once
//
// Floor on an H100: 12 bytes a number for `add` and 4 for `total` at 3.35 TB/s. 64×32²×64, 4.2 million numbers: 15 µs and 5 µs.

// size: the numbers of an example, a multiple of WIDTH where there are factors.
template <int WIDTH>
__device__ __forceinline__ void add_all(const real* x, const real* y, const real* scale, real* z, int count, int size) {
    Divisor by_size(size);
    each_pack<WIDTH>(count, [&](int index) {
        Pack<WIDTH> pack = load<WIDTH>(x, index), other = load<WIDTH>(y, index);
        real factor = scale ? scale[by_size.quotient(index)] : 1;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) pack.at[i] += factor * other.at[i];
        store(z, index, pack);
    });
}

extern "C" __global__ void __launch_bounds__(256)
add(const real* x, const real* y, const real* scale, real* z, int count, int size, int aligned) {
    BY_WIDTH(aligned, add_all, x, y, scale, z, count, size);
}

// WIDTH columns of a row, and its example's factor.
template <int WIDTH>
struct Weighted {
    Pack<WIDTH> x;
    real factor;
};

template <int WIDTH>
__device__ void total_of(const real* x, const real* scale, real* partial, int rows, int columns, int rows_of_example, int add,
                         real* to) {
    int column = first_column<WIDTH>();
    Divisor by_example(rows_of_example);
    Sums<1, WIDTH> sums = {};
    if (column < columns) {
        each_row_of_block<4>(
            rows,
            [&](int row) { return Weighted<WIDTH>{load<WIDTH>(x, row * columns + column), scale[by_example.quotient(row)]}; },
            [&](int, const Weighted<WIDTH>& found) {
#pragma unroll
                for (int i = 0; i < WIDTH; ++i) sums.at[0].at[i] += found.factor * found.x.at[i];
            });
    }
    write_sums(sums, partial, columns, column, add, to);
}

// Where `partial` is null, the one block of a column writes the total, or adds it to what is there.
extern "C" __global__ void __launch_bounds__(COLUMN_THREADS)
total(const real* x, const real* scale, real* partial, int rows, int columns, int rows_of_example, int aligned, int add,
      real* to) {
    BY_WIDTH(aligned, total_of, x, scale, partial, rows, columns, rows_of_example, add, to);
}
