"""GAN_NP_CUDA_DEBUG=1: errors of a device, which come late, are brought home to what caused them."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import array_module, zeros
from gan_np.kernels.debug_synchronisation import DeviceFailure


class FailsLate:
    """Starts work that fails: the device says so when it is next asked."""

    def __init__(self, world):
        self.world = world

    def forward(self, s):
        error = array_module(s).cuda.runtime.CUDARuntimeError
        self.world.failure = error(700, "cudaErrorIllegalAddress: an illegal memory access was encountered")
        return s * 2

    def derivative(self, s):
        return s


def test_an_error_names_its_operation(standin, plant, monkeypatch):
    s = zeros((3,), np.float32, "cuda")
    name = plant("softplus", FailsLate(standin))
    with kernels.use_kernels(softplus=name):
        y, _ = gn.ops.softplus(s)  # without the switch nobody notices
        with pytest.raises(RuntimeError, match="cudaErrorIllegalAddress"):
            y.get()
        monkeypatch.setenv("GAN_NP_CUDA_DEBUG", "1")
        with pytest.raises(
            DeviceFailure, match=f"softplus, kernel '{name}', forward: failed on the device: cudaErrorIll"
        ):
            gn.ops.softplus(s)


def test_plans_are_watched_too_and_other_errors_pass(standin, monkeypatch):
    monkeypatch.setenv("GAN_NP_CUDA_DEBUG", "1")
    x, w = zeros((2, 6, 6, 3), np.float32, "cuda"), zeros((3, 3, 3, 4), np.float32, "cuda")
    with kernels.use_kernels(conv2d="im2col"):
        before = len(standin.synchronisations)
        y, pullback = gn.ops.conv2d(x, w)
        assert len(standin.synchronisations) == before + 3  # the weight and x prepared, their product
        pullback(y)
    with pytest.raises(gn.ShapeError):
        gn.ops.conv2d(x, zeros((3, 3, 2, 4), np.float32, "cuda"))


def test_on_the_cpu_the_switch_does_nothing(monkeypatch):
    monkeypatch.setenv("GAN_NP_CUDA_DEBUG", "1")
    with kernels.use_kernels(softplus="reference"):
        kernel = kernels.select("softplus", kernels.Problem("cpu", np.dtype(np.float32), (3,)))
    assert type(kernel) is type(kernels.entry("softplus", "reference").implementation)
