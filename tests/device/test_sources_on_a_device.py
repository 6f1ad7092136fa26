"""Batches from data that are no arrays reach a pretended GPU as others do: the CPU's numbers, and nobody waits."""

import numpy as np
import pytest
from test_training_on_a_device import OPTIONS, agree, make

import gan_np as gn
from gan_np import kernels
from gan_np.training import as_source

LABELS = np.arange(40) % 3


def sources(gan, images):
    conditional = gan.classes is not None
    items = list(zip(images, LABELS, strict=True)) if conditional else list(images)

    def batches():
        while True:
            yield (images[:13], LABELS[:13]) if conditional else images[:13]
            yield (images[13:], LABELS[13:]) if conditional else images[13:]

    for data in (items, batches):
        yield lambda data=data: as_source(data, gan, prefetch=2, transform=lambda image: image[::-1])


def trained_by(model, device, source):
    config = gn.runs.Config(steps=10, batch_size=8, device=device, **OPTIONS[model])
    return gn.runs.build_trainer(make(model, device), source, config)


@pytest.mark.parametrize("model", ["dcgan", "conditional_dcgan"])
def test_the_numbers_of_the_cpu_from_a_captured_graph(model, capturing, images):
    for source in sources(make(model, "cpu"), images):
        trainer = trained_by(model, "cuda", source())
        with capturing.no_synchronisation():
            for _ in range(10):
                trainer.step()
        assert trainer.captured
        trainer.settle()
        with kernels.use_kernels(dense="reference", conv2d="im2col"):
            on_cpu = trained_by(model, "cpu", source())
            for _ in range(10):
                on_cpu.step()
        agree(trainer, on_cpu, 1e-9)
        for one in (trainer, on_cpu):
            one.stop_reading()
