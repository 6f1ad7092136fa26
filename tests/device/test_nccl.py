"""Ranks with a GPU each, on the stand-in: two ranks that have the same rows, by NCCL and on the processor."""

import numpy as np
import pytest
from test_training_on_a_device import SMALL, agree, make

import gan_np as gn
from gan_np import kernels
from gan_np.devices import DeviceError
from gan_np.distributed.nccl import NCCLRanks, device_of_rank
from gan_np.ranks import Ranks


class Twins(Ranks):
    """Rank 0 of two, the other having what this one has."""

    rank, size, local_rank, local_size = 0, 2, 0, 2

    def all_reduce(self, array, what="sums"):
        array *= 2

    def all_gather(self, *arrays, what="rows"):
        return tuple(np.concatenate([array, array]) for array in arrays)

    def exchange(self, value):
        return [value, value]

    def on_device(self, device):
        return self if device == "cpu" else NCCLRanks(self, device)


def trained(model, device, images, steps, build, **options):
    gan = make(model, device, **build)
    trainer = gn.training.Trainer(gan, images, batch_size=8, ranks=Twins(), **options)
    for _ in range(steps):
        trainer.step()
    trainer.settle()
    return trainer


VARIANTS = [
    ("dcgan", {}, {"flip": True, "instance_noise": 0.1}),
    ("dcgan", {"d_norm": "none"}, {"penalties": [gn.penalties.R1(1.0)]}),
    ("mlp", {}, {"objective": gn.objectives.RelativisticAverage()}),
    ("infogan", {}, {}),
]


@pytest.mark.parametrize(("model", "build", "options"), VARIANTS)
def test_sums_by_nccl_are_part_of_a_captured_step(model, build, options, capturing, images):
    trainer = trained(model, "cuda", images, 12, build, **options)
    assert trainer.captured, trainer.graph_reason
    assert isinstance(trainer.ranks, NCCLRanks)
    assert model in SMALL
    with kernels.use_kernels(dense="reference", conv2d="im2col"):
        on_cpu = trained(model, "cpu", images, 12, build, **options)
    agree(trainer, on_cpu, 1e-9)
    assert trainer.ranks.traffic["gradient of D"].sent > 0


def test_each_rank_of_a_machine_has_its_own_gpu(standin):
    twins = Twins()
    twins.local_rank = 1
    assert device_of_rank("cuda", twins) == device_of_rank("cuda:0", twins) == "cuda:1"
    assert device_of_rank("cpu", twins) == "cpu"
    assert device_of_rank("cuda", gn.ranks.ALONE) == "cuda"


def test_without_nccl(standin):
    standin.module.cuda.nccl = None
    with pytest.raises(DeviceError, match="add up by NCCL"):
        NCCLRanks(Twins(), "cuda:0")
