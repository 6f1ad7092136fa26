// Division by a number that is known only at run time, by one multiplication (Granlund and Montgomery 1994).
//
// For 0 ≤ n < 2³¹ and d ≥ 1:  n / d = (mulhi(n, magic) + n) >> shift,  shift = ⌈log₂ d⌉,  magic = ⌊2³²·(2^shift − d)/d⌋ + 1.
struct Divisor {
    unsigned value, magic;
    int shift;

    __device__ explicit Divisor(int divisor) : value(divisor), shift(divisor > 1 ? 32 - __clz(divisor - 1) : 0) {
        magic = static_cast<unsigned>((((1ull << shift) - value) << 32) / value + 1);
    }
    __device__ __forceinline__ int quotient(int n) const { return (__umulhi(n, magic) + n) >> shift; }
};

__device__ __forceinline__ int divide_up(int a, int b) { return (a + b - 1) / b; }
