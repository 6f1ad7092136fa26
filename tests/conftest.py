"""What all tests share: seeded generators, the rule for tests that need a GPU, kernels planted for one test."""

import contextlib
import functools
import itertools
import os
import zlib
from pathlib import Path

# Before NumPy is imported, and for all child processes: the tests already run in as many processes as there are cores, and
# threads of BLAS that wait for each other there took several times as long as small products themselves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

from gan_np import arrays, folders, kernels


def pytest_addoption(parser):
    parser.addoption(
        "--require-gpu",
        action="store_true",
        help="tests marked gpu fail, instead of being skipped, where there is no CuPy or no GPU",
    )
    parser.addoption(
        "--pretend-gpu",
        action="store_true",
        help="run tests marked gpu on the stand-in for CuPy (tests/standin): shows that they are ready, measures nothing",
    )
    parser.addoption(
        "--campaign",
        type=int,
        default=0,
        metavar="N",
        help="run the campaigns (kills, mutated files) N times as long; 0 is the short form for every day",
    )


def pytest_configure(config):
    if config.getoption("--pretend-gpu"):
        from standin.install import for_ever

        for_ever()


@functools.cache
def missing_gpu():
    """Why tests on a GPU cannot run here, or None."""
    try:
        arrays.module_of_device("cuda")
    except RuntimeError as error:
        return str(error)
    return None


def pytest_runtest_setup(item):
    if item.get_closest_marker("campaign") is not None and not item.config.getoption("--campaign"):
        pytest.skip("left to --campaign")
    if item.get_closest_marker("gpu") is None:
        return
    reason = missing_gpu()
    if reason is None:
        return
    if item.config.getoption("--require-gpu"):
        pytest.fail(f"--require-gpu: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def cache_of_one_s_own(tmp_path_factory):
    """No test reads or fills the user's cache of decoded images. Compiled kernels are found and kept in its folder.

    That is named after all their sources, so none is older than the code; compiling them all takes minutes.
    """
    cache = tmp_path_factory.mktemp("cache")
    with contextlib.suppress(RuntimeError, OSError):  # no home, or none that can be written to
        named = os.environ.get(folders.VARIABLE)
        compiled = (Path(named).expanduser() if named else folders.users_cache()) / "kernels"
        compiled.mkdir(parents=True, exist_ok=True)
        (cache / "kernels").symlink_to(compiled, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(folders.VARIABLE, str(cache))
        yield


ONE_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550"
    "000000a49444154789c63f80f0001010100b138f6140000000049454e44ae426082"
)
"""A PNG."""


@pytest.fixture(autouse=True, scope="session")
def plots_of_one_pixel():
    """Curves of a training are not drawn, which takes Matplotlib three times as long as the few steps of a test's training.

    Their figures are made all the same. A test of what is drawn asks for `plots_drawn`; other processes draw in any case.
    """
    from gan_np.runs import plots  # here, since this file is also run away from its folder

    drawing = plots._png
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_png", lambda figure: ONE_PIXEL)
        yield drawing


@pytest.fixture
def plots_drawn(plots_of_one_pixel, monkeypatch):
    """Curves are drawn as users see them."""
    from gan_np.runs import plots

    monkeypatch.setattr(plots, "_png", plots_of_one_pixel)


@pytest.fixture
def rng(request):
    """A generator seeded by the test's name, parameters included: the same in every process."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture
def plant():
    """Register a kernel for the length of one test: plant(operation, implementation, **options) gives its name."""
    planted, numbers = [], itertools.count()

    def register(operation, implementation, **options):
        name = f"planted_{next(numbers)}"
        # All that a reference can do; these ask for methods that it has not, or promise what it does not keep.
        not_its = {"recomputes", "backward_in_place", "slope_from_input", "signs"}
        features = sorted(set(kernels.FEATURES) - not_its)
        kernels.register_kernel(operation, name, implementation, **{"features": features, **options})
        planted.append((operation, name))
        return name

    yield register
    for operation, name in planted:
        kernels.unregister_kernel(operation, name)


@pytest.fixture
def standin(monkeypatch):
    """A pretended machine with two GPUs in place of CuPy; afterwards, whatever wrote outside its memory is reported."""
    from standin import install  # here, since this file is also run away from its folder

    world = install(monkeypatch)
    yield world
    assert not world.damage, world.damage
