#include "elementwise.cuh"
// One step of each optimiser over a flat θ, in one pass and in place.
//
// What changes from step to step is read from device memory where a pointer is given, so that a captured graph replays the
// step with its new values; else it is the argument beside the pointer. Constants are worked out in double, once a block.
// Where `skip` points to a number that is not 0, every thread returns at once and no bit changes.
//
// Floor on an H100 at 3.35 TB/s: bytes a number 12 (SGD; 20 with momentum), 28 (Adam), 20 (RMSprop; 28), 12 (average).
// 3.6 million numbers: Adam 30 µs.

__device__ __forceinline__ double current(const double* at, double value) { return at ? *at : value; }

__device__ __forceinline__ bool asked_for(const int* skip) { return !skip || *skip == 0; }

// A finite g beyond these is cut, so that its square is finite (interfaces.py). NaN and ±∞ stay what they are.
constexpr real SQUARABLE = sizeof(real) == 4 ? 9223372036854775808.0 : 6.703903964971299e153;  // 2⁶³, 2⁵¹¹

__device__ __forceinline__ real squarable(real g) {
    real size = fabs(g);
    return size > SQUARABLE && size - size == 0 ? (g > 0 ? SQUARABLE : -SQUARABLE) : g;
}

// v ← m·v + g; θ ← θ − lr·v (Nesterov: θ ← θ − lr·(g + m·v)). velocity may be null.
extern "C" __global__ void __launch_bounds__(256)
sgd(real* theta, const real* gradient, real* velocity, int count, const int* skip, const double* rate_at,
    double rate_value, const double* momentum_at, double momentum_value, int nesterov) {
    if (!asked_for(skip)) return;
    real rate = current(rate_at, rate_value), keep = current(momentum_at, momentum_value);
    each_pack<1>(count, [&](int i) {
        real move = gradient[i];
        if (velocity) {
            real v = velocity[i] = keep * velocity[i] + move;
            move = nesterov ? move + keep * v : v;
        }
        theta[i] -= rate * move;
    });
}

// m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − lr/(1−β₁ᵗ)·m/(√v/√(1−β₂ᵗ) + ε).
extern "C" __global__ void __launch_bounds__(256)
adam(real* theta, const real* gradient, real* first, real* second, int count, const int* skip, const int64* step_at,
     int64 step_value, const double* rate_at, double rate_value, const double* beta1_at, double beta1_value,
     const double* beta2_at, double beta2_value, real epsilon) {
    if (!asked_for(skip)) return;  // all threads of all blocks alike: nobody waits at the barrier below
    double beta1 = current(beta1_at, beta1_value), beta2 = current(beta2_at, beta2_value);
    __shared__ real constants[2];
    if (threadIdx.x == 0) {
        double step = static_cast<double>(step_at ? *step_at : step_value);
        constants[0] = current(rate_at, rate_value) / (1 - pow(beta1, step));
        constants[1] = 1 / sqrt(1 - pow(beta2, step));
    }
    __syncthreads();
    real rate = constants[0], correction = constants[1];
    real keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2;
    each_pack<1>(count, [&](int i) {
        real g = squarable(gradient[i]), m = keep1 * first[i] + take1 * g, v = keep2 * second[i] + take2 * (g * g);
        first[i] = m, second[i] = v;
        theta[i] -= rate * (m / (sqrt(v) * correction + epsilon));
    });
}

// v ← ρv + (1−ρ)g²; u = g/(√v + ε); θ ← θ − lr·u, or through the velocity w ← m·w + u.
extern "C" __global__ void __launch_bounds__(256)
rmsprop(real* theta, const real* gradient, real* second, real* velocity, int count, const int* skip,
        const double* rate_at, double rate_value, const double* momentum_at, double momentum_value, double smoothing,
        real epsilon) {
    if (!asked_for(skip)) return;
    real rate = current(rate_at, rate_value), keep = current(momentum_at, momentum_value);
    real old = smoothing, fresh = 1 - smoothing;
    each_pack<1>(count, [&](int i) {
        real g = squarable(gradient[i]), v = old * second[i] + fresh * (g * g), move = g / (sqrt(v) + epsilon);
        second[i] = v;
        if (velocity) move = velocity[i] = keep * velocity[i] + move;
        theta[i] -= rate * move;
    });
}

// average ← decay·average + (1 − decay)·values.
extern "C" __global__ void __launch_bounds__(256)
average(real* mean, const real* values, int count, const int* skip, const double* decay_at, double decay_value) {
    if (!asked_for(skip)) return;
    double decay = current(decay_at, decay_value);
    real keep = decay, take = 1 - decay;
    each_pack<1>(count, [&](int i) { mean[i] = keep * mean[i] + take * values[i]; });
}
