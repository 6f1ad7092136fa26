#include "real.cuh"
// Mean and sum of squared deviations of some numbers, merged without cancellation (Chan, Golub and LeVeque 1979).
struct Moments {
    real count, mean, square;

    __device__ __forceinline__ void merge(const Moments& other) {
        real total = count + other.count, away = other.mean - mean;
        if (other.count == 0) return;
        mean += away * (other.count / total);
        square += other.square + away * away * (count * other.count / total);
        count = total;
    }
};

// The moments of numbers seen one by one, as sums of their differences from the first: one subtraction and two additions a
// number, and no digits lost where the mean is much above the deviation.
struct Shifted {
    real count = 0, shift = 0, sum = 0, square = 0;

    __device__ __forceinline__ void see(real x) {
        if (count == 0) shift = x;
        real away = x - shift;
        count += 1, sum += away, square += away * away;
    }
    __device__ __forceinline__ Moments moments() const {
        if (count == 0) return {0, 0, 0};
        real mean = sum / count;
        return {count, shift + mean, max(square - sum * mean, real(0))};
    }
};
