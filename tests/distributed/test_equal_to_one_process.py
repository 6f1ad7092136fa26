"""Ranks that are threads train as one process does, for every model and option; messages between processes: test_mpi.py."""

from functools import cache

import numpy as np
import pytest
from equal_cases import CASES, data_for, dcgan, trained

import gan_np as gn
from gan_np.ranks import ALONE, Ranks
from gan_np.rows import RowsOfBatch
from gan_np.thread_ranks import in_threads
from gan_np.training import Trainer

STEPS = 10
SIZES = (2, 3, 4)


@cache
def alone(case: str) -> dict[str, np.ndarray]:
    return trained(case, steps=STEPS)


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max(initial=0)) for name in one)


@pytest.mark.parametrize(
    ("case", "size"), [(case, SIZES[number % 3]) for number, case in enumerate(CASES)], ids=lambda value: str(value)
)
def test_ranks_train_as_one_process_does(case: str, size: int) -> None:
    """θ, state, average, losses and what is drawn next. (After 50 steps it is 4e-14 at most for 2, 3 and 4 ranks.)"""
    ranks = in_threads(lambda ranks: trained(case, ranks, STEPS), size)
    assert difference(alone(case), ranks[0]) < 1e-12
    assert all(np.array_equal(ranks[0][name], other[name]) for other in ranks for name in ranks[0])


def test_50_steps_and_the_same_bits_again() -> None:
    one = trained("packing")
    for size in SIZES:
        first, again = (in_threads(lambda ranks: trained("packing", ranks), size)[0] for _ in range(2))
        assert difference(one, first) < 1e-12
        assert all(np.array_equal(first[name], again[name]) for name in first)


def test_kernels_that_do_whole_passes_alone_are_corrected() -> None:
    """Batch normalisation by a kernel that does not stop between its statistics and its output: the reference, GPUs'."""

    def by_reference(ranks: Ranks) -> dict[str, np.ndarray]:
        with gn.use_kernels(batch_norm="reference"):
            return trained("infogan", ranks, STEPS)

    assert difference(by_reference(ALONE), in_threads(by_reference, 3)[0]) < 1e-12


@pytest.mark.parametrize("activation", ["linear", "leaky_relu", "tanh"])
@pytest.mark.parametrize("affine", [True, False])
def test_halves_of_batch_normalisation_make_the_whole(activation: str, affine: bool) -> None:
    kernel = gn.kernels.cpu.normalisation.BatchNorm()
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 6, 5, 5, 3)) * 3 + 7
    scale, bias = rng.standard_normal((2, 3)) if affine else (None, None)
    chosen = gn.kernels.Activation(activation, 0.2 if activation == "leaky_relu" else 0.0)
    y, mean, variance, inverse = kernel.forward(x, scale, bias, 1e-5, chosen)
    dx, dscale, dbias = kernel.backward(dy, x, y, scale, bias, mean, inverse, chosen)
    np.testing.assert_array_equal(kernel.statistics(x), [mean, variance])
    np.testing.assert_array_equal(kernel.normalise(x, scale, bias, mean, inverse, chosen), y)
    sums = kernel.sums(dy, x, y, mean, inverse, chosen)
    np.testing.assert_allclose(sums, [dbias, dscale], rtol=1e-13)
    np.testing.assert_allclose(kernel.pull(dy, x, y, scale, mean, inverse, chosen, sums / 150), dx, rtol=1e-11)


def test_batch_statistics_of_each_rank_alone_give_another_result() -> None:
    """The negative control: without sums over ranks the comparison fails; the ranks still agree with each other."""
    ranks = in_threads(lambda ranks: trained("infogan", ranks, STEPS, sync_batch_norm=False), 2)
    assert difference(alone("infogan"), ranks[0]) > 1e-6
    assert all(np.array_equal(ranks[0][name], ranks[1][name]) for name in ranks[0])


def test_one_rank_alone_is_the_plain_trainer() -> None:
    """Nothing is drawn, read or added up otherwise where there is one process."""
    again = trained("dcgan", ALONE, STEPS)
    assert all(np.array_equal(values, again[name]) for name, values in alone("dcgan").items())


def test_batches_that_do_not_divide_are_refused() -> None:
    gan = dcgan()
    with pytest.raises(ValueError, match=r"batch_size: 10 .* among 4 ranks .* such as 12"):
        in_threads(lambda ranks: Trainer(dcgan(), data_for(gan)[0], batch_size=10, ranks=ranks), 4)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("data", lambda rank: (dcgan(), data_for(dcgan())[0] + np.uint8(rank), {})),
        ("weights", lambda rank: (dcgan(seed=rank), data_for(dcgan())[0], {})),
        ("batch_size", lambda rank: (dcgan(), data_for(dcgan())[0], {"batch_size": 4 + 4 * rank})),
        ("seed", lambda rank: (dcgan(), data_for(dcgan())[0], {"seed": rank})),
    ],
)
def test_ranks_that_differ_are_refused(name: str, make) -> None:  # type: ignore[no-untyped-def]
    def begin(ranks: Ranks) -> None:
        gan, images, options = make(ranks.rank)
        Trainer(gan, images, ranks=ranks, **options)

    with pytest.raises(ValueError, match=f"must have the same {name}; rank 0"):
        in_threads(begin, 2)


class LessTheBatchMean(gn.Layer):
    """x − mean over the batch, of the examples at hand."""

    def forward(self, variables, x, run):  # type: ignore[no-untyped-def]
        return x - x.mean(axis=0), lambda dy, wrt: dy - dy.mean(axis=0)


class LessTheWholeMean(gn.Layer):
    """The same over all ranks, as docs/many-processes.md has it."""

    def forward(self, variables, x, run):  # type: ignore[no-untyped-def]
        def mean(values: np.ndarray) -> np.ndarray:
            return run.ranks.total(values.sum(axis=0)) / (len(values) * run.ranks.size)

        return x - mean(x), lambda dy, wrt: dy - mean(dy)


def with_layer(layer: gn.Layer) -> gn.GAN:
    options = {"dtype": np.float64}
    return gn.GAN(
        gn.Network(gn.Sequential(gn.Dense(4, activation="relu"), gn.Dense(2)), (3,), seed=0, **options),
        gn.Network(gn.Sequential(gn.Dense(4, activation="relu"), layer, gn.Dense(1)), (2,), seed=1, **options),
        gn.models.Prior(3),
    )


def test_own_layer_that_looks_across_the_batch() -> None:
    points = np.random.default_rng(0).standard_normal((40, 2))

    def train(ranks: Ranks, layer: gn.Layer) -> np.ndarray:
        gan = with_layer(layer)
        trainer = Trainer(gan, points, batch_size=8, ranks=ranks)
        for _ in range(5):
            trainer.step()
        return gan.discriminator.parameters.values

    with pytest.raises(ValueError, match=r"ranks: the discriminator has layers of your own, LessTheBatchMean"):
        in_threads(lambda ranks: train(ranks, LessTheBatchMean()), 2)
    one, many = train(ALONE, LessTheWholeMean()), in_threads(lambda ranks: train(ranks, LessTheWholeMean()), 2)
    np.testing.assert_allclose(many[0], one, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(train(ALONE, LessTheBatchMean()), one)


@pytest.mark.parametrize("kind", ["items with a random transform", "stream", "array with a transform"])
def test_each_rank_reads_its_part_of_data_that_are_read_batch_by_batch(kind: str) -> None:
    images = data_for(dcgan())[0]

    def transform(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image[:, ::-1] if rng.random() < 0.5 else image

    def source(gan: gn.GAN) -> gn.training.Source:
        if kind == "stream":
            return gn.training.as_source(lambda: (images[at : at + 5] for at in range(0, 50, 5)), gan, prefetch=0)
        if kind == "array with a transform":
            return gn.training.as_source(images, gan, transform=lambda image: 255 - image, prefetch=0)
        return gn.training.as_source([{"image": image} for image in images], gan, transform=transform, prefetch=0)

    def train(ranks: Ranks) -> np.ndarray:
        gan = dcgan()
        trainer = Trainer(gan, source(gan), batch_size=12, ranks=ranks)
        for _ in range(6):
            trainer.step()
        return gan.discriminator.parameters.values

    np.testing.assert_allclose(in_threads(train, 3)[1], train(ALONE), rtol=0, atol=1e-12)


def test_draws_that_are_not_by_row_are_refused() -> None:
    rng = RowsOfBatch(gn.arrays.generator(0).bit_generator, 0, 2)
    with pytest.raises(NotImplementedError, match=r"rng\.permutation: with 2 ranks"):
        rng.permutation(3)
    with pytest.raises(ValueError, match="out:"):
        rng.random(2, out=np.zeros(2))
