// use(row, read(row)) for this thread's rows: `first` and every `step`-th after it, DEPTH of them read before one is used, so
// that their loads are under way together. Past the end the last row is read again rather than none, for want of a branch.
template <int DEPTH, class Read, class Use>
__device__ __forceinline__ void each_row(int first, int step, int rows, const Read& read, const Use& use) {
    for (int row = first; row < rows; row += DEPTH * step) {
        decltype(read(row)) found[DEPTH];
#pragma unroll
        for (int i = 0; i < DEPTH; ++i) found[i] = read(min(row + i * step, rows - 1));
#pragma unroll
        for (int i = 0; i < DEPTH; ++i)
            if (row + i * step < rows) use(row + i * step, found[i]);
    }
}
