"""Gate 2: every CUDA kernel compiles for the targets, within a block's registers and shared memory, and spills nothing."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cubins
import pytest

from gan_np.kernels.cuda import product

for _package in ("cuda.core", "cuda.bindings.nvrtc"):
    pytest.importorskip(_package, reason="the packages of the extra cuda-gates are missing", exc_type=ImportError)

MOST_SHARED = {"sm_80": 163 << 10, "sm_90": 227 << 10}


def every_pair():
    """All modules; what is compiled for Hopper is compiled for Ampere, too, in --campaign alone."""
    left_to_campaign = pytest.mark.campaign
    for variant, target in cubins.pairs():
        yield pytest.param(variant, target, marks=[] if target == "sm_90" else [left_to_campaign])


@pytest.fixture(scope="module", autouse=True)
def compiled_beforehand(request):
    """By as many processes as there are cores; the tests read what was kept."""
    campaign = request.config.getoption("--campaign")
    pairs = [
        (item.callspec.params["variant"], item.callspec.params["target"])
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
        if campaign or item.get_closest_marker("campaign") is None
    ]
    if len(pairs) > 1:
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            for _ in pool.map(cubins.keep, *zip(*pairs, strict=True), chunksize=4):
                pass


def check(kernels, target):
    for kernel in kernels:
        assert kernel.spilled == 0, kernel
        assert kernel.stack == 0, f"a local array that is indexed at run time: {kernel}"
        assert kernel.registers <= 255, kernel
        assert kernel.static_shared <= 48 << 10, kernel
        assert kernel.static_shared + kernel.dynamic_shared <= MOST_SHARED[target], kernel


@pytest.mark.parametrize(
    ("variant", "target"),
    list(every_pair()),
    ids=lambda value: value if isinstance(value, str) else f"{value.source} {value.real} {value.label}".strip(),
)
def test_compiles_and_spills_nothing(variant, target):
    kernels = cubins.compiled(variant, target)
    assert sorted(kernel.name for kernel in kernels) == sorted(variant.used or cubins.expected(variant.source))
    check(kernels, target)
    if variant.instruction not in product.WGMMA:  # for Ampere, too, which has less shared memory
        check(kernels, "sm_80")


def test_what_is_compiled():
    """Every source; Hopper's warpgroups for convolution on Hopper alone, under the name that has them."""
    pairs = list(cubins.pairs())
    assert {variant.source for variant, _ in pairs} == set(cubins.source.sources())
    by_wgmma = [(variant, target) for variant, target in pairs if variant.instruction in product.WGMMA]
    assert {(variant.source, target) for variant, target in by_wgmma} == {("convolution.cu", "sm_90")}
    assert {cubins.architecture(*pair) for pair in by_wgmma} == {"sm_90a"}
    for instruction in product.WGMMA:
        kernels = [name for variant, _ in by_wgmma if variant.instruction == instruction for name in variant.used]
        assert sorted(kernels) == sorted(3 * ["to_small", "to_large", "to_weight"])


def test_a_spill_is_seen(monkeypatch):
    """A kernel that keeps more numbers than there are registers."""
    code = """
    extern "C" __global__ void __launch_bounds__(1024) greedy(float* x, int n) {
        float kept[100];
#pragma unroll
        for (int i = 0; i < 100; ++i) kept[i] = x[i * n + threadIdx.x];
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 100; ++i) x[i * n + threadIdx.x] = kept[i] * kept[(7 * i + 3) % 100];
    }
    """
    monkeypatch.setattr(cubins.source, "read_source", lambda name: code)
    (kernel,) = cubins.compiled(cubins.Variant("greedy.cu", "float", "", {}), "sm_90")
    assert kernel.spilled > 0
    with pytest.raises(AssertionError, match="greedy"):
        check([kernel], "sm_90")


def test_what_does_not_compile_is_an_error(monkeypatch):
    monkeypatch.setattr(cubins.source, "read_source", lambda name: "__global__ void k() { undeclared(); }")
    with pytest.raises(Exception, match=r"undeclared"):
        cubins.compiled(cubins.Variant("wrong.cu", "float", "", {}), "sm_80")


def test_the_page_has_a_line_for_every_module():
    """So that a table which was made before a change of the sources' variants is found."""
    page = (Path(__file__).parents[2] / "docs" / "cuda-kernels.md").read_text(encoding="utf-8")
    lines = {
        tuple(cell.strip() for cell in line.split("|")[1:4]) for line in page.splitlines() if line.startswith("| ")
    }
    missing = {variant[:3] for variant in cubins.variants()} - lines
    assert missing == set()
