"""The sizes of a convolution, for either direction: a large image, a small one, and the taps that join them."""

from __future__ import annotations

import math
from typing import NamedTuple


class Geometry(NamedTuple):
    """The shape of the trilinear form T(w, a, b) that convolution and transposed convolution share.

        T = Σ w[u, v, c, d] · a[n, i·sh + u − ph, j·sw + v − pw, g(d)·C + c] · b[n, i, j, d]

    `a` is the large image, `b` the small one; `a` is 0 outside its bounds. Convolution maps a to ∂T/∂b, transposed
    convolution maps b to ∂T/∂a. Channels are last everywhere.

    Both images' channels divide into `groups` equal runs, and a channel d of b meets only those of a that stand in the run
    of its number: C = C_a/groups, c < C and g(d) = ⌊d·groups/C_b⌋. One group: every channel meets every other, g(d) = 0.
    C_a = C_b = groups: each meets its own alone, which is called depthwise.
    """

    batch: int
    large: tuple[int, int, int]
    """(height, width, channels) of a."""
    small: tuple[int, int, int]
    """(height, width, channels) of b."""
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int = 1

    @property
    def large_shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C) of a."""
        return (self.batch, *self.large)

    @property
    def small_shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C) of b."""
        return (self.batch, *self.small)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(kernel height, kernel width, channels of a in a group, channels of b)."""
        return (*self.kernel, self.large[2] // self.groups, self.small[2])

    @property
    def operations(self) -> int:
        """Floating-point operations of one contraction done directly (a multiplication and an addition are two)."""
        height, width, _ = self.small
        return 2 * self.batch * height * width * math.prod(self.weight_shape)


def small_size(large: int, kernel: int, stride: int, padding: int) -> int:
    """Output size of a convolution along one axis: ⌊(large + 2·padding − kernel) / stride⌋ + 1."""
    return (large + 2 * padding - kernel) // stride + 1


def large_size(small: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """Output size of a transposed convolution: (small − 1)·stride − 2·padding + kernel + output_padding."""
    return (small - 1) * stride - 2 * padding + kernel + output_padding
