"""The command, the description of the machine, and loading a person's own code."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import machine, user_code
from benchmarks.__main__ import BENCHMARKS, main


def test_without_a_name_it_lists_the_benchmarks(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed and line in printed for name, line in BENCHMARKS.items())


def test_an_unknown_name_proposes_the_nearest(capsys):
    assert main(["kernel"]) == 2
    assert "did you mean 'kernels'" in capsys.readouterr().err


def test_it_runs_as_a_module(pytestconfig):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], cwd=pytestconfig.rootpath, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "train_step" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kernels", "--operation", "con2d"], "did you mean 'conv2d'"),
        (["kernels", "--operation", "conv2d", "--kernels", "nobody"], "none called 'nobody'"),
        (["kernels", "--operation", "conv2d", "--shape", "1,8,8,3"], "out-channels"),
        (["kernels", "--operation", "adam", "--shape", "1,8,8,3", "--out-channels", "2"], "expected N,height"),
        (["kernels", "--shape", "1,8,8,3", "--out-channels", "2"], "one --operation"),
        (["kernels", "--operation", "conv2d", "--shape", "1,1,1,3", "--out-channels", "2"], "does not fit"),
        (["kernels", "--import", "nowhere.py"], "no file 'nowhere.py'"),
        (["train_step", "--image-shape", "8,8"], "height,width,channels"),
        (["train_step", "--image-shape", "4,4,1"], "expected sides from 8"),
    ],
)
def test_wrong_options_say_what_was_expected(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_plot_that_cannot_be_drawn_is_refused_beforehand(name, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(SystemExit):
        main([name, "--quick", "--plot", "x.png", *(["--out", "x"] if name == "equal_minutes" else [])])
    assert "needs matplotlib" in capsys.readouterr().err


def test_machine_says_what_a_reader_needs_and_nothing_private():
    found = machine.describe()
    assert found["cores"] >= 1
    assert found["libraries"]["numpy"]
    assert found["blas"][0]["name"]
    line = machine.one_line(found)
    assert f"{found['cores']} cores" in line
    assert "/" not in "".join(map(str, found["blas"])).replace("n/a", "")


def test_threads_are_held_and_given_back():
    pytest.importorskip("threadpoolctl")
    before = machine.blas()
    with machine.threads(1):
        assert {library["threads"] for library in machine.blas()} == {1}
    assert machine.blas() == before


def test_our_own_kernels_are_held_too(monkeypatch):
    pytest.importorskip("threadpoolctl")
    held = []

    class Threads:
        @staticmethod
        @contextlib.contextmanager
        def held_to(count):
            held.append(count)
            yield
            held.append(None)

    monkeypatch.setattr(machine.kernels, "threads", Threads, raising=False)
    with machine.threads(1):
        assert held == [1]
    with machine.threads(machine.cores()):
        pass
    assert held == [1, None, machine.cores(), None]


def test_threads_that_numba_started_are_held_and_no_others_are_started():
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numba")
    code = (
        "import sys, numba; from benchmarks import machine; from numba.np.ufunc import parallel\n"
        "with machine.threads(1): print(parallel._is_initialized)\n"
        "before = numba.get_num_threads()\n"
        "with machine.threads(1): print(numba.get_num_threads())\n"
        "print(numba.get_num_threads() == before)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "1", "True"], done.stderr


def test_own_code_is_loaded_by_file_or_by_module_name(tmp_path, monkeypatch):
    file = tmp_path / "gan_np_own_code.py"
    file.write_text("import builtins\nbuiltins.gan_np_loads = getattr(builtins, 'gan_np_loads', 0) + 1\n")
    import builtins

    monkeypatch.setattr(builtins, "gan_np_loads", 0, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    user_code.load(str(file))
    user_code.load("gan_np_own_code")
    assert builtins.gan_np_loads == 2
    for name in ("gan_np_own_code", "benchmarks_user_gan_np_own_code"):
        del sys.modules[name]
