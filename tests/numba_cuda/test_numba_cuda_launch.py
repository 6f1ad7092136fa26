"""How Numba CUDA kernels are launched: whose memory, which stream, and what is refused."""

import contextlib
import sys
import types
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba.cuda", reason="Numba is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

from on_host import pretend_cupy

from gan_np import kernels
from gan_np.arrays import to_device
from gan_np.kernels.numba_cuda import launcher


@pytest.fixture
def vector():
    with pretend_cupy():
        yield to_device(np.ones(4, np.float32), "cuda")


class Device:
    """One of two devices."""

    id = 1

    def __init__(self, entered, name):
        self.entered, self.name = entered, name

    def __enter__(self):
        self.entered.append(self.name)

    def __exit__(self, *error):
        self.entered.remove(self.name)


@pytest.mark.parametrize(("pointer", "stream"), [(0, 0), (77, "stream 77")])
def test_on_the_arrays_device_and_the_current_stream_without_waiting(monkeypatch, vector, pointer, stream):
    entered, seen = [], []

    class OnDevice:
        __cuda_array_interface__, device = {}, Device(entered, "CuPy's")

    class Kernel:
        def __getitem__(self, configuration):
            return lambda *values: seen.append((configuration, values, list(entered)))

    array = OnDevice()
    module = types.SimpleNamespace(get_current_stream=lambda: types.SimpleNamespace(ptr=pointer))
    monkeypatch.setattr(launcher, "array_module", lambda given: types.SimpleNamespace(cuda=module))
    cuda = types.SimpleNamespace(
        gpus=[contextlib.nullcontext(), Device(entered, "Numba's")],
        external_stream=lambda number: f"stream {number}",
        as_cuda_array=lambda given, sync: (given, sync),
    )
    monkeypatch.setattr(launcher, "cuda", cuda)
    launcher.run(Kernel(), (3,), (256,), [array, np.int32(5)])
    assert seen == [(((3,), (256,), stream), ((array, False), 5), ["CuPy's", "Numba's"])]
    assert entered == []


def test_what_is_refused(vector):
    step = kernels.entry("average", "numba_cuda").implementation.step
    with pytest.raises(TypeError, match=r"average_step: argument 1: expected an array of float32, got float64"):
        step(vector, to_device(np.ones(4), "cuda"), 0.9)
    with pytest.raises(TypeError, match="decay: on the device, expected 1 number of float64, got 1 of float32"):
        step(vector, vector, to_device(np.ones(1, np.float32), "cuda"))
    gaps = to_device(np.ones(8, np.float32), "cuda")[::2]
    with pytest.raises(ValueError, match="argument 0: expected a C-contiguous array"):
        step(gaps, vector, 0.9)
