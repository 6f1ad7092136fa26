#include "real.cuh"
// A matrix in row-major order as an operand (see tile.cuh): its rows are the lines.
struct Matrix {
    const real* data;
    int rows, columns;
    bool whole;

    __device__ __forceinline__ int line(int row) const { return row < rows ? row : -1; }
    __device__ __forceinline__ int along(int column) const { return column < columns ? column : -1; }
    __device__ __forceinline__ const real* address(int row, int column) const {
        return (row | column) < 0 ? nullptr : data + (static_cast<int64>(row) * columns + column);
    }
};

// A row-major matrix as a result.
struct MatrixResult {
    real* data;
    int rows, columns;
    bool add;

    __device__ __forceinline__ real* row(int index) const {
        return index < rows ? data + static_cast<int64>(index) * columns : nullptr;
    }
};
