"""Products on the GPU: every tile of every unit, split-K, fused epilogues, few channels."""

import itertools
from unittest import mock

import numpy as np
import pytest
from comparing import (
    BF16_WARPGROUPS,
    BF16_WARPS,
    FLOAT32,
    FLOAT64,
    INSTRUCTIONS,
    OF_DENSE,
    ROUNDING,
    WARPGROUPS,
    WARPS,
    compare,
    cut_tf32,
    instruction,
    kernel_of,
    round_bf16,
    round_tf32,
    rounding,
)
from on_host import ORDERS, threads_in_order

from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.kernels import Activation, Into
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case
from gan_np.kernels.cuda import few_channels, product
from gan_np.kernels.cuda.operands import BF16, as_bf16, transposed
from gan_np.testing import KernelError

pytestmark = pytest.mark.usefixtures("host_gpu")

GEOMETRIES = {
    "chunks": convolution_geometry(2, (6, 5, 8), 24, (4, 4), (2, 2), (1, 1)),
    "narrow, one chunk aligned": convolution_geometry(3, (7, 6, 4), 5, (3, 2), (1, 2), (1, 0)),
    "few channels": convolution_geometry(2, (38, 44, 3), 24, (4, 4), (2, 2), (1, 1)),
    "few channels, not aligned": convolution_geometry(2, (31, 33, 1), 6, (5, 3), (3, 1), (2, 0)),
    "many small images": convolution_geometry(30, (3, 5, 8), 12, (2, 3), (1, 2), (0, 1)),
    "a pixel an image": convolution_geometry(70, (2, 3, 8), 8, (2, 3), (1, 1), (0, 0)),
    "many splits": convolution_geometry(4, (18, 17, 3), 20, (4, 4), (2, 2), (1, 1)),
}
WIDE = {
    "aligned": convolution_geometry(2, (17, 18, 72), 136, (3, 2), (2, 2), (1, 0)),
    "odd": convolution_geometry(3, (15, 13, 67), 133, (3, 2), (1, 2), (1, 0)),
}
"""More than one tile either way, with chunks of 16 bytes and without."""
LAYOUTS = [(True, True), (True, False), (False, False)]
TILES = [(name, size) for name in ROUNDING for size in product.TILES[INSTRUCTIONS[name]]]
ACTIVATIONS = [Activation(), *map(Activation, ("relu", "tanh", "sigmoid")), Activation("leaky_relu", 0.2)]


@pytest.fixture
def launches(monkeypatch):
    """The names of the kernels that are launched from now on, with their grids."""
    seen, launch = [], product.launch

    def noted(source, name, grid, *arguments, **options):
        seen.append((name, grid))
        launch(source, name, grid, *arguments, **options)

    for module in (product, few_channels):
        monkeypatch.setattr(module, "launch", noted)
    return seen


def split(monkeypatch):
    """Products are divided down to single tiles of the inner index."""
    monkeypatch.setattr(product, "LEAST_STEPS", 1)
    for wanted in ("BLOCKS", "MULTIPROCESSORS"):
        monkeypatch.setattr(product, wanted, 4096)


def undivided(monkeypatch):
    monkeypatch.setattr(product, "MOST_SPLITS", 1)


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("label", list(GEOMETRIES))
def test_convolution(order, name, label):
    compare(conv2d_case(label, GEOMETRIES[label]), name)


@pytest.mark.parametrize("label", ["few channels", "few channels, not aligned"])
def test_few_channels_in_a_warpgroups_tiles(label, monkeypatch):
    monkeypatch.setattr(few_channels, "share_of", lambda *given: None)
    with threads_in_order("shuffled"):
        compare(conv2d_case(label, GEOMETRIES[label]), WARPGROUPS)


@pytest.mark.parametrize(
    ("name", "size", "label", "order"),
    [
        (*pair, label, order)
        for pair in TILES
        for label, order in (("aligned", "forward"), ("aligned", "shuffled"), ("odd", "reversed"), ("odd", "shuffled"))
        if label == "aligned" or pair[0] != BF16_WARPGROUPS
    ],
)
def test_every_tile(name, size, label, order, monkeypatch, launches):
    """With split-K in the one order of threads, without in the others."""
    (split if order == "shuffled" else undivided)(monkeypatch)
    tile = product.TILES[INSTRUCTIONS[name]][size]
    monkeypatch.setattr(product, "choose_tile", lambda *given: tile)
    with threads_in_order(order):
        compare(conv2d_case(label, WIDE[label]), name)
    assert ("reduce_splits" in dict(launches)) == (order == "shuffled")
    # More than one tile down and across, of one image at least.
    grids = [grid for kernel, grid in launches if kernel == "to_weight"]
    assert grids[0][0] > 1
    assert grids[0][1] > 1


@pytest.mark.parametrize("name", [WARPGROUPS, BF16_WARPGROUPS])
@pytest.mark.parametrize("pipeline", [(4, 1), (5, 1), (2, 1)])
def test_pipelines(order, name, pipeline, monkeypatch):
    """Stages beyond those that were measured as best."""
    monkeypatch.setattr(product, "PIPELINES", dict.fromkeys(product.PIPELINES, pipeline))
    for label, geometry in WIDE.items() if name == WARPGROUPS else [("aligned", WIDE["aligned"])]:
        compare(conv2d_case(label, geometry), name)


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize("label", list(WIDE))
def test_weight_gradients_into_place(name, divided, label, rng, monkeypatch, launches):
    """Overwritten and added to, by the reduction and where there is one split."""
    (split if divided else undivided)(monkeypatch)
    geometry = WIDE[label]
    plan = kernels.entry("conv2d", kernel_of(name)).implementation.plan(geometry)
    large, small = (
        rng.standard_normal(shape).astype(np.float32) for shape in (geometry.large_shape, geometry.small_shape)
    )
    given = plan.prepare_large(to_device(large, "cuda")), plan.prepare_small(to_device(small, "cuda"))
    place = to_device(np.full(geometry.weight_shape, np.nan, np.float32), "cuda")
    with instruction(name), threads_in_order("shuffled"):
        expected = to_host(plan.to_weight(*given))
        for times, add in ((1, False), (2, True)):
            plan.to_weight(*given, Into(place, add))
            np.testing.assert_allclose(to_host(place), times * expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert ("reduce_splits" in dict(launches)) == divided


@pytest.mark.parametrize("name", OF_DENSE)
def test_dense_with_split_k(name, order):
    compare(dense_case("split", 9, 700, 20), name)


@pytest.mark.parametrize(("name", "size"), [pair for pair in TILES if pair[0] in OF_DENSE])
def test_every_tile_of_dense(name, size, monkeypatch):
    """A product of more than one large tile either way."""
    tile = product.TILES[INSTRUCTIONS[name]][size]
    monkeypatch.setattr(product, "choose_tile", lambda *given: tile)
    with threads_in_order("shuffled"):
        compare(dense_case("large", 130, 37, 140), name)


def test_who_multiplies():
    """Warpgroups on Hopper alone, at TF32 alone, and only where their tiles would not be mostly empty."""
    like = to_device(np.zeros(1, np.float32), "cuda")
    assert product.instruction_for("tf32", like, 64, 32) == product.WGMMA_TF32
    assert product.instruction_for("tf32", like, 63, 32) == product.MMA_TF32
    assert product.instruction_for("tf32", like, 64, 31) == product.MMA_TF32
    assert product.instruction_for("bf16", like, 640, 320) == product.MMA_BF16
    assert product.instruction_for("float32", like, 640, 320) == product.FMA
    for capability in ("80", "89", "100", "120"):
        with mock.patch.object(product, "compute_capability", lambda array, found=capability: found):
            assert product.instruction_for("tf32", like, 640, 320) == product.MMA_TF32
    assert product.instruction_for("bf16", as_bf16(like), 1, 1) == product.WGMMA_BF16


@pytest.mark.parametrize("name", [WARPS, WARPGROUPS])
def test_cutting_is_told_from_rounding(name, monkeypatch):
    """Else nobody would know which of the two was tested."""
    monkeypatch.setitem(ROUNDING, name, {WARPS: cut_tf32, WARPGROUPS: round_tf32}[name])
    with pytest.raises(KernelError, match="differs by"):
        compare(conv2d_case("chunks", GEOMETRIES["chunks"]), name)


def test_splits_and_tiles_depend_on_sizes_alone():
    tile = product.choose_tile(64, 8192, 100, 1, FLOAT32, product.FMA)
    assert tile is product.FMA_TILES["medium"]
    assert product.choose_tile(128 * 1024, 128, 1024, 1, FLOAT32, product.MMA_TF32) is product.MMA_TILES["large"]
    assert product.choose_tile(128 * 1024, 128, 1024, 1, FLOAT64, product.FMA) is product.FMA_TILES["medium"]
    assert product.choose_tile(64, 1, 8192, 1, FLOAT32, product.FMA) is product.FMA_TILES["skinny"]
    assert product._split_k(1, 8192, 16, 264) == (128, 64)
    assert product._split_k(1000, 8192, 16, 264) == (8192, 1)
    assert product._split_k(3, 0, 16, 264) == (16, 1)


def test_tiles_on_hopper():
    """Large ones, even where they must be divided; low ones where the inner length is short for that."""

    def chosen(rows, columns, depth, copies=1):
        tile = product.choose_tile(rows, columns, depth, copies, FLOAT32, product.WGMMA_TF32)
        return next(size for size, found in product.WGMMA_TILES.items() if found is tile)

    assert chosen(128 * 1024, 128, 1024) == "large"
    assert chosen(128 * 1024, 64, 1024) == "medium"
    assert chosen(6272, 128, 1024) == "low"
    assert chosen(6272, 128, 1024, copies=4) == "large"
    assert chosen(2048, 512, 4096) == "large"


def instructions_and_tiles():
    """All that a launcher can ask for, with the ways in which both operands' lines run."""
    for name, tiles in product.TILES.items():
        layouts = [(True, True), (False, True)] if name == product.WGMMA_TF32 else LAYOUTS
        for tile, layout in itertools.product(tiles.values(), layouts):
            yield name, product.pipelined(tile, layout, name), layout
    for name, columns in itertools.product(product.OF_THREADS_OR_WARPS.values(), (16, 32, 48, 64)):
        yield name, few_channels.tile_of(columns, name), (True, True)


def test_shared_memory_fits():
    """On an A100 where it is meant for one, and on an H100 for so many blocks at a time as the compiler is told."""
    for name, tile, layout in instructions_and_tiles():
        few = 4 * tile.rows * (tile.columns + 1) if tile.rows == few_channels.PIXELS else 0
        needed = max(product.shared_bytes(tile, layout, FLOAT32, name), few)
        assert needed <= 227 << 10
        assert tile.occupancy * (needed + 1024) <= 228 << 10, (name, tile)  # a block takes 1 KB beside what it asks for
        assert name in product.WGMMA or needed <= 163 << 10, (name, tile)
        if name == product.FMA and not few:
            assert needed <= 48 << 10


def test_blocks_are_those_that_sources_count():
    for name, tile, _ in instructions_and_tiles():
        threads = product.threads(tile, name)
        assert 32 <= threads <= 1024
        assert threads % (128 if name in product.WGMMA else 32) == 0
        # What a multiprocessor has: 2,048 threads, and 65,536 registers of which each thread needs its sums at least.
        sums = tile.rows * tile.columns // threads
        assert tile.occupancy * threads <= 2048
        assert tile.occupancy * threads * sums <= 65536, (name, tile)


# ---- epilogues


def fused(name, geometry, contraction, bias, activation, rng):
    """(found, expected) of one contraction with its bias and activation, the latter from the reference in float64."""
    large = contraction == "to_large"
    given = geometry.small_shape if large else geometry.large_shape
    weight, image = (rng.standard_normal(shape).astype(np.float32) for shape in (geometry.weight_shape, given))
    weight /= np.sqrt(np.prod(weight.shape[:2] + image.shape[3:]), dtype=np.float32)  # sums where activations bend
    rounded = rounding(name, geometry, "large" if large else "small")
    reference = kernels.entry("conv2d", "reference").implementation.plan(geometry)
    wide = [rounded(array).astype(np.float64) for array in (weight, image)]
    prepare = "prepare_small" if large else "prepare_large"
    sums = getattr(reference, contraction)(reference.prepare_weight(wide[0]), getattr(reference, prepare)(wide[1]))
    epilogue = kernels.entry("bias_activation", "reference").implementation
    expected = epilogue.forward(sums, None if bias is None else bias.astype(np.float64), activation)
    with instruction(name):
        plan = kernels.entry("conv2d", kernel_of(name)).implementation.plan(geometry)
        prepared = plan.prepare_weight(to_device(weight, "cuda")), getattr(plan, prepare)(to_device(image, "cuda"))
        bias = None if bias is None else to_device(bias, "cuda")
        return to_host(getattr(plan, f"{contraction}_with_epilogue")(*prepared, bias, activation)), expected


def near(found, expected, tolerance=2e-5):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected[np.isfinite(expected)]).max())


FUSED = {**GEOMETRIES, "aligned": convolution_geometry(1, (9, 18, 40), 72, (3, 2), (2, 2), (1, 0))}


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("label", list(FUSED))
@pytest.mark.parametrize("contraction", ["to_small", "to_large"])
@pytest.mark.parametrize("divided", [True, False])
def test_bias_and_activation_on_the_way(name, label, contraction, divided, rng, monkeypatch, launches):
    """The same as in two steps; as one launch where there is one part, unless the activation is a long one."""
    (split if divided else undivided)(monkeypatch)
    geometry = FUSED[label]
    few = contraction == "to_large" and few_channels.share_of(geometry, FLOAT32) is not None
    channels = (geometry.large if contraction == "to_large" else geometry.small)[2]
    for number, activation in enumerate(ACTIVATIONS):
        for bias in (rng.standard_normal(channels).astype(np.float32), None):
            launches.clear()
            with threads_in_order(ORDERS[number % 3]):
                near(*fused(name, geometry, contraction, bias, activation, rng))
            own = [kernel for kernel, _ in launches]
            if few:
                assert own == ["to_large_few"]
            elif not divided:
                assert own == [contraction] + ["reduce_splits"] * (activation.kind in ("tanh", "sigmoid"))


@pytest.mark.parametrize("divided", [True, False])
def test_splits_are_those_that_were_asked_for(divided, rng, monkeypatch, launches):
    """Else the cases above would not be those that they are named after."""
    (split if divided else undivided)(monkeypatch)
    for name, label, contraction in itertools.product(ROUNDING, ("chunks", "aligned"), ("to_small", "to_large")):
        launches.clear()
        fused(name, FUSED[label], contraction, None, Activation("relu"), rng)
        deep = label == "aligned" or contraction == "to_small" or name != "cuda"
        assert ("reduce_splits" in dict(launches)) == divided or not deep, (name, label, contraction)


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("contraction", ["to_small", "to_large"])
@pytest.mark.parametrize("label", ["aligned", "few channels"])
@pytest.mark.parametrize("divided", [True, False])
def test_what_is_not_finite(name, contraction, label, divided, rng, monkeypatch):
    """NaN stays, of each channel alone; infinities become what they are in the limit."""
    (split if divided else undivided)(monkeypatch)
    geometry = FUSED[label]
    bias = np.zeros((geometry.large if contraction == "to_large" else geometry.small)[2], np.float32)
    bias[:3] = np.nan, -np.inf, np.inf
    limits = {
        "linear": (-np.inf, np.inf), "relu": (0, np.inf), "leaky_relu": (-np.inf, np.inf), "tanh": (-1, 1),
        "sigmoid": (0, 1),
    }  # fmt: skip
    for activation in ACTIVATIONS:
        found, expected = fused(name, geometry, contraction, bias, activation, rng)
        assert np.isnan(found[..., 0]).all()
        for channel, limit in enumerate(limits[activation.kind], 1):
            assert (found[..., channel] == limit).all(), activation
        if bias.size > 3:
            near(found[..., 3:], expected[..., 3:])


@pytest.mark.parametrize("name", list(ROUNDING))
@pytest.mark.parametrize("label", ["aligned", "few channels"])
def test_a_picture_that_is_not_a_number(name, label, rng):
    """Only what sees it is not a number either; an activation does not hide it."""
    geometry = convolution_geometry(2, (10, 9, 3 if label == "few channels" else 40), 36, (4, 4), (2, 2), (1, 1))
    weight = to_device(rng.standard_normal(geometry.weight_shape).astype(np.float32), "cuda")
    small, large = np.zeros(geometry.small_shape, np.float32), np.zeros(geometry.large_shape, np.float32)
    small[1, 2, 2, 5] = large[1, 5, 4, 2] = np.nan
    seen = np.zeros(geometry.large_shape[:3], bool)
    seen[1, 3:7, 3:7] = True
    with instruction(name):
        plan = kernels.entry("conv2d", kernel_of(name)).implementation.plan(geometry)
        prepared = plan.prepare_weight(weight)
        found = to_host(plan.to_large_with_epilogue(prepared, to_device(small, "cuda"), None, Activation("relu")))
        assert (np.isnan(found) == seen[..., None]).all()
        found = to_host(plan.to_small_with_epilogue(prepared, to_device(large, "cuda"), None, Activation("relu")))
    sees = np.zeros(geometry.small_shape[:3], bool)
    sees[1, 2:4, 1:3] = True  # rows 3 to 6 and 5 to 8, columns 1 to 4 and 3 to 6
    assert (np.isnan(found) == sees[..., None]).all()


# ---- the reduction of split-K


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 7, 8, 127, 128])
@pytest.mark.parametrize("shape", [(5, 3), (11, 16), (300, 4), (129, 7)])
@pytest.mark.parametrize("blocks", ["one", "many"])
def test_adding_splits(count, shape, dtype, blocks, rng, monkeypatch):
    """By one thread a number and by several: the order of threads changes no bit, and they are the reference's numbers."""
    if blocks == "one":
        monkeypatch.setattr(product, "MULTIPROCESSORS", 0)  # so its threads take several turns
    numbers, before = rng.standard_normal((count, *shape)).astype(dtype), rng.standard_normal(shape).astype(dtype)
    numbers /= np.sqrt(count).astype(dtype)
    bias = rng.standard_normal(shape[-1]).astype(dtype)
    partial, total = to_device(numbers, "cuda"), numbers.astype(np.float64).sum(axis=0)
    epilogue = kernels.entry("bias_activation", "reference").implementation
    tanh, leaky = Activation("tanh"), Activation("leaky_relu", 0.2)
    cases = [
        (0, None, total),
        (1, None, total + before),
        (
            0,
            product.Epilogue(to_device(bias, "cuda"), leaky),
            epilogue.forward(total.copy(), bias.astype(np.float64), leaky),
        ),
        (0, product.Epilogue(None, tanh), epilogue.forward(total.copy(), None, tanh)),
    ]
    for add, epilogue, expected in cases:
        found = []
        for order in ORDERS:
            result = to_device(before, "cuda")
            with threads_in_order(order):
                product.reduce_splits(partial, count, result, add, epilogue)
            found.append(to_host(result))
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])
        tolerance = 2e-6 if dtype == np.float32 else 1e-14
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("channels", [4, 6])
def test_splits_of_a_misaligned_result(channels, rng):
    """A gradient's place in a vector begins anywhere."""
    numbers = rng.standard_normal((9, 10, channels)).astype(np.float32)
    memory = to_device(np.full(10 * channels + 2, np.nan, np.float32), "cuda")
    result = memory[1:-1].reshape(10, channels)
    product.reduce_splits(to_device(numbers, "cuda"), 9, result, 0, None)
    np.testing.assert_allclose(to_host(result), numbers.sum(axis=0), rtol=0, atol=1e-5)
    assert np.isnan(to_host(memory)[[0, -1]]).all()


# ---- transposed matrices


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 100), (100, 1), (31, 33), (32, 64), (65, 7), (70, 97)])
def test_transposed(order, shape, dtype, rng):
    array = rng.standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(to_host(transposed(to_device(array, "cuda"), shape[1])), array.T)


def test_pictures_transposed(rng):
    images = rng.standard_normal((2, 3, 5, 7)).astype(np.float32)
    found = to_host(transposed(to_device(images, "cuda"), 7))
    np.testing.assert_array_equal(found, images.reshape(-1, 7).T)


# ---- arrays stored as bf16


@pytest.mark.parametrize("count", [1, 7, 4096, 4099])
@pytest.mark.parametrize("start", [0, 1])
def test_narrowed(order, count, start, rng):
    """To nearest, ties to even; infinities and NaN stay; from wherever the numbers begin."""
    array = (rng.standard_normal(count + start) * 10.0 ** rng.integers(-20, 20, count + start)).astype(np.float32)
    special = np.array([0x3F808000, 0x3F818000, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x80000000, 1], np.uint32)
    array[start : start + special.size] = special.view(np.float32)[:count]
    given = to_device(array, "cuda")[start:]
    found = to_host(as_bf16(given))
    assert found.dtype == BF16
    np.testing.assert_array_equal(found, (round_bf16(array[start:]).view(np.uint32) >> 16).astype(np.uint16))
    not_a_number = to_host(as_bf16(to_device(np.full(count, np.nan, np.float32), "cuda")))
    assert np.isnan((not_a_number.astype(np.uint32) << 16).view(np.float32)).all()


def test_who_stores_bf16():
    """Hopper's where both sides have aligned lines and enough channels; others multiply float32 that they round."""
    array = to_device(np.zeros((1, 1, 1, 64), np.float32), "cuda")
    for channels, stored in (((64, 32), True), ((24, 64), False), ((64, 36), False), ((3, 64), False)):
        geometry = convolution_geometry(1, (4, 4, channels[0]), channels[1], (4, 4), (2, 2), (1, 1))
        plan = kernels.entry("conv2d", "cuda_bf16").implementation.plan(geometry)
        assert plan.keeps_large
        assert plan.keeps_small
        for prepared in (plan.prepare_large(array), plan.prepare_small(array), plan.prepare_weight(array).natural):
            assert (prepared.dtype == BF16) == stored
        with instruction(BF16_WARPS):
            assert plan.prepare_large(array) is array
        assert kernels.entry("conv2d", "cuda_tf32").implementation.plan(geometry).prepare_large(array) is array


# ---- few channels


def test_few_channels_are_done_in_several_blocks_of_a_picture():
    for label in ("few channels", "few channels, not aligned"):
        share = few_channels.share_of(GEOMETRIES[label], FLOAT32)
        assert share is not None
        assert share.high < GEOMETRIES[label].large[0]


def geometry_of_few(batch=2, large=(64, 64, 3), out=16, kernel=(4, 4), stride=(2, 2), padding=(1, 1)):
    return convolution_geometry(batch, large, out, kernel, stride, padding)


def test_where_few_channels_end():
    def share(dtype=FLOAT32, **given):
        return few_channels.share_of(geometry_of_few(**given), dtype)

    assert share() == (13, 48)  # 8 rows of 32 pixels: 64 rows in five parts
    assert share(large=(64, 64, 4)) == (13, 64)
    assert share(large=(64, 64, 1)) == (13, 16)
    assert share(large=(64, 64, 5)) is None
    assert share(large=(64, 64, 3), kernel=(5, 5)) is None  # 75 columns
    assert share(dtype=FLOAT64) is None
    assert share(batch=65535) is not None
    assert share(batch=65536) is None
    # Rows of b so long that few fit: four taps high, a row of a sees two of b, two of them three.
    assert share(large=(64, 170, 3)) == (3, 48)
    assert share(large=(64, 172, 3)) is None
    assert share(large=(64, 300, 3)) is None
    assert share(large=(2, 4, 3), kernel=(2, 2), padding=(0, 0)) == (2, 16)


def test_a_share_holds_what_its_rows_see():
    """Counted one by one, over many geometries: no block needs more pixels of b than its tile has rows."""
    tried = 0
    for height, width, kernel, stride, padding in itertools.product(
        (1, 2, 7, 28, 64), (1, 5, 33, 64, 200), (1, 2, 3, 4, 5), (1, 2, 3), (0, 1, 2)
    ):
        if height + 2 * padding < kernel or width + 2 * padding < kernel:
            continue
        g = geometry_of_few(1, (height, width, 2), 8, (kernel, kernel), (stride, stride), (padding, padding))
        share = few_channels.share_of(g, FLOAT32)
        if share is None:
            continue
        tried += 1
        assert share.high >= 1
        assert kernel * kernel * 2 <= share.columns <= few_channels.MOST_COLUMNS
        for top in range(0, height, share.high):
            rows = range(top, min(top + share.high, height))
            seen = {i for i in range(g.small[0]) for u in range(kernel) if i * stride + u - padding in rows}
            assert len(range(min(seen), max(seen) + 1) if seen else ()) * g.small[1] <= few_channels.PIXELS, g
    assert tried > 200


@pytest.mark.parametrize("name", ["cuda", WARPS, BF16_WARPS])
@pytest.mark.parametrize(
    "given",
    [
        {"large": (9, 40, 1), "kernel": (3, 3), "stride": (1, 1), "padding": (1, 1)},  # 16 columns
        {"large": (30, 21, 1), "kernel": (5, 5), "stride": (2, 3), "padding": (2, 0), "out": 37},  # 32
        {"large": (20, 41, 3), "kernel": (4, 4), "stride": (2, 1), "padding": (3, 3), "out": 40},  # 48
        {"large": (11, 64, 4), "kernel": (4, 4), "stride": (4, 4), "padding": (0, 2), "out": 5},  # 64
        {"large": (13, 17, 2), "kernel": (2, 1), "stride": (3, 2), "padding": (0, 0)},  # rows that nothing reaches
        {"large": (4, 4, 1), "kernel": (2, 2), "stride": (1, 2), "padding": (3, 2)},  # padding above the kernel
    ],
    ids=["16", "32", "48", "64", "gaps", "padding"],
)
def test_few_channels(order, name, given, rng, launches):
    geometry = geometry_of_few(**given)
    for bias in (rng.standard_normal(geometry.large[2]).astype(np.float32), None):
        near(*fused(name, geometry, "to_large", bias, Activation("sigmoid"), rng))
    assert [kernel for kernel, _ in launches] == ["to_large_few"] * 2
