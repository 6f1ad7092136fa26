"""Devices, dtypes and generators. A stand-in plays CuPy: no GPU is needed to see that mixes are refused."""

import sys

import numpy as np
import pytest

import gan_np as gn
from gan_np import arrays


def test_array_module():
    assert arrays.array_module(np.zeros(3)) is np
    assert arrays.array_module(np.zeros((3, 3))[::2].view(np.ndarray)) is np
    for other in ([1.0], 1.0, None, "text"):
        with pytest.raises(TypeError, match="expected a NumPy or a CuPy array"):
            arrays.array_module(other)


def test_the_other_library(standin):
    array = arrays.zeros((3,), np.float32, "cuda")
    assert arrays.array_module(array) is sys.modules["cupy"]
    assert not arrays.on_host(array)
    assert arrays.device_of(array) == "cuda:0"
    assert arrays.device_of(np.zeros(3)) == "cpu"


def test_devices_do_not_mix(standin):
    on_device, on_host = arrays.zeros((3, 4), np.float32, "cuda"), np.zeros((4, 2), np.float32)
    with pytest.raises(TypeError, match="dense: x lies on cuda:0 but weight on cpu; move one"):
        gn.ops.dense(on_device, on_host)
    with pytest.raises(TypeError, match="dense: x lies on cpu but bias on cuda:0; move one"):
        gn.ops.dense(np.zeros((3, 4), np.float32), on_host, arrays.zeros((2,), np.float32, "cuda"))
    other = arrays.zeros((4, 2), np.float32, "cuda:1")
    with pytest.raises(TypeError, match="dense: x lies on cuda:0 but weight on cuda:1; move one"):
        gn.ops.dense(on_device, other)


def test_a_network_refuses_an_array_of_another_device(standin):
    network = gn.Network(gn.Dense(2), (4,))
    with pytest.raises(TypeError, match="x: the network lies on cpu, got an array on cuda:0; move one"):
        network.forward(arrays.zeros((3, 4), np.float32, "cuda"))


def test_device_names(standin):
    assert arrays.module_of_device("cpu") is np
    assert arrays.module_of_device("cuda:1") is sys.modules["cupy"]
    for name in ("gpu", "cuda:", "cuda:x", "CPU", "", "cuda:-1", "cuda:1:2", "cuda:²"):
        with pytest.raises(ValueError, match=f"device: expected 'cpu', 'cuda' or 'cuda:N', got {name!r}"):
            arrays.module_of_device(name)


def test_a_missing_cupy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match="device 'cuda:1' needs CuPy"):
        gn.Network(gn.Dense(2), (3,), device="cuda:1")


def test_host_to_host_copies_nothing(rng):
    x = rng.standard_normal(5)
    assert arrays.to_host(x) is x
    assert arrays.to_device(x, "cpu") is x


def test_float_dtypes():
    assert arrays.float_dtype("float32") == np.float32
    assert arrays.float_dtype(np.float64) == np.float64
    for other in (np.float16, int, "complex64", np.longdouble):
        with pytest.raises(TypeError, match="dtype: expected float32 or float64, got"):
            arrays.float_dtype(other)


def test_require_same_names_both():
    a, b = np.zeros(2, np.float32), np.zeros(2)
    arrays.require_same("f", left=a, nothing=None, right=a)
    with pytest.raises(TypeError, match="f: left is float32 but right is float64; convert one explicitly"):
        arrays.require_same("f", left=a, right=b)
    with pytest.raises(TypeError, match="f: right must be float32 or float64, got int64"):
        arrays.require_same("f", left=a, right=np.zeros(2, int))


class TestGenerator:
    def test_is_philox_and_seeded(self):
        one, same, other = (arrays.generator(seed).standard_normal(8) for seed in (3, 3, 4))
        np.testing.assert_array_equal(one, same)
        assert (one != other).all()
        assert type(arrays.generator(0).bit_generator).__name__ == "Philox"

    def test_draws_the_same_numbers_for_ever(self):
        """Philox of a seed sequence is fixed: published seeds and checkpoints depend on it."""
        assert arrays.generator(0).bit_generator.random_raw(2).tolist() == [259491006799949737, 4754966410622352325]
        assert arrays.generator(7, 1, 2).bit_generator.random_raw(2).tolist() == [
            11575813873326213013,
            11610403562589542363,
        ]

    def test_streams_of_one_seed_differ(self):
        streams = [arrays.generator(0, *stream).random(64) for stream in ((), (0,), (1,), (0, 1), (1, 0))]
        for index, stream in enumerate(streams):
            for other in streams[index + 1 :]:
                assert (stream != other).all()

    @pytest.mark.parametrize("seed", [1.0, "0", None, True])
    def test_seeds_are_integers(self, seed):
        with pytest.raises(TypeError, match="seed: expected a non-negative integer"):
            arrays.generator(seed)

    def test_seeds_are_not_negative(self):
        with pytest.raises(ValueError, match="seed: expected a non-negative integer, got -1"):
            arrays.generator(-1)
        with pytest.raises(ValueError, match="got -2"):
            arrays.generator(0, -2)

    def test_numpy_integers_are_integers(self):
        assert arrays.generator(np.int64(5)).random() == arrays.generator(5).random()
