"""Every process collects the same tests: pytest-xdist refuses to run two that found different ones."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


def start_collecting(folder: Path, hash_seed: int) -> subprocess.Popen[str]:
    """A process that prints the names of all tests in their order. It works in a folder of its own."""
    folder.mkdir()
    surroundings = os.environ | {"PYTHONHASHSEED": str(hash_seed), "TMPDIR": str(folder)}
    surroundings.pop("PYTEST_ADDOPTS", None)
    # A plugin of the user's that shuffles tests would shuffle these differently.
    # Asserts are left as they are: to write them again is half of the time, and changes no name.
    plugins = ["-p", "no:cacheprovider", "-p", "no:randomly", "--assert=plain"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *plugins, str(TESTS)],
        env=surroundings,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def names_of(collecting: subprocess.Popen[str]) -> list[str]:
    output, _ = collecting.communicate(timeout=240)
    assert collecting.returncode == 0, output
    return [line for line in output.splitlines() if "::" in line]


def found_here(session: pytest.Session) -> list[str]:
    """The names that this process found, in their order; none where it was not asked for all tests as they come."""
    config = session.config
    left_out = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "failedfirst", "newfirst", "campaign")
    everything = [(config.rootpath / place).resolve() for place in config.args] == [TESTS]
    shuffled = config.pluginmanager.hasplugin("randomly")
    if not everything or shuffled or any(config.getoption(name, None) for name in left_out):
        return []
    return [item.nodeid for item in session.items]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[list[str]]:
    """The names that two processes found, started more than a second apart, with other hash seeds, in other folders.

    Where all tests are run, this process is one of the two.
    """
    folder = tmp_path_factory.mktemp("collected")
    here = found_here(request.session)
    started = []
    for hash_seed in (1,) if here else (1, 2):
        started.append(start_collecting(folder / str(hash_seed), hash_seed))
        time.sleep(1.1)  # headers of gzip and tar files hold whole seconds
    return [names_of(collecting) for collecting in started] + ([here] if here else [])


def test_two_processes_collect_the_same_tests_in_the_same_order(collected: list[list[str]]) -> None:
    one, other = collected
    assert len(one) > 1000
    assert sorted(set(one) ^ set(other)) == []
    assert one == other


def test_no_name_holds_a_folder_of_this_machine(collected: list[list[str]]) -> None:
    folders = {str(TESTS.parent), tempfile.gettempdir(), str(Path.home())} - {"/"}
    assert [name for name in collected[0] if any(folder in name for folder in folders)] == []
