"""`python -m benchmarks memory` and `cold_start`: what fresh processes say of themselves."""

import mmap
import sys

import pytest

from benchmarks import children

needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")


@needs_proc
def test_memory_of_gan_np_alone(measured, tmp_path):
    image = tmp_path / "memory.png"
    code, result, printed = measured("memory", "--quick", "--peer", "none", "--plot", str(image))
    assert code == 0
    (row,) = result["rows"]
    mib = {name.removesuffix("_mib"): value["median"] for name, value in row.items() if name.endswith("_mib")}
    assert mib["imported"] > 20
    assert mib["peak"] == pytest.approx(mib["imported"] + mib["above_imports"])
    # Two players of width 8 with moments and gradients, 24 MiB of images, and what compiled kernels bring.
    assert 24 < mib["above_imports"] < 500
    assert 0 < mib["traced_peak"] < mib["above_imports"]
    assert row["gan_np_over_it"]["median"] == 1.0
    assert result["setup"]["image_shape"] == [64, 64, 3]
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "above imports" in printed


@needs_proc
def test_memory_beside_pytorch(measured):
    pytest.importorskip("torch")
    code, result, printed = measured("memory", "--quick")
    assert code == 0
    ours, theirs = result["rows"]
    assert theirs["least_peer"]
    assert theirs["imported_mib"]["median"] > ours["imported_mib"]["median"]
    ratio = ours["above_imports_mib"]["median"] / theirs["above_imports_mib"]["median"]
    assert theirs["gan_np_over_it"]["median"] == pytest.approx(ratio)
    (agreement,) = result["agreements"]
    assert agreement["holds"]
    assert agreement["dtype"] == "float64"
    assert "agrees in float64" in printed


@needs_proc
def test_memory_that_is_taken_is_seen():
    from benchmarks.memory_child import peak_resident, resident

    before, size = resident(), 64 << 20
    with mmap.mmap(-1, size) as taken:
        for page in range(0, size, mmap.PAGESIZE):
            taken[page] = 1
        assert resident() - before > 0.9 * size
    # The peak stays when the memory is gone. (The kernel counts pages in lots, so both are good to some tens of KiB.)
    assert resident() - before < 0.5 * size
    assert peak_resident() - before > 0.9 * size


@pytest.mark.campaign
def test_cold_start_of_gan_np_alone(measured, tmp_path):
    image = tmp_path / "start.png"
    code, result, printed = measured("cold_start", "--quick", "--peer", "none", "--plot", str(image))
    assert code == 0
    assert result["same_losses"]
    assert [row["candidate"] for row in result["rows"]] == [
        "gan_np, empty cache",
        "gan_np, cache of an earlier process",
    ]
    for row in result["rows"]:
        parts = [row[part]["median"] for part in ("interpreter", "import", "build", "first_step")]
        assert min(parts) > 0
        assert row["to_first_step"]["median"] == pytest.approx(sum(parts))
        assert row["processes"] == 1
    assert {"GAN_NP_CACHE", "NUMBA_CACHE_DIR"} <= set(result["cache_variables"])
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "later step" in printed


def test_cold_start_beside_pytorch(measured):
    pytest.importorskip("torch")
    code, result, _ = measured("cold_start", "--quick", "--preset", "points")
    assert code == 0
    assert result["rows"][2]["candidate"] == "torch, fused Adam"
    assert result["agreements"][0]["holds"]


def test_each_round_has_an_empty_cache_and_then_the_same_one_filled(measured, monkeypatch):
    seen = []

    def ask(module, request, environment):
        from pathlib import Path

        folder = Path(environment["MY_CACHE"])
        seen.append((folder, [file.name for file in folder.iterdir()]))
        (folder / "compiled").write_bytes(b"12345678")
        parts = dict.fromkeys(("interpreter", "import", "build", "first_step", "later_step"), 1.0)
        return {**parts, "to_first_step": 4.0, "losses": [[float(len(seen)), 0.0]], "compiler": True}

    monkeypatch.setattr(children, "ask", ask)
    arguments = ("--quick", "--peer", "none", "--repeats", "2", "--cache-variables", "MY_CACHE")
    code, result, printed = measured("cold_start", *arguments)
    assert [files for _, files in seen] == [[], ["compiled"]] * 2
    assert seen[0][0] == seen[1][0] != seen[2][0] == seen[3][0]
    assert result["rows"][0]["cached_files"] == 1
    # Losses that differ between the two starts are not passed over.
    assert code == 1
    assert "DISAGREE" in printed


def test_a_cache_that_lies_elsewhere_is_no_cold_start(measured, monkeypatch):
    parts = dict.fromkeys(("interpreter", "import", "build", "first_step", "later_step", "to_first_step"), 1.0)
    answer = {**parts, "losses": [[1.0, 1.0]], "compiler": True}
    monkeypatch.setattr(children, "ask", lambda module, request, environment: answer)
    code, _, printed = measured("cold_start", "--quick", "--peer", "none")
    assert code == 1
    assert "no start was cold" in printed


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match=r"start_child ended with 1[\s\S]*KeyError"):
        children.ask("start_child", {"side": "gan_np"}, {})


def test_a_process_has_the_threads_that_it_was_given():
    from benchmarks.machine import THREAD_VARIABLES, thread_environment

    assert set(thread_environment(3)) == set(THREAD_VARIABLES)
    assert set(thread_environment(3).values()) == {"3"}


def test_default_threads_are_what_the_variables_allow(monkeypatch):
    from benchmarks import machine

    monkeypatch.setattr(machine, "cores", lambda: 8)
    for name in machine.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert machine.default_threads(quick=False) == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setenv("GAN_NP_NUM_THREADS", "3")
    assert machine.default_threads(quick=False) == 3
