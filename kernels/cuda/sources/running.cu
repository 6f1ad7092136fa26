#include "elementwise.cuh"
// Running statistics of a batch normalisation moved towards a batch's, in place.
//
// Floor on an H100: the launch; a layer has at most some thousand channels.
extern "C" __global__ void __launch_bounds__(256)
update(real* mean, real* variance, const real* batch_mean, const real* batch_variance, int channels, real keep, real take,
       real correction) {
    each_pack<1>(channels, [&](int c) {
        mean[c] = keep * mean[c] + take * batch_mean[c];
        variance[c] = keep * variance[c] + take * (batch_variance[c] * correction);
    });
}
