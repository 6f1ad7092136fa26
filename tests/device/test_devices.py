"""Devices by name: two of them, arrays that decide, and what is said when one cannot be used."""

import os
import subprocess
import sys

import numpy as np
import pytest
from standin import install

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import device_of, from_dlpack, generator, to_device, to_host, zeros
from gan_np.cuda_graph.tape import Tape
from gan_np.devices import DeviceError, DeviceMemoryError, scope
from gan_np.models.infogan import CodePrior
from gan_np.models.prior import KINDS, Prior


def test_arrays_go_where_they_are_told(standin, rng):
    x = rng.standard_normal(5)
    for device, lies in (("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cuda:1", "cuda:1")):
        there = to_device(x, device)
        assert device_of(there) == lies
        assert device_of(zeros(3, np.float32, device)) == lies
        assert to_device(there, device) is there
        np.testing.assert_array_equal(to_host(there), x)
        np.testing.assert_array_equal(to_device(there, "cpu"), x)
    first, second = to_device(x, "cuda:0"), to_device(to_device(x, "cuda:0"), "cuda:1")
    assert (device_of(first), device_of(second)) == ("cuda:0", "cuda:1")
    assert standin.current_device == 0  # asking for one device does not make it everybody's


@pytest.mark.usefixtures("reference_products")
def test_networks_on_two_devices_side_by_side(standin, rng):
    x, results = rng.standard_normal((4, 6)).astype(np.float32), []
    networks = [gn.Network(gn.Sequential(gn.Dense(3), gn.BatchNorm()), (6,), device=f"cuda:{i}") for i in (0, 1)]
    for network in networks:
        y, pullback = network.forward(to_device(x, network.device), training=True, update_state=True)
        assert device_of(y) == network.device
        with scope(network.device):
            pullback(y * 2)
        gn.Adam(0.1).step(network.parameters, network.gradient)
        results.append(to_host(network.parameters.values))
    np.testing.assert_array_equal(*results)
    with pytest.raises(TypeError, match="x: the network lies on cuda:1, got an array on cuda:0; move one"):
        networks[1].forward(to_device(x, "cuda:0"))
    with pytest.raises(TypeError, match="values: lie on cuda:0 but the vector on cuda:1"):
        networks[1].parameters.assign(networks[0].parameters.values)


def test_work_beside_the_current_device_is_refused(standin):
    x = zeros((2, 3), np.float32, "cuda:1")
    with pytest.raises(
        TypeError, match=r'softplus: s lies on cuda:1 but the current device is cuda:0; .*scope\("cuda:1"\)'
    ):
        gn.ops.softplus(x)
    with gn.devices.scope("cuda:1"):
        assert device_of(gn.ops.softplus(x)[0]) == "cuda:1"


@pytest.mark.usefixtures("reference_products")
def test_training_on_the_second_device(standin, images):
    gan = gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4, device="cuda:1")
    trainer = gn.train(gan, images, steps=3, batch_size=8, progress=False, device="cuda:1", graph=False)
    assert device_of(trainer.step().d_loss) == "cuda:1"
    trainer.d_optimizer.restore(3, trainer.d_optimizer.moments)
    assert {device_of(moment) for moment in trainer.d_optimizer.moments.values()} == {"cuda:1"}
    trainer.step()
    assert gan.sample(3).shape == (3, 8, 8, 1)


@pytest.mark.usefixtures("reference_products")
def test_the_same_seed_draws_the_same_z(standin):
    mine, theirs = (gn.models.dcgan((8, 8, 1), 4, width=2, device=device, seed=3) for device in ("cpu", "cuda"))
    np.testing.assert_array_equal(to_host(theirs.generator.parameters.values), mine.generator.parameters.values)
    np.testing.assert_array_equal(theirs.sample(7, seed=5), mine.sample(7, seed=5))
    z = mine.prior.draw(generator(0), 6, np.dtype(np.float32))
    np.testing.assert_array_equal(theirs.decode(to_device(z, "cuda")), mine.decode(z))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prior", [Prior, CodePrior])
def test_z_drawn_on_a_device_is_the_hosts(prior, kind, standin):
    """And the generator is left in the same state: what is drawn next is the same too."""
    p, (mine, theirs) = prior(15, kind), (generator(4), generator(4))
    for _ in range(2):
        z = p.draw(theirs, 6, np.dtype(np.float32), "cuda")
        assert device_of(z) == "cuda:0"
        np.testing.assert_array_equal(to_host(z), p.draw(mine, 6, np.dtype(np.float32)))


def test_a_key_is_all_that_is_sent_for_normal_z(standin):
    """Whatever the size; codes of an InfoGAN follow it."""
    for prior, sizes in ((Prior(300), [8]), (CodePrior(300), [8, 4 * 512 * 12])):
        tape = Tape("cuda")
        with tape.recording():
            prior.draw(generator(0), 512, np.dtype(np.float32), "cuda")
        assert [draw.stop - draw.start for draw in tape._work] == sizes


class TestErrors:
    def test_no_cupy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        with pytest.raises(DeviceError, match="device 'cuda:1' needs CuPy: python -m pip install cupy-cuda13x"):
            gn.Network(gn.Dense(2), (3,), device="cuda:1")

    def test_no_driver(self, monkeypatch):
        install(monkeypatch, driver=0)
        with pytest.raises(DeviceError, match=r"no NVIDIA driver was found \(CuPy 14.2.0 is made for CUDA 13.0\)"):
            zeros(3, np.float32, "cuda")

    def test_a_driver_too_old(self, monkeypatch):
        install(monkeypatch, driver=12040)
        with pytest.raises(
            DeviceError, match=r"driver is for CUDA 12.4 and too old for CuPy 14.2.0, made for CUDA 13.0"
        ):
            zeros(3, np.float32, "cuda")

    def test_no_gpu(self, monkeypatch):
        install(monkeypatch, devices=0)
        with pytest.raises(DeviceError, match="the driver works, but there is no GPU"):
            zeros(3, np.float32, "cuda")

    @pytest.mark.parametrize(("devices", "there"), [(1, "is 1 GPU, cuda:0"), (2, "are 2 GPUs, cuda:0 to cuda:1")])
    def test_no_such_gpu(self, devices, there, monkeypatch):
        install(monkeypatch, devices=devices)
        with pytest.raises(DeviceError, match=f"device 'cuda:2': there {there}"):
            zeros(3, np.float32, "cuda:2")

    def test_a_network_that_does_not_fit(self, monkeypatch):
        install(monkeypatch, capacity=1000)
        with pytest.raises(
            DeviceMemoryError, match=r"creation of a network of 330 parameters: Out of memory .* make it smaller"
        ):
            gn.Network(gn.Dense(30), (10,), device="cuda")

    @pytest.mark.usefixtures("reference_products")
    def test_a_batch_that_does_not_fit(self, monkeypatch, images):
        world = install(monkeypatch)
        gan = gn.models.dcgan((8, 8, 1), 4, width=2, device="cuda")
        trainer = gn.training.Trainer(gan, images, batch_size=32)
        world.capacity = sum(world.in_use.values()) + 10_000
        with pytest.raises(DeviceMemoryError) as error:
            trainer.step()
        said = str(error.value)
        assert said.startswith("cuda:0: out of memory during a training step: Out of memory allocating ")
        assert said.endswith("lower batch_size (it is 32)")
        assert "MiB of 0 MiB are free" in said

    def test_without_a_gpu_nothing_imports_cupy(self):
        code = (
            "import sys, numpy as np, gan_np as gn; gan = gn.models.mlp((8, 8, 1), 4, hidden=4, maxout_units=4);"
            "gn.train(gan, np.zeros((8, 8, 8, 1), np.uint8), steps=1, batch_size=4, progress=False);"
            "print('cupy' in sys.modules)"
        )
        every = ",".join(f"{operation}=reference" for operation in kernels.OPERATIONS)  # nothing to compile
        settings = {**os.environ, "GAN_NP_KERNELS": every}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=settings)
        assert done.stdout.strip() == "False"


class TestDLPack:
    def test_of_the_host(self):
        array = np.arange(6.0).reshape(2, 3)
        taken = from_dlpack(array)
        assert np.shares_memory(taken, array)
        torch = pytest.importorskip("torch")
        tensor = torch.arange(4.0)
        from_dlpack(tensor)[0] = 7
        assert tensor[0] == 7

    def test_of_a_gpu(self, standin):
        for device in ("cuda:0", "cuda:1"):
            array = to_device(np.arange(6.0), device)
            taken = gn.from_dlpack(array)
            with scope(device):
                array[0] = 5
            assert device_of(taken) == device
            assert to_host(taken)[0] == 5

    def test_others_are_refused(self):
        class Elsewhere:
            def __dlpack__(self):
                raise AssertionError

            def __dlpack_device__(self):
                return 8, 0

        with pytest.raises(ValueError, match="a device of DLPack's kind 8, expected the host or an NVIDIA GPU"):
            from_dlpack(Elsewhere())
        with pytest.raises(TypeError, match="expected one with __dlpack__, got list"):
            from_dlpack([1, 2])
