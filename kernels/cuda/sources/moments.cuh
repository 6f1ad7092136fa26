#include "real.cuh"
// Mean and sum of squared deviations of WIDTH columns of as many numbers, merged without cancellation (Chan, Golub and LeVeque
// 1979).
template <int WIDTH>
struct Moments {
    real count;
    real mean[WIDTH], square[WIDTH];

    __device__ __forceinline__ void merge(const Moments& other) {
        if (other.count == 0) return;
        real total = count + other.count, share = other.count / total;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            real away = other.mean[i] - mean[i];
            mean[i] += away * share;
            square[i] += other.square[i] + away * away * (count * share);
        }
        count = total;
    }
};

// The moments of numbers that are added one by one, as sums of differences from the first: one subtraction and two additions
// each, and no digits lost where the mean is much above the deviation.
template <int WIDTH>
struct ShiftedSums {
    real count = 0;
    real shift[WIDTH] = {}, sum[WIDTH] = {}, square[WIDTH] = {};

    __device__ __forceinline__ void add(const Pack<WIDTH>& x) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            if (count == 0) shift[i] = x.at[i];
            real away = x.at[i] - shift[i];
            sum[i] += away, square[i] += away * away;
        }
        count += 1;
    }
    __device__ __forceinline__ void add(const Moments<WIDTH>& moments) {
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            if (count == 0) shift[i] = moments.mean[i];
            real away = moments.mean[i] - shift[i];
            sum[i] += moments.count * away, square[i] += moments.square[i] + moments.count * away * away;
        }
        count += moments.count;
    }
    __device__ __forceinline__ Moments<WIDTH> moments() const {
        Moments<WIDTH> found = {};
        if (count == 0) return found;
        found.count = count;
#pragma unroll
        for (int i = 0; i < WIDTH; ++i) {
            real mean = sum[i] / count, left = square[i] - sum[i] * mean;
            found.mean[i] = shift[i] + mean;
            found.square[i] = left < 0 ? 0 : left;  // what rounding took; not a number stays so
        }
        return found;
    }
};
