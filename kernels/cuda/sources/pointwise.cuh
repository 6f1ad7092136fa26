#include "real.cuh"
// Activations and their derivatives, which follow from the output alone (interfaces.py). NaN stays NaN.
enum Kind { LINEAR, RELU, LEAKY_RELU, TANH, SIGMOID };

__device__ __forceinline__ real activate(real z, int kind, real slope) {
    switch (kind) {
        case RELU: return z < 0 ? 0 : z;
        case LEAKY_RELU: return z < 0 ? slope * z : z;
        case TANH: return tanh(z);
        case SIGMOID: return real(0.5) * (1 + tanh(real(0.5) * z));  // 1/(1 + e⁻ᶻ), and cannot overflow
        default: return z;
    }
}

// f′·dy.
__device__ __forceinline__ real deactivate(real dy, real y, int kind, real slope) {
    switch (kind) {
        case RELU: return y > 0 ? dy : 0 * dy;
        case LEAKY_RELU: return y > 0 ? dy : slope * dy;
        case TANH: return (1 - y * y) * dy;
        case SIGMOID: return (y - y * y) * dy;
        default: return dy;
    }
}

// f′ at 0 and below of those that are linear on either side of 0; above it is 1.
__device__ __forceinline__ real slope_below(int kind, real slope) { return kind == LINEAR ? 1 : kind == RELU ? 0 : slope; }
