"""Kernels that count what they are asked for, per operation."""

from collections import Counter

from gan_np import kernels


class CountingConvolution:
    """The reference convolution: counts preparations and contractions, and remembers the geometry of each."""

    def __init__(self):
        self.counts = Counter()

    def plan(self, geometry):
        return CountingPlan(geometry, self.counts)


class CountingPlan(kernels.reference.conv2d.DirectPlan):
    def __init__(self, geometry, counts):
        super().__init__(geometry)
        self.counts = counts
        self.label = geometry.large[2], geometry.small[2]

    def _count(self, what):
        self.counts[what, self.label] += 1

    def prepare_weight(self, weight):
        self._count("prepare_weight")
        return weight

    def to_small(self, weight, large):
        self._count("to_small")
        return super().to_small(weight, large)

    def to_large(self, weight, small):
        self._count("to_large")
        return super().to_large(weight, small)

    def to_weight(self, large, small, into=None):
        self._count("to_weight")
        return super().to_weight(large, small, into)


class CountingDense(kernels.reference.Dense):
    def __init__(self):
        self.counts = Counter()

    def forward(self, x, weight):
        self.counts["forward", weight.shape] += 1
        return super().forward(x, weight)

    def input_gradient(self, dz, weight):
        self.counts["input_gradient", weight.shape] += 1
        return super().input_gradient(dz, weight)

    def weight_gradient(self, x, dz, into=None):
        self.counts["weight_gradient", dz.shape] += 1
        return super().weight_gradient(x, dz, into)
