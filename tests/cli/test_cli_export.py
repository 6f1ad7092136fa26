"""`gan-np export`: files that are whole, and one line where they cannot be."""

import json
import sys
from pathlib import Path

import pytest
from command_line import gan_np

import gan_np as gn


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "gan.safetensors"
    return gn.save(gn.models.conditional_dcgan((8, 8, 1), 3, classes=2, width=2), path)


def test_onnx(tmp_path: Path, model: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="export to ONNX needs the package onnx")
    done = gan_np("export", model, "--to", tmp_path / "d.onnx", "--network", "discriminator", "--layout", "nhwc")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'd.onnx'}\n")
    made = onnx.load(tmp_path / "d.onnx")
    about = {one.key: one.value for one in made.metadata_props}
    assert about["network"] == "discriminator"
    assert about["layout"] == "NHWC"
    assert json.loads(about["class_names"]) == ["0", "1"]


def test_pytorch(tmp_path: Path, model: Path) -> None:
    done = gan_np("export", model, "--to", tmp_path / "g.safetensors", "--layout", "torch", "--fold")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'g.safetensors'} and {tmp_path / 'g.py'}\n")
    assert "BatchNorm" not in (tmp_path / "g.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--to", "g.pb"], 2, "ends in .onnx, in .html, or in .safetensors for PyTorch"),
        (["--to", "g.foo"], 2, "with --layout torch, which writes a .py file beside it), got 'g.foo'"),
        (["--to", "g.safetensors"], 2, "expected 'torch' for a .safetensors file"),
        (["--to", "g.onnx", "--layout", "torch"], 2, "expected one of 'nchw', 'nhwc', got 'torch'"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path, model: Path, arguments: list[str], code: int, words: str
) -> None:
    done = gan_np("export", model, *arguments)
    assert done.returncode == code
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert not Path(arguments[1]).exists()


def test_a_missing_extra_is_one_line(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = gan_np("export", model, "--to", tmp_path / "g.onnx")
    assert done.returncode == 1
    assert done.stderr == ('gan-np: to: writing ONNX needs the package onnx: python -m pip install "gan_np[onnx]"\n')
    assert list(tmp_path.iterdir()) == []


def test_a_network_file_has_no_discriminator(tmp_path: Path) -> None:
    path = gn.save(gn.Network(gn.Dense(2), (3,)), tmp_path / "network.safetensors")
    done = gan_np("export", path, "--to", tmp_path / "n.onnx", "--network", "discriminator")
    assert done.returncode == 2
    assert "only a GAN has a discriminator" in " ".join(done.stderr.replace("│", " ").split())
