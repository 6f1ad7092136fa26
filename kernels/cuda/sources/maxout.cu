#include "elementwise.cuh"
// The largest of k linear pieces (Goodfellow et al. 2013): x (M, C·k) to y (M, C), and which piece won (the first among
// equals; NaN wins, as in NumPy).
//
// Floor on an H100: 4·(k + 1) + 1 bytes an output at 3.35 TB/s, either way.

extern "C" __global__ void __launch_bounds__(256)
forward(const real* x, real* y, unsigned char* winner, int count, int pieces) {
    each_pack<1>(count, [&](int index) {
        const real* of = x + static_cast<int64>(index) * pieces;
        int best = 0;
        for (int p = 1; p < pieces; ++p)
            if (of[best] == of[best] && !(of[p] <= of[best])) best = p;
        y[index] = of[best], winner[index] = best;
    });
}

extern "C" __global__ void __launch_bounds__(256)
backward(const real* dy, const unsigned char* winner, real* dx, int count, int pieces) {
    Divisor by(pieces);
    each_pack<1>(count, [&](int index) {
        int unit = by.quotient(index);
        dx[index] = index - unit * pieces == winner[unit] ? dy[unit] : 0;
    });
}
