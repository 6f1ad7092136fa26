"""The page as one file: what is in it, and which models have none."""

import base64
import gzip
import json
import re
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
    run = tmp_path / "</script><script>"
    run.parent.mkdir(exist_ok=True)
    import shutil

    shutil.copytree(runs["dcgan"], tmp_path / "run")
    gn.latent.keep_directions(tmp_path / "run", [gn.latent.Direction("</script><b>", np.ones(3))])
    text = write_page(tmp_path / "run", tmp_path / "page.html").read_text()
    assert "connect-src" not in text
    assert "default-src 'none'" in text
    assert text.count("</script>") == 4
    assert not re.search(r'(src|href)="', text)
    assert json.loads(part(text, "kept"))["factors"][0]["id"] == "</script><b>"


@pytest.mark.parametrize(("name", "words"), [("ring", "images are needed"), ("lapgan", "one stage")])
def test_models_without_a_page(runs: dict[str, Path], tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_page(runs[name], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_options_of_other_files_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    for option in (["--layout", "nchw"], ["--dtype", "float16"], ["--network", "generator"], ["--fold"]):
        done = CliRunner().invoke(app, ["export", str(runs["dcgan"]), "--to", str(tmp_path / "page.html"), *option])
        assert done.exit_code == 2
