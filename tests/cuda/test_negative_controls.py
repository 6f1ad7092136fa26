"""Gate 1 can fail: sources with one thing broken, each of which must be caught."""

import re

import near_zero
import numpy as np
import pytest
from comparing import BF16_WARPGROUPS, BF16_WARPS, FLOAT32, FLOAT64, WARPGROUPS, WARPS, compare
from on_host import ORDERS, HostKernelError, HostRawModule, threads_in_order

from gan_np import kernels
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case
from gan_np.kernels.cuda import launcher, product, source
from gan_np.testing import KernelError, check_kernel


@pytest.fixture
def orders(request):
    """The orders of threads in which a fault is looked for that shows in all of them: every day one of them is enough."""
    return ORDERS if request.config.getoption("--campaign") else ("shuffled",)


def caught(monkeypatch, name, change, operation, kernel="cuda", orders=ORDERS):
    """The orders of threads in which a source changed by `change` is found out by its operation's cases."""
    rewrite(monkeypatch, name, change)
    found = {order for order in orders if differs(operation, kernel, order)}
    restore(monkeypatch)
    return found


def caught_once(monkeypatch, name, change, operation, kernel="cuda"):
    """Whether one order of threads finds it out; the others are not tried then."""
    rewrite(monkeypatch, name, change)
    found = any(differs(operation, kernel, order) for order in ORDERS)
    restore(monkeypatch)
    return found


def differs(operation, kernel, order):
    """Whether one of an operation's cases fails with the sources as they are now."""
    try:
        with threads_in_order(order):
            for case in some_cases(operation):
                compare(case, kernel)
    except (KernelError, HostKernelError):
        return True
    return False


def rewrite(monkeypatch, name, change):
    """From now on the launcher reads this source changed by `change`."""
    text = source.read_source(name)
    broken = change(text)
    assert broken != text
    monkeypatch.setattr(launcher, "read_source", lambda asked: broken if asked == name else source.read_source(asked))
    launcher._module.cache_clear()
    launcher._function.cache_clear()


def restore(monkeypatch):
    """The sources as they are."""
    monkeypatch.undo()
    launcher._module.cache_clear()
    launcher._function.cache_clear()


LONG = {
    # Rows longer than a warp, so that what another warp sums is read; a ring of tiles that goes round.
    "layer_norm": kernels.case_of(kernels.RecordedProblem("layer_norm", kernels.Problem("cuda", FLOAT32, (2, 300)))),
    "dense": dense_case("deep", 3, 200, 5),
    # So deep that several threads share the partial results of a number.
    "split-K": dense_case("split", 9, 3000, 5),
    "few channels": conv2d_case("few", convolution_geometry(1, (20, 44, 3), 24, (4, 4), (2, 2), (1, 1))),
    # Tiles that begin in the middle of a row, go on over several rows and images, and hold several taps; aligned lines.
    "small images": conv2d_case("small images", convolution_geometry(30, (3, 5, 8), 12, (2, 3), (1, 2), (0, 1))),
    "groups": conv2d_case("groups", convolution_geometry(2, (3, 5, 8), 8, (3, 3), (1, 1), (1, 1), 2)),
    "odd columns": dense_case("odd columns", 5, 8, 13),
    # A ring of tiles that goes round in all three contractions, all of whose lines are aligned.
    "warpgroups": conv2d_case("deep", convolution_geometry(1, (27, 26, 40), 72, (4, 4), (2, 2), (1, 1))),
}


def to_small_alone(case):
    """A case of a convolution's forward contraction alone, for which one module is compiled instead of two."""

    def run(kernel, weight, large, small):
        plan = kernel.plan(case.geometry)
        return {"small": plan.to_small(plan.prepare_weight(weight), plan.prepare_large(large))}

    return case._replace(run=run)


LONG["warpgroups, forward"] = to_small_alone(LONG["warpgroups"])


def some_cases(operation):
    if operation in LONG:
        return [LONG[operation]]
    # Convolutions in groups have a source of their own.
    return [case for case in kernels.list_cases(operation) if case.geometry is None or case.geometry.groups == 1][-2:]


def nth(pattern, number, replacement=""):
    """A change: one match of a pattern replaced."""

    def change(text):
        match = list(re.finditer(pattern, text))[number]
        return text[: match.start()] + replacement + text[match.end() :]

    return change


def every(pattern, replacement=""):
    """A change: all matches of a pattern replaced, as in a header of which each branch has its copy."""
    return lambda text: re.sub(pattern, replacement, text)


BARRIER = r"__syncthreads\(\);"


@pytest.mark.parametrize(
    ("name", "number", "operation"),
    [
        ("dense.cu", 0, "dense"),
        ("convolution.cu", 0, "conv2d"),
        ("batch_norm.cu", 0, "batch_norm"),
        ("batch_norm.cu", 1, "batch_norm"),
        ("batch_norm.cu", 2, "batch_norm"),
        ("activation.cu", 0, "bias_activation"),
        ("layer_norm.cu", 0, "layer_norm"),
        ("layer_norm.cu", 1, "layer_norm"),
        ("few_channels.cu", 0, "few channels"),
        ("few_channels.cu", 1, "few channels"),
        ("few_channels.cu", 2, "few channels"),
        ("reduce_splits.cu", 0, "split-K"),
        ("reduce_splits.cu", 1, "split-K"),
        ("updates.cu", 0, "adam"),
        ("objective.cu", 0, "logistic"),
        ("objective.cu", 0, "accuracy"),
        ("scaled_sum.cu", 0, "scaled_sum"),
    ],
)
def test_every_barrier_is_needed(host_gpu, monkeypatch, name, number, operation):
    if name == "reduce_splits.cu":
        monkeypatch.setattr(product, "MULTIPROCESSORS", 0)  # one block, whose threads take several turns
    assert caught_once(monkeypatch, name, nth(BARRIER, number), operation)


@pytest.mark.parametrize(
    "change",
    [nth(r"return !skip \|\| \*skip == 0;", 0, "return true;"), nth(r"\*skip == 0;", 0, "*skip <= 0;")],
    ids=["a flag that nobody reads", "a flag below 0 that is not seen"],
)
@pytest.mark.parametrize("operation", ["sgd", "adam", "rmsprop", "average"])
def test_an_update_that_is_not_left_out(host_gpu, monkeypatch, change, operation):
    rewrite(monkeypatch, "updates.cu", change)
    with pytest.raises(KernelError, match="changed although skip is"):
        check_kernel(operation, "cuda", device="cuda")
    restore(monkeypatch)


@pytest.mark.parametrize(
    "change",
    [
        nth(r"x - x == 0", 0, "x == x"),
        nth(r"if \(\*flag\) return;", 0),
        nth(r"count - packs, ", 0, "0, "),
        nth(r"count / CHUNK \* CHUNK", 0, "count"),
    ],
    ids=["infinity", "the first look", "the rest", "more than there is"],
)
def test_looks_that_miss_something(host_gpu, monkeypatch, change):
    assert caught_once(monkeypatch, "watch.cu", change, "finite")


@pytest.mark.parametrize(
    "change",
    [
        nth(r"const int\*", 0, "const float*"),
        nth(r"CHOOSE\(11\)", 0),
        nth(r"if \(i >= count\) return;", 0),
    ],
    ids=["another type", "a number left out", "more than there are"],
)
def test_a_report_of_something_else(host_gpu, monkeypatch, orders, change):
    assert caught(monkeypatch, "report.cu", change, "report", orders=orders) == set(orders)


@pytest.mark.parametrize(
    "change",
    [
        nth(r"by_size\.quotient\(index\)", 0, "0"),
        nth(r"by_example\.quotient\(row\)", 0, "0"),
        nth(r"found\.factor \* ", 0),
        nth(r"pack\.at\[i\] \+= factor", 0, "pack.at[i] = factor"),
    ],
    ids=["another example's factor", "… in the total", "no factor in the total", "not added"],
)
def test_sums_of_other_examples(host_gpu, monkeypatch, orders, change):
    assert caught(monkeypatch, "scaled_sum.cu", change, "scaled_sum", orders=orders) == set(orders)


@pytest.mark.parametrize(
    "change",
    [
        nth(r"if \(first \+ r < g\.small_width\) ", 0),
        nth(r" && column < g\.large_width", 0),
        nth(r"\(j \+ r\) \* g\.small_channels", 0, "j * g.small_channels"),
        nth(r"begin \+ share", 0, "begin + share - 1"),
        nth(r"max\(0, divide_up\(g\.padding_width - v, g\.stride_width\)\)", 0, "0"),
    ],
    ids=["past the places of a row", "past the image", "one place for four", "a row left out", "before the image"],
)
def test_groups(host_gpu, monkeypatch, change):
    assert caught_once(monkeypatch, "grouped.cu", change, "groups")


def test_statistics_that_are_biased(host_gpu, monkeypatch, orders):
    assert caught(monkeypatch, "running.cu", nth(r" \* correction", 0), "running", orders=orders) == set(orders)


@pytest.mark.parametrize("kernel", [WARPS, BF16_WARPS])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_barrier_of_few_channels_is_needed_on_tensor_cores(host_gpu, monkeypatch, number, kernel):
    assert caught_once(monkeypatch, "few_channels.cu", nth(BARRIER, number), "few channels", kernel)


def test_the_barrier_of_a_transposition_is_needed(host_gpu, monkeypatch):
    assert caught_once(monkeypatch, "transpose.cu", nth(BARRIER, 0), "warpgroups", WARPGROUPS)


@pytest.mark.parametrize("kernel", [WARPGROUPS, BF16_WARPGROUPS])
@pytest.mark.parametrize(
    "change",
    [
        nth(BARRIER, 0),
        nth(r"wait_copies<STAGES - 2>\(\);", 0),
        nth(r"wait_copies<STAGES - 2>", 0, "wait_copies<STAGES - 1>"),
        nth(r"Sums::publish_copies\(\);", 0),
        nth(r"Sums::wait\(\);", 0),
        nth(r"begin_group\(\);", -1),
        nth(r"commit_group\(\);", -1),
        nth(r"fetch\(tile \+ STAGES - 1\);", 0, "fetch(tile + STAGES);"),
        nth(r"tile < STAGES - 1; ", 0, "tile < STAGES; "),
        nth(r"\^ line % 8", 0, "^ line % 4"),
        nth(r"row \* LINE_ELEMENTS \+ k : ", 0, "row * LINE_ELEMENTS : "),
    ],
    ids=[
        "no barrier", "no wait for copies", "waits for too few", "copies that are not published", "no wait for products",
        "no beginning", "no end", "the wrong tile", "a tile too far ahead", "another swizzle", "always the first step",
    ],
)  # fmt: skip
def test_warpgroups(host_gpu, monkeypatch, orders, change, kernel):
    case = "warpgroups" if len(orders) > 1 else "warpgroups, forward"
    assert caught(monkeypatch, "convolution.cu", change, case, kernel, orders=orders) == set(orders)


@pytest.mark.parametrize("kernel", ["cuda", WARPGROUPS, BF16_WARPS])
@pytest.mark.parametrize(
    "change",
    [
        nth(r", line\.offset \+= by\.row_end", 0),
        nth(r", line\.offset \+= by\.image_end", 0),
        nth(r", tap\.offset \+= \(g\.large_width - g\.kernel_width\) \* g\.large_channels", 0),
        nth(r"\+\+tap\.column < g\.kernel_width", 0, "++tap.column <= g.kernel_width"),
        nth(r"--tap\.column > -phase", 0, "--tap.column >= -phase"),
        nth(r"\+\+along\.s < phase", 0, "++along.s <= phase"),
        every(r"&& k \+ first_line \+ i \* STEP < operand\.lines\(\)"),
    ],
    ids=[
        "the next row", "the next image", "the next row of taps", "past a row of taps", "past what a pixel sees",
        "past a phase's taps", "lines that are not there",
    ],
)  # fmt: skip
def test_operands_that_move_on_wrongly(host_gpu, monkeypatch, orders, change, kernel):
    assert caught(monkeypatch, "convolution.cu", change, "small images", kernel, orders=orders) == set(orders)


def test_pairs_that_are_not_aligned(host_gpu, monkeypatch, orders):
    change = nth(r"bool paired = ", 0, "bool paired = true || ")
    assert caught(monkeypatch, "dense.cu", change, "odd columns", WARPS, orders=orders) == set(orders)


def test_rows_that_lie_over_others(host_gpu, monkeypatch, orders):
    """Lines of bf16 along the rows are 64 of them, and the next 64 follow after all steps of k."""
    change = nth(r"\* \(LINES \* LINE_ELEMENTS\) \+ swizzled", 0, "* LINE_ELEMENTS + swizzled")
    assert caught(monkeypatch, "convolution.cu", change, "warpgroups", BF16_WARPGROUPS, orders=orders) == set(orders)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nth(r"if \(bias_total\) .*", 0), "adding"),
        (nth(r"scale_total\[column\] \+=", 0, "scale_total[column] ="), "adding"),
        (
            nth(r"results\.dscale, dx", 0, "results.scale_total ? results.scale_total : results.dscale, dx"),
            "dx differs",
        ),
    ],
    ids=["not added", "overwritten", "dx from what was added up"],
)
def test_gradients_of_batch_normalisation_in_the_wrong_place(host_gpu, monkeypatch, change, message):
    rewrite(monkeypatch, "batch_norm.cu", change)
    with pytest.raises(KernelError, match=message):
        check_kernel("batch_norm", "cuda", device="cuda")
    restore(monkeypatch)


SIGN = r"affine\.z\(at\.x\.at\[i\], i\) > 0"
SUM = "(at.x.at[i] - affine.centre.at[i]) * affine.factor.at[i] + affine.shift.at[i]"


@pytest.mark.parametrize(
    "change",
    [
        nth(SIGN, 0, "affine.z(at.x.at[i], i) - affine.shift.at[i] > 0"),
        nth(SIGN, 0, "affine.z(at.x.at[i], i) >= 0"),
        nth(SIGN, 0, f"{SUM} > 0"),
        nth(r"if \(FROM_Y\) return", 0, "if (true) return"),
    ],
    ids=["no bias", "0 counts as above", "rounded twice", "from y, which is not there"],
)
@pytest.mark.parametrize("dtype", [FLOAT32, pytest.param(FLOAT64, marks=pytest.mark.campaign)])
def test_a_sign_that_is_not_that_of_forward(host_gpu, monkeypatch, change, dtype):
    given = near_zero.batch("leaky_relu", dtype, True, True)
    expected = near_zero.gradients_from_y(given, monkeypatch)
    rewrite(monkeypatch, "batch_norm.cu", change)
    found = near_zero.gradients(given)
    restore(monkeypatch)
    assert any((left != right).any() for left, right in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        nth(r"width - 1 - 2 \* column", 0, "width - 2 * column"),
        nth(r"index \? index\[number\] : number", 0, "number"),
        nth(r"mirrored && mirrored\[number\]", 0, "false"),
        nth(r"low \+ ", 1, ""),
        nth(r"\(first \+ i\)", 0, "(first)"),
        nth(r"chosen \* size", 0, "chosen * size + 1"),
        nth(r"x \+ number \* size", 0, "x"),
    ],
    ids=["mirrored past the end", "not chosen", "not mirrored", "no lowest", "one byte", "another byte", "one image"],
)
def test_pictures(host_gpu, monkeypatch, change):
    assert caught_once(monkeypatch, "real_images.cu", change, "images")


def test_the_list_of_barriers_is_complete():
    barriers = {name: len(re.findall(BARRIER, source.read_source(name))) for name in source.sources()}
    assert {name: count for name, count in barriers.items() if count} == {
        "dense.cu": 1, "convolution.cu": 1, "batch_norm.cu": 3, "activation.cu": 1, "layer_norm.cu": 2, "updates.cu": 1,
        "objective.cu": 1, "few_channels.cu": 3, "reduce_splits.cu": 2, "scaled_sum.cu": 1,
        "transpose.cu": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kernel"),
    [
        (nth(r"wait_copies<STAGES - 2>\(\);", 0), "cuda"),
        (nth(r"wait_copies<STAGES - 2>", 0, "wait_copies<STAGES - 1>"), "cuda"),
        (nth(r"wait_copies<STAGES - 2>", 0, "wait_copies<STAGES - 1>"), WARPS),
        (nth(r" stage = stage \+ STAGE < end [^;]*;", 0), BF16_WARPS),
    ],
    ids=["no wait", "waits for too few", "waits for too few of three", "the wrong stage"],
)
def test_the_ring_of_tiles(host_gpu, monkeypatch, orders, change, kernel):
    assert caught(monkeypatch, "dense.cu", change, "dense", kernel, orders=orders) == set(orders)


SMALL = """
extern "C" __global__ void __launch_bounds__(64) kernel(const float* x, float* y, int n) {
    DYNAMIC_SHARED(float, dynamic);
    __shared__ float fixed[64];
    int i = threadIdx.x;
    %s
}
"""


def run(code, *, x=64, y=64, shared=256, order="forward"):
    """One block of 64 threads of SMALL with `code` in it."""

    class Vector:  # what the loader asks of an array
        def __init__(self, values):
            self.values, self.dtype, self.nbytes, self.flags = values, values.dtype, values.nbytes, values.flags
            self.data = type("Pointer", (), {"ptr": values.ctypes.data})

    arrays = np.ones(x, np.float32), np.zeros(y, np.float32)
    with threads_in_order(order):
        kernel = HostRawModule(code=SMALL % code).get_function("kernel")
        kernel((1,), (64,), (*map(Vector, arrays), np.int32(64)), shared_mem=shared)
    return arrays[1]


def test_nothing_wrong(host_gpu):
    code = "fixed[i] = x[i]; __syncthreads(); dynamic[63 - i] = fixed[63 - i]; __syncthreads(); y[i] = dynamic[i] + i;"
    for order in ORDERS:
        np.testing.assert_array_equal(run(code, order=order), np.arange(64) + 1)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("y[i] = x[i + 1];", "reads 4 bytes, 0 past the end of argument 0"),
        ("y[i + 8] = x[i];", "writes 4 bytes, 0 past the end of argument 1"),
        ("y[i] = x[i - 1];", "reads 4 bytes outside its arrays"),
        ("const float* nothing = n > 64 ? x : nullptr; y[i] = nothing[i];", "reads 4 bytes outside its arrays"),
        ("fixed[i + n / 2] = 1; y[i] = fixed[i];", "index 64 lies outside the array"),
        ("dynamic[i + 1] = 1; y[i] = dynamic[i];", "writes 4 bytes, 0 past the end of shared memory"),
        ("struct __align__(16) Four { float at[4]; }; y[i] = ((const Four*)(x + i / 2))->at[0];", "is not aligned"),
        ("copy_async<16>(dynamic + i / 2, x, true);", "a copy of 16 bytes is not aligned"),
        ("copy_async<4>(dynamic + i, x + i + 1, true);", "copies 4 bytes, 0 past the end of argument 0"),
        ("if (i == 7) return; __syncthreads();", "a barrier is waited for, but thread 7 has returned"),
        ("if (i < 32) __syncthreads(); else __syncthreads();", "threads wait at different barriers"),
        ("y[i] = __shfl_xor_sync(0xFFFFu, x[i], 1);", "its lane 16 is not in the mask 0xffff"),
        ("if (i % 32 < 16) y[i] = __shfl_down_sync(0xFFFFu, x[i], 4);", "reads lane 16, which is not in the mask"),
        ("if (i == 3) return; y[i] = __shfl_xor_sync(~0u, x[i], 1);", "waits for lane 3, which has returned"),
        ("if (i == 3) __syncthreads(); else y[i] = __shfl_xor_sync(~0u, x[i], 1);", "waits for lanes that never come"),
    ],
)
def test_refused(host_gpu, code, message):
    with pytest.raises(HostKernelError, match=message):
        run(code)


@pytest.mark.parametrize("memory", ["fixed", "dynamic"])
def test_shared_memory_holds_nothing_at_first(host_gpu, memory):
    assert np.isnan(run(f"y[i] = {memory}[i];")).all()


def test_a_warp_that_runs_ahead(host_gpu):
    """Shared memory that is written again before all have read it."""
    code = (
        "fixed[i] = i; __syncthreads(); y[i] = fixed[63 - i]; "
        "fixed[i] = __shfl_xor_sync(~0u, x[i], 1); __syncthreads();"
    )
    right = np.arange(64)[::-1]
    results = {order: run(code, order=order) for order in ORDERS}
    assert all((results[order] != right).any() for order in ("forward", "reversed"))
