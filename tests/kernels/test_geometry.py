"""Sizes of convolutions and transposed convolutions."""

import pytest

from gan_np.kernels import Geometry, large_size, small_size


@pytest.mark.parametrize("large", range(1, 12))
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 1, 1), (2, 3, 0), (5, 2, 2), (1, 1, 3)])
def test_small_size_counts_the_places(large, kernel, stride, padding):
    places = [start for start in range(large + 2 * padding) if start % stride == 0]
    fitting = [start for start in places if start + kernel <= large + 2 * padding]
    assert max(small_size(large, kernel, stride, padding), 0) == len(fitting)


@pytest.mark.parametrize("large", range(4, 12))
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 1, 1), (2, 3, 0), (5, 2, 2)])
def test_output_padding_is_the_remainder(large, kernel, stride, padding):
    """Every size that a convolution maps to one small size comes back with one output_padding below the stride."""
    small = small_size(large, kernel, stride, padding)
    extra = large - large_size(small, kernel, stride, padding, 0)
    assert 0 <= extra < stride
    assert small_size(large_size(small, kernel, stride, padding, extra), kernel, stride, padding) == small


def test_shapes_and_work():
    geometry = Geometry(2, (8, 6, 3), (4, 3, 5), (4, 4), (2, 2), (1, 1))
    assert geometry.large_shape == (2, 8, 6, 3)
    assert geometry.small_shape == (2, 4, 3, 5)
    assert geometry.weight_shape == (4, 4, 3, 5)
    assert geometry.operations == 2 * 2 * 4 * 3 * 5 * 4 * 4 * 3


def test_groups():
    assert Geometry(2, (8, 6, 3), (4, 3, 5), (4, 4), (2, 2), (1, 1)).groups == 1
    geometry = Geometry(2, (8, 6, 12), (4, 3, 8), (4, 4), (2, 2), (1, 1), 4)
    assert geometry.weight_shape == (4, 4, 3, 8)
    assert geometry.operations == 2 * 2 * 4 * 3 * 8 * 4 * 4 * 3
