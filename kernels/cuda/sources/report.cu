#include "real.cuh"
// Numbers that lie here and there on the device, of several types, side by side in one array: a thread for each.
//
// Their addresses are arguments, so that nothing need be sent for them and a captured graph has them.
//
// Floor on an H100: the launch.

#define NUMBER(i) const void *at##i, int type##i
#define CHOOSE(i) \
    case i: at = at##i, type = type##i; break;

// out[i] ← the number at at_i, for i < count ≤ 16. type: 0 float, 1 double, 2 int, 3 bool.
extern "C" __global__ void __launch_bounds__(32)
collect(real* out, int count, NUMBER(0), NUMBER(1), NUMBER(2), NUMBER(3), NUMBER(4), NUMBER(5), NUMBER(6), NUMBER(7),
        NUMBER(8), NUMBER(9), NUMBER(10), NUMBER(11), NUMBER(12), NUMBER(13), NUMBER(14), NUMBER(15)) {
    int i = threadIdx.x;
    if (i >= count) return;
    const void* at = nullptr;
    int type = 0;
    switch (i) {
        CHOOSE(0) CHOOSE(1) CHOOSE(2) CHOOSE(3) CHOOSE(4) CHOOSE(5) CHOOSE(6) CHOOSE(7)
        CHOOSE(8) CHOOSE(9) CHOOSE(10) CHOOSE(11) CHOOSE(12) CHOOSE(13) CHOOSE(14) CHOOSE(15)
    }
    switch (type) {
        case 0: out[i] = *static_cast<const float*>(at); break;
        case 1: out[i] = *static_cast<const double*>(at); break;
        case 2: out[i] = *static_cast<const int*>(at); break;
        case 3: out[i] = *static_cast<const unsigned char*>(at); break;
    }
}
