"""The launcher: what it refuses before anything runs, and how sources are put together."""

import re

import numpy as np
import pytest

from gan_np import kernels
from gan_np.arrays import to_device
from gan_np.kernels.cuda import launcher, source
from gan_np.kernels.cuda.launcher import launch

FLOAT32 = np.dtype(np.float32)
AVERAGE = "updates.cu", "average", (1,), (256,)


def arguments(mean, values, count=None):
    return mean, values, values.size if count is None else count, None, None, np.float64(0.5)


@pytest.fixture
def vectors(host_gpu):
    return [to_device(np.ones(8, np.float32), "cuda") for _ in range(2)]


def test_runs(vectors):
    launch(*AVERAGE, arguments(*vectors), dtype=FLOAT32)


def test_another_dtype(vectors):
    wrong = to_device(np.ones(8), "cuda")
    with pytest.raises(TypeError, match=r"updates.cu: average: argument 1: expected an array of float32, got float64"):
        launch(*AVERAGE, arguments(vectors[0], wrong), dtype=FLOAT32)


def test_gaps(vectors):
    wrong = to_device(np.ones(16, np.float32), "cuda")[::2]
    with pytest.raises(ValueError, match=r"argument 1: expected a C-contiguous array, got strides \(8,\)"):
        launch(*AVERAGE, arguments(vectors[0], wrong), dtype=FLOAT32)


def test_an_array_of_another_library(vectors):
    with pytest.raises(TypeError, match="argument 1: expected an array as the first one"):
        launch(*AVERAGE, arguments(vectors[0], np.ones(8, np.float32)), dtype=FLOAT32)


def test_another_device(vectors):
    vectors[1].device = type("Device", (), {"id": 1})()
    with pytest.raises(TypeError, match="argument 1: lies on cuda:1, the first array on cuda:0"):
        launch(*AVERAGE, arguments(*vectors), dtype=FLOAT32)


def test_too_long(vectors, monkeypatch):
    monkeypatch.setattr(launcher, "LARGEST", 7)
    with pytest.raises(ValueError, match="argument 0: 8 numbers are more than kernels can index, 7"):
        launch(*AVERAGE, arguments(*vectors), dtype=FLOAT32)


def test_an_integer_beyond_32_bits(vectors):
    with pytest.raises(ValueError, match="argument 2: 2147483648 does not fit in 32 bits"):
        launch(*AVERAGE, arguments(*vectors, count=1 << 31), dtype=FLOAT32)


def test_a_source_that_does_not_compile(vectors):
    class CompileException(Exception):
        pass

    class Module:
        def __init__(self, **options):
            pass

        def get_function(self, name):
            raise CompileException("updates.cu(3): error: expected a ;")

    fake = type("xp", (), {"RawModule": Module})
    with pytest.raises(RuntimeError, match=r"updates.cu for float32 TILE=4 does not compile here:\nupdates.cu\(3\)"):
        launcher._function(fake, "updates.cu", "average", FLOAT32, (("TILE", 4),), 0)


def test_a_moment_that_is_no_vector_of_its_own(vectors):
    gaps = to_device(np.ones(16, np.float32), "cuda")[::2]
    with pytest.raises(ValueError, match="argument 2: expected a C-contiguous array"):
        kernels.entry("sgd", "cuda").implementation.step(*vectors, gaps, 0.1, 0.9, False)


def test_a_scalar_of_another_kind(vectors):
    rate = to_device(np.ones(1, np.float32), "cuda")
    with pytest.raises(TypeError, match="learning_rate: on the device, expected 1 number of float64, got 1 of float32"):
        kernels.entry("sgd", "cuda").implementation.step(*vectors, None, rate, 0.0, False)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (kernels.Problem("cpu", FLOAT32, (3,)), "for arrays on a GPU"),
        (kernels.Problem("cuda", np.dtype(np.float16), (3,)), "no float16"),
        (kernels.Problem("cuda", FLOAT32, (0, 3)), "an array is empty"),
        (kernels.Problem("cuda", FLOAT32, (1 << 16, 1 << 15)), "more than"),
    ],
)
def test_what_is_not_supported(problem, reason):
    assert reason in kernels.entry("adam", "cuda").supports(problem)
    with pytest.raises(ValueError, match=reason), kernels.use_kernels(adam="cuda"):
        kernels.select("adam", problem)


def test_tensor_cores_are_used_where_they_are_named_alone():
    problem = kernels.list_cases("conv2d")[0].problem(FLOAT32, "cuda")
    assert kernels.choose("conv2d", problem).name == "cuda"
    for name in ("cuda_tf32", "cuda_bf16"):
        with kernels.use_kernels(conv2d=name):
            assert kernels.choose("conv2d", problem).name == name
        assert "round float32" in kernels.entry("conv2d", name).supports(problem._replace(dtype=np.dtype(np.float64)))


def test_sources_name_their_headers_lines():
    text = source.read_source("convolution.cu")
    assert "#include" not in text
    lines = source.resources.files("gan_np.kernels.cuda") / "sources" / "convolution.cu"
    own = lines.read_text(encoding="utf-8").splitlines()
    number, rest = re.findall(r'#line (\d+) "convolution.cu"\n(.*)', text)[-1]
    assert own[int(number) - 1] == rest
