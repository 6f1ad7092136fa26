"""Data sets and loaders of PyTorch, where it is installed; gan_np never imports it."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.training import as_source
from gan_np.training.sources import Reader

torch = pytest.importorskip("torch", reason="loaders of PyTorch need PyTorch")

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 6), np.uint8)
LABELS = np.arange(20) % 3


def gan(classes=None):
    if classes is None:
        return gn.models.mlp((8, 6, 3), 4, hidden=4)
    return gn.models.conditional_dcgan((8, 8, 1), 4, width=2, classes=classes)


def tensor():
    return torch.from_numpy(IMAGES.astype(np.float32) / 127.5 - 1)


def read(data, count=2, one=None, **options):
    source = as_source(data, one or gan(), **options)
    reader = Reader(source, source.order(8, 0))
    batches = [reader.next() for _ in range(count)]
    reader.pause()
    return batches


TORCH = {"layout": "NCHW", "value_range": (-1, 1)}


@pytest.mark.parametrize("kind", ["tensor", "data set", "subset", "list"])
def test_read_as_the_array_is(kind):
    data = {
        "tensor": tensor,
        "data set": lambda: torch.utils.data.TensorDataset(tensor(), torch.from_numpy(LABELS)),
        "subset": lambda: torch.utils.data.Subset(torch.utils.data.TensorDataset(tensor()), range(20)),
        "list": lambda: list(tensor()),
    }[kind]()
    for one, other in zip(read(data, **TORCH), read(IMAGES.transpose(0, 2, 3, 1)), strict=True):
        np.testing.assert_allclose(one.images, other.images / 255, atol=1e-6)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader(workers):
    grey = IMAGES[:, :1, :8, :6].repeat(2, axis=3)[..., :8]
    data = torch.utils.data.TensorDataset(torch.from_numpy(grey), torch.from_numpy(LABELS))
    loader = torch.utils.data.DataLoader(data, batch_size=7, num_workers=workers)
    assert (
        as_source(loader, gan(), layout="NCHW", transform=lambda image: image[:, :6].repeat(3, axis=2)).kind == "stream"
    )
    batches = read(loader, 5, gan(3), layout="NCHW")
    found = np.concatenate([batch.images for batch in batches])
    np.testing.assert_array_equal(found, np.concatenate([grey, grey]).transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(np.concatenate([batch.labels for batch in batches]), np.tile(LABELS, 2))


def test_an_iterable_data_set_gives_examples():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(tensor())

    (batch,) = read(Stream(), 1, **TORCH)
    np.testing.assert_allclose(batch.images, IMAGES[:8].transpose(0, 2, 3, 1) / 255, atol=1e-6)


def test_a_tensor_that_needs_its_gradient_is_refused():
    with pytest.raises(TypeError, match=r"images: this Tensor cannot be read as an array: .*detach"):
        as_source(tensor().requires_grad_(), gan())


def test_trained_on_a_loader():
    loader = torch.utils.data.DataLoader(tensor(), batch_size=8, shuffle=True)
    trainer = gn.train(gan(), loader, steps=4, batch_size=8, progress=False, layout="NCHW", value_range=(-1, 1))
    assert trainer.steps == 4
