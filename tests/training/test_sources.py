"""Real data that are no arrays: what they may be, what comes of them, and what is refused by name."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.training import DataEndedError, Trainer, as_source
from gan_np.training.sources import Reader

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
LABELS = np.arange(20) % 3


def small(classes: int | None = None) -> gn.GAN:
    if classes is None:
        return gn.models.dcgan((8, 8, 1), 4, width=2)
    return gn.models.conditional_dcgan((8, 8, 1), 4, width=2, classes=classes)


class Items:
    """As a data set of PyTorch is: a length and items."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> Any:
        return self.items[number]


class Columns(Items):
    """As a data set of Hugging Face is: mappings, several at once when asked for, iterable by batches."""

    def __getitem__(self, number: Any) -> Any:
        return {name: column[number] for name, column in self.items.items()}

    def __len__(self) -> int:
        return len(self.items["image"])

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self)))

    def __getitems__(self, numbers: list[int]) -> list[Any]:
        return [self[number] for number in numbers]

    def iter(self, batch_size: int) -> Iterator[Any]:
        for start in range(0, len(self), batch_size):
            yield self[slice(start, start + batch_size)]


class Tensor:
    """An array of another library, known by DLPack alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def batches_of(source: Any, count: int, size: int = 8) -> list[Any]:
    read = source.batches(source.order(size, 0))
    return [next(read) for _ in range(count)]


def theta(data: Any, gan: gn.GAN | None = None, steps: int = 4, **options: Any) -> bytes:
    gan = gan or small()
    gn.train(gan, data, steps=steps, batch_size=8, progress=False, **options)
    return gan.generator.parameters.values.tobytes()


FORMS = {
    "items": lambda: Items(list(IMAGES)),
    "grey items": lambda: Items(list(IMAGES[..., 0])),
    "pairs": lambda: Items(list(zip(IMAGES, LABELS, strict=True))),
    "a list of pairs": lambda: list(zip(IMAGES, LABELS, strict=True)),
    "tuples of one": lambda: Items([(image,) for image in IMAGES]),
    "columns": lambda: Columns({"image": IMAGES, "label": LABELS}),
    "lists in mappings": lambda: Columns({"image": IMAGES.tolist(), "label": LABELS}),
    "tensors": lambda: [Tensor(image) for image in IMAGES],
    "a tensor": lambda: Tensor(IMAGES),
    "a data set": lambda: gn.data.Dataset(IMAGES, LABELS),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_images_train_to_the_same_bits_whatever_holds_them(form: str) -> None:
    made = FORMS[form]()
    if form == "lists in mappings":  # numbers without a dtype
        made = Columns({"image": [image.astype(np.uint8) for image in IMAGES], "label": LABELS.tolist()})
    source = as_source(made, small())
    for one, other in zip(batches_of(source, 5), batches_of(as_source(IMAGES, small()), 5), strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        assert one.images.dtype == np.uint8
    some = source.some(6, np.random.default_rng(3)).images
    np.testing.assert_array_equal(some, as_source(IMAGES, small()).some(6, np.random.default_rng(3)).images)


def test_trained_on_items_as_on_an_array_read_ahead_or_not() -> None:
    expected = theta(IMAGES, flip=True)
    for prefetch in (0, 1, 3):
        assert theta(Items(list(IMAGES)), flip=True, prefetch=prefetch) == expected
    assert theta(Items(list(IMAGES[::-1])), flip=True) != expected, "the test can fail"


def test_pictures_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    pictures = [image.fromarray(one[..., 0]) for one in IMAGES]
    np.testing.assert_array_equal(
        batches_of(as_source(pictures, small()), 1)[0].images, batches_of(as_source(IMAGES, small()), 1)[0].images
    )
    bits = [picture.convert("1") for picture in pictures]
    assert set(np.unique(batches_of(as_source(bits, small()), 1)[0].images)) == {0, 255}
    with pytest.raises(gn.ShapeError, match=r"item \d+: expected 8×8×1, .* got \(8, 8, 3\); transform="):
        as_source([picture.convert("RGB") for picture in pictures], small())


def test_channels_first_and_the_range_of_floats() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (12, 8, 6, 3), np.uint8)
    gan = gn.models.mlp((8, 6, 3), 4, hidden=4)
    first = rgb.transpose(0, 3, 1, 2)
    expected = batches_of(as_source(rgb, gan), 2)
    floats = first.astype(np.float32) / 127.5 - 1
    for given in (first, Items(list(first)), list(first)):
        for one, other in zip(batches_of(as_source(given, gan, layout="NCHW"), 2), expected, strict=True):
            np.testing.assert_array_equal(one.images, other.images)
    for given in (floats, Items(list(floats))):
        found = batches_of(as_source(given, gan, layout="NCHW", value_range=(-1, 1)), 2)
        for one, other in zip(found, expected, strict=True):
            assert one.images.dtype == np.float32
            np.testing.assert_allclose(one.images, other.images / 255, atol=1e-6)
    streamed = next(iter(batches_of(as_source(lambda: iter([floats]), gan, layout="NCHW", value_range="-1..1"), 1)))
    np.testing.assert_allclose(streamed.images, rgb[:8] / 255, atol=1e-6)
    assert theta(first, gan, layout="NCHW") == theta(rgb, gn.models.mlp((8, 6, 3), 4, hidden=4))


def test_batches_are_cut_and_joined_to_the_size_of_the_training() -> None:
    def uneven() -> Iterator[np.ndarray]:
        yield IMAGES[:3]
        yield IMAGES[3:14]
        yield IMAGES[14]  # one by itself
        yield IMAGES[15:, ..., 0]  # grey

    for given in (uneven, uneven(), Columns({"image": IMAGES}).iter(7)):
        found = batches_of(as_source(given, small()), 2)
        np.testing.assert_array_equal(np.concatenate([batch.images for batch in found]), IMAGES[:16])
    joined = np.concatenate([batch.images for batch in batches_of(as_source(uneven, small()), 5)])
    np.testing.assert_array_equal(joined, np.concatenate([IMAGES, IMAGES]), "gone through again, over the end")


def test_a_batch_whose_memory_is_used_again_by_its_generator() -> None:
    def same() -> Iterator[np.ndarray]:
        held = np.empty((8, 8, 8, 1), np.uint8)
        for shade in range(50):
            held[:] = shade
            yield held

    source = as_source(same, small(), prefetch=3)
    reader = Reader(source, source.order(8, 0))
    assert [int(reader.next().images.max()) for _ in range(9)] == list(range(9))
    reader.pause()


def test_a_generator_that_ends_says_where_and_how_to_give_another() -> None:
    def once() -> Iterator[np.ndarray]:
        yield from (IMAGES[:8], IMAGES[8:16], IMAGES[16:])

    trainer = Trainer(small(), once(), batch_size=8)
    trainer.step()
    trainer.step()
    with pytest.raises(DataEndedError, match=r"step 3: .*generator once ended after 20 examples in 3 batches") as ended:
        trainer.step()
    assert "a function that returns a new one" in str(ended.value)
    trainer = Trainer(small(), once, batch_size=8)
    assert [trainer.step().number for _ in range(6)] == list(range(1, 7))
    trainer.stop_reading()


class Loader:
    """As a loader of PyTorch is: batches each time it is gone through."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches, self.passes = batches, 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return iter(self.batches)


def test_labels_of_pairs_mappings_and_batches() -> None:
    pairs = [[IMAGES[:10], LABELS[:10]], [IMAGES[10:], LABELS[10:, None]]]
    given = {
        "items": Items(list(zip(IMAGES, LABELS, strict=True))),
        "columns": Columns({"pixel_values": IMAGES, "image": IMAGES, "species": LABELS}),
        "loader": Loader(pairs),
    }
    for name, data in given.items():
        keys = ("image", "species") if name == "columns" else None
        source = as_source(data, small(3), keys=keys, prefetch=0)
        for batch in batches_of(source, 3):
            numbers = [int(np.flatnonzero((image == IMAGES).all(axis=(1, 2, 3)))[0]) for image in batch.images]
            np.testing.assert_array_equal(batch.labels, LABELS[numbers])
        gan = small(3)
        gn.train(gan, source, steps=2, batch_size=8, progress=False, class_names=["a", "b", "c"])
        assert gan.labels is not None
        assert gan.labels.names == ("a", "b", "c")
    beside = Items(list(IMAGES))
    assert theta(beside, small(3), labels=LABELS) == theta(IMAGES, small(3), labels=LABELS)


def test_transform_is_seeded_by_the_batch() -> None:
    wide = np.random.default_rng(2).integers(0, 256, (20, 10, 10, 1), np.uint8)

    def crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        top, left = rng.integers(0, 3, 2)
        return image[top : top + 8, left : left + 8]

    found = [theta(data, transform=crop, prefetch=ahead) for data in (wide, Items(list(wide))) for ahead in (0, 2)]
    assert len(set(found)) == 1
    assert theta(wide, transform=crop, seed=1) != found[0]
    assert theta(wide, transform=lambda image: image[:8, :8]) == theta(np.ascontiguousarray(wide[:, :8, :8]))
    source = as_source(lambda: iter([wide]), small(), transform=crop)
    (batch,) = batches_of(source, 1)
    assert batch.images.shape == (8, 8, 8, 1)


def test_vectors_and_their_deviation() -> None:
    rows = np.random.default_rng(0).normal(3, 2, (40, 5)).astype(np.float32)
    gan, other = (gn.models.mlp((5,), 2, hidden=4) for _ in range(2))
    assert theta(Items(list(rows)), gan) == theta(rows, other)
    gan = gn.models.mlp((5,), 2, hidden=4)
    theta(lambda: iter([rows[:25], rows[25:]]), gan)
    np.testing.assert_allclose(gan.encoding.mean, other.encoding.mean)  # type: ignore[attr-defined]


def test_a_pyramid_reads_its_levels_from_any_source() -> None:
    def pyramid() -> Any:
        return gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=4)

    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 1), np.uint8)
    weights = []
    for data in (images, Items(list(images))):
        gan = pyramid()
        gn.train(gan, data, steps=2, batch_size=8, progress=False)
        weights.append([stage.generator.parameters.values.tobytes() for stage in gan.stages])
    assert weights[0] == weights[1]
    gn.train(pyramid(), Loader([images]), steps=2, batch_size=8, progress=False)
    with pytest.raises(ValueError, match=r"2 stages .* can be gone through once; give a function"):
        gn.train(pyramid(), (batch for batch in [images] * 9), steps=2, batch_size=8, progress=False)


def test_an_item_that_cannot_be_read_is_named_and_can_be_read_again() -> None:
    class Failing(Items):
        broken = False

        def __getitem__(self, number: int) -> Any:
            if self.broken:
                raise OSError("disk gone")
            return self.items[number]

    data = Failing(list(IMAGES))
    trainer = Trainer(small(), as_source(data, small(), prefetch=0), batch_size=8)
    trainer.step()
    data.broken = True
    with pytest.raises(OSError, match="disk gone") as failure:
        trainer.step()
    assert any("while item" in note for note in failure.value.__notes__)
    data.broken = False
    trainer.step()
    straight = Trainer(small(), IMAGES, batch_size=8)
    straight.step()
    straight.step()
    assert trainer.order.position == straight.order.position == 2


FLOATS = IMAGES.astype(np.float32) / 255


@pytest.mark.parametrize(
    ("data", "options", "error", "hint"),
    [  # ids are the places in this list
        (Items(list(FLOATS * 2 - 1)), {}, ValueError, r"item \d+: floats .* \[0, 1\].*value_range=\(-1, 1\)"),
        (Items(list(FLOATS * 3)), {"value_range": (0, 2)}, ValueError, "outside value_range=0..2"),
        (lambda: iter([FLOATS, FLOATS * 2]), {}, ValueError, r"batch 2: floats .* go from 0 to 2.*value_range="),
        (lambda: iter([FLOATS, IMAGES]), {}, TypeError, "batch 2: is uint8, the first one was float32"),
        (lambda: iter([IMAGES, IMAGES[:, :7]]), {}, gn.ShapeError, r"batch 2: expected 8×8×1, .* got \(7, 8, 1\)"),
        (
            Items(list(IMAGES.astype(int))),
            {},
            TypeError,
            "expected uint8 or float32 or float64, got int64.*value_range",
        ),
        (Items(list(IMAGES.transpose(0, 3, 1, 2))), {}, gn.ShapeError, "channels come first, say layout='NCHW'"),
        (Items([{"photo": IMAGES[0]}] * 9), {}, ValueError, r"'photo'.* none of 'image', .*keys=\(image, label\)"),
        (Items([{"image": IMAGES[0]}] * 9), {"keys": "photo"}, ValueError, "keys: item 0 has no 'photo', it has"),
        (Items([(1, 2, 3)] * 9), {}, TypeError, "a tuple of 3 parts; make mappings"),
        (Items(["cat.png"] * 9), {}, TypeError, "expected an array, a tensor or a Pillow image, got str"),
        (Items([]), {}, ValueError, "no items in it"),
        (lambda: iter([]), {}, ValueError, "gave no batch"),
        (lambda: 3, {}, TypeError, "was called and gave 3, expected an iterable"),
        (7, {}, TypeError, "images: expected a NumPy array, got int"),
        ({"train": IMAGES}, {}, TypeError, r"a mapping of \['train'\]; give one of its values"),
        (Items(list(IMAGES)), {"transform": 3}, TypeError, "transform: expected a function"),
        (Items(list(IMAGES)), {"transform": lambda image: image[:7]}, gn.ShapeError, "expected 8×8×1"),
        (Items(list(IMAGES)), {"prefetch": -1}, ValueError, "prefetch: expected"),
        (Items(list(IMAGES)), {"keys": "image"}, TypeError, "keys: are of mappings, and item 0 is a ndarray"),
        (IMAGES, {"keys": "image"}, ValueError, "keys: are of mappings, and images is an array"),
        (lambda: iter([IMAGES]), {"labels": LABELS}, ValueError, "labels: of an iterable .* come with them"),
        (Items(list(IMAGES)), {"labels": LABELS[:5]}, gn.ShapeError, "one for each of 20 items, got 5"),
    ],
    ids=range(23),
)
def test_what_is_refused_by_name(data: Any, options: dict[str, Any], error: type[Exception], hint: str) -> None:
    with pytest.raises(error, match=hint):
        batches_of(as_source(data, small(), **options), 6)


def test_labels_that_are_missing_or_unknown() -> None:
    with pytest.raises(ValueError, match="labels: this gan is conditional, and item 0 has no label"):
        as_source(Items(list(IMAGES)), small(3))
    with pytest.raises(TypeError, match=r"labels: item \d+: expected integers, got float64"):
        as_source(Items(list(zip(IMAGES, LABELS + 0.5, strict=True))), small(3))
    with pytest.raises(gn.ShapeError, match=r"one for each of 1 images, got shape \(3,\); for one-hot"):
        as_source(Items(list(zip(IMAGES, np.eye(3, dtype=int)[LABELS], strict=True))), small(3))
    trainer = Trainer(small(3), Items(list(zip(IMAGES, LABELS + 5, strict=True))), batch_size=8)
    with pytest.raises(ValueError, match="labels: expected 0 to 2, got"):
        trainer.step()


def test_an_iterable_with_the_names_of_a_data_set_that_refuses() -> None:
    class Streamed(Loader):
        """As an iterable data set of PyTorch is."""

        def __getitem__(self, number: int) -> Any:
            raise NotImplementedError

    assert as_source(Streamed([IMAGES]), small()).kind == "stream"


@pytest.mark.parametrize("data", [IMAGES, Items(list(IMAGES))], ids=["array", "items"])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_put_at_any_place_a_reader_gives_what_stands_there(data: Any, prefetch: int) -> None:
    def drawn(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image ^ rng.integers(0, 256, image.shape, np.uint8)

    def reader(seed: int) -> Reader:
        source = as_source(data, small(), transform=drawn, prefetch=prefetch)
        return Reader(source, source.order(5, seed))

    one = reader(seed=3)
    straight = [one.next().images for _ in range(8)]  # two epochs: no image is changed twice in the same way
    assert len({image.tobytes() for batch in straight for image in batch}) == 40
    for place in (2, 7, 0):
        one.order.seek(place)  # as a checkpoint does
        np.testing.assert_array_equal(one.next().images, straight[place])
        assert one.order.position == place + 1
    other = reader(seed=4)
    assert not any((other.next().images == batch).all() for batch in straight[:1])
    one.pause()
    other.pause()
