"""The CUDA kernels themselves in a training step: their sources on the processor, launched and captured by the host code."""

from unittest import mock

import numpy as np
import pytest
from standin.install import install, source_runner
from test_graphs import same
from test_nccl import trained
from test_training_on_a_device import agree, train, trainer_of

from gan_np import kernels

STEPS = 7


@pytest.fixture
def on_processor(monkeypatch):
    """A pretended machine whose raw kernels are the .cu sources, compiled by g++."""
    if not _has("dense"):
        pytest.skip("there are no CUDA kernels in the table")
    if source_runner() is None:
        pytest.skip("no g++: the CUDA sources cannot be run on the processor")
    world = install(monkeypatch, raw_module=source_runner())
    names = {operation: "cuda" for operation in kernels.OPERATIONS if _has(operation) and operation != "normal"}
    with kernels.use_kernels(**names):
        yield world
    assert not world.damage, world.damage


def _has(operation):
    return "cuda" in [entry.name for entry in kernels.entries(operation)]


@pytest.mark.parametrize(
    ("model", "options"), [("mlp", {"optimizer": "sgd"}), ("dcgan", {"d_steps": 1}), ("laplacian_level", {})]
)
def test_captured_and_not(model, options, on_processor, images):
    trainers = [trainer_of(model, "cuda", images, STEPS, graph=graph, **options) for graph in (True, False)]
    with on_processor.no_synchronisation():
        for _ in range(STEPS):
            for trainer in trainers:
                trainer.step()
    assert [trainer.captured for trainer in trainers] == [True, False]
    same(*trainers)
    reference = {operation: "reference" for operation in kernels.OPERATIONS if operation != "dense_layer"}
    with kernels.use_kernels(**{**reference, "conv2d": "im2col"}):
        on_cpu, _ = train(model, "cpu", images, STEPS, **options)
    agree(trainers[0], on_cpu, 1e-7)


def test_batch_normalisation_over_ranks_stops_half_way(on_processor, images):
    """Two ranks with the same rows: as on the CPU, in a captured step, and without a whole pass over one rank's part."""
    from gan_np.ops import normalisation

    with mock.patch.object(normalisation, "_over_ranks_with_whole_passes", None):
        trainer = trained("dcgan", "cuda", images, 5, {})
    assert trainer.captured, trainer.graph_reason
    reference = {operation: "reference" for operation in kernels.OPERATIONS if operation != "dense_layer"}
    with kernels.use_kernels(**{**reference, "conv2d": "im2col"}):
        on_cpu = trained("dcgan", "cpu", images, 5, {})
    agree(trainer, on_cpu, 1e-7)


def test_float32_agrees_too(on_processor, images):
    trainer = trainer_of("dcgan", "cuda", images, 2, build={"dtype": np.float32}, graph=False, d_steps=1)
    for _ in range(2):
        trainer.step()
    reference = {operation: "reference" for operation in kernels.OPERATIONS if operation != "dense_layer"}
    with kernels.use_kernels(**{**reference, "conv2d": "im2col"}):
        on_cpu, _ = train("dcgan", "cpu", images, 2, build={"dtype": np.float32}, d_steps=1)
    agree(trainer, on_cpu, 2e-4)
