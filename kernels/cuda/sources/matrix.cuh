#include "real.cuh"
// A matrix in row-major order as an operand (see tile.cuh): its rows are the lines.
struct Matrix {
    const element* data;
    int rows, columns;
    bool aligned;

    typedef int Line;
    typedef int Along;

    __device__ __forceinline__ Line line(int row) const { return row < rows ? row * columns : -1; }
    __device__ __forceinline__ Along along(int column) const { return column < columns ? column : -1; }
    __device__ __forceinline__ bool inside(Line line, Along along) const { return (line | along) >= 0; }
    __device__ __forceinline__ int offset(Line line, Along along) const { return line + along; }
    __device__ __forceinline__ void ahead(Along& along, int steps) const {
        if (along >= 0) along = along + steps < columns ? along + steps : -1;
    }
    __device__ __forceinline__ int lines() const { return rows; }
    __device__ __forceinline__ int stride(int count) const { return count * columns; }
    __device__ __forceinline__ void below(Line& line, int stride) const { line += stride; }
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
