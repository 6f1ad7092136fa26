"""The page as one file: what is in it, and that nothing else is needed."""

import base64
import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

import gan_np as gn
from gan_np.cli import app
from gan_np.explore.standalone import write_page


def part(text: str, name: str) -> str:
    found = re.search(rf'<script id="{name}" type="[a-z/]+">(.*?)</script>', text, re.S)
    assert found is not None
    return found[1]


def test_the_model_in_the_file_draws_the_samples(runs: dict[str, Path], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(runs["conditional"]), "--to", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "page.html").read_text()
    kept = json.loads(part(text, "kept"))
    session = onnxruntime.InferenceSession(gzip.decompress(base64.b64decode(part(text, "model"))))
    z = np.array(kept["points"]["z"][:4], np.float32)
    (made,) = session.run(["image"], {"z": z, "label": np.array(kept["points"]["labels"][:4], np.int64)})
    drawn = np.rint(255 * (made - kept["low"]) / (kept["high"] - kept["low"]))
    expected = np.concatenate(list(gn.load(runs["conditional"]).of_seeds(range(4))))
    assert np.abs(drawn - expected).max() <= 1
    assert [factor["id"] for factor in kept["factors"]][:1] == ["principal:0"]
    assert gzip.decompress(base64.b64decode(part(text, "wasm")))[:4] == b"\0asm"
    assert "Copyright (c) Microsoft Corporation" in text


def test_nothing_in_the_file_is_fetched_and_no_text_ends_a_script(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["dcgan"], tmp_path / "run")
    gn.latent.keep_directions(tmp_path / "run", [gn.latent.Direction("</script><b>", np.ones(3))])
    text = write_page(tmp_path / "run", tmp_path / "page.html").read_text()
    assert "connect-src" not in text
    assert "default-src 'none'" in text
    assert text.count("</script>") == 4
    assert not re.search(r'(src|href)="', text)
    assert json.loads(part(text, "kept"))["factors"][0]["id"] == "</script><b>"


def test_the_finer_levels_of_a_lapgan_have_their_noise_in_the_file(runs: dict[str, Path], tmp_path: Path) -> None:
    text = write_page(runs["lapgan"], tmp_path / "page.html").read_text()
    kept = json.loads(part(text, "kept"))
    session = onnxruntime.InferenceSession(gzip.decompress(base64.b64decode(part(text, "model"))))
    z = np.array(kept["points"]["z"][:2], np.float32)
    noises = {name: np.array([noise] * 2, np.float32) for name, noise in kept["noises"].items()}
    (made,) = session.run(["image"], {"z": z, **noises})
    drawn = np.clip(np.rint(255 * (made - kept["low"]) / (kept["high"] - kept["low"])), 0, 255)
    assert np.abs(drawn - gn.load(runs["lapgan"]).decode(z).astype(int)).max() <= 1


def test_vectors_have_no_page(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="images are needed"):
        write_page(runs["ring"], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_options_of_other_files_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    for option in (["--layout", "nchw"], ["--dtype", "float16"], ["--network", "generator"], ["--fold"]):
        done = CliRunner().invoke(app, ["export", str(runs["dcgan"]), "--to", str(tmp_path / "page.html"), *option])
        assert done.exit_code == 2
