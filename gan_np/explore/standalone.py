"""The page as one file that needs no server and no network: G as ONNX inside it, run by onnxruntime-web."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from gan_np.files import write_atomically
from gan_np.interop import export
from gan_np.models import GAN, LAPGAN

from .explorer import Explorer

WEB = Path(__file__).parent / "web"
SEEDS = 240
"""So many points are in the file, those of the first seeds: the generator of random numbers is not."""


def write_page(run: str | Path, to: str | Path, *, average: bool = True) -> Path:
    """Write a trained generator as one HTML file of some 5 MB and its weights.

    It has the pad, the grid, sliders, labels, and the samples of the first 240 seeds; it has no training data and no run
    folder, so nothing is inverted, compared with the training data, watched, or kept in it.

    Raises:
        ValueError: a model of vectors, or of several stages other than a LAPGAN; another ending.
        ModuleNotFoundError: the extra `onnx` is missing.
    """
    path = check_page_name(to)
    explorer = Explorer(run, average=average)
    gan = explorer.model
    _ = gan.image_shape  # refuses vectors
    if not isinstance(gan, GAN | LAPGAN) or gan.data_shape[-1] not in (1, 3, 4):
        raise ValueError("run: the page as a file is for GANs and LAPGANs that draw grey, RGB or RGBA images")
    with tempfile.TemporaryDirectory() as folder:
        model = export(gan, Path(folder) / "generator.onnx", layout="nhwc", average=average).read_bytes()
    z, labels = explorer.points(range(SEEDS))
    low, high = gan.image_range if isinstance(gan, GAN) else (-1.0, 1.0)  # as its ONNX file has it
    noises = gan.noises(0) if isinstance(gan, LAPGAN) else []
    kept = {
        "info": {**explorer.about(), "draw_steps": 1, "runs": 0, "plane": False},
        "factors": explorer.factors(),
        "points": {"z": [[float(f"{value:.9g}") for value in point] for point in z.tolist()], "labels": labels},
        "noises": {f"noise{number}": noise[0].tolist() for number, noise in enumerate(noises, start=1)},
        "low": low,
        "high": high,
    }
    return write_atomically(path, page_of(kept, model).encode())


def check_page_name(to: str | Path) -> Path:
    """The path of the file.

    Raises:
        ValueError: it does not end in .html.
    """
    path = Path(to)
    if path.suffix.lower() != ".html":
        raise ValueError(f"to: expected a name that ends in .html, got {str(path)!r}")
    return path


def page_of(kept: dict[str, Any], model: bytes) -> str:
    """The text of the file: what the page knows, the bytes of the ONNX model, and the runtime, all inside."""
    script = (WEB / "standalone.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    style = (WEB / "app.css").read_text(encoding="utf-8")
    known = json.dumps(kept, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    licences = (WEB / "LICENCES.txt").read_text(encoding="utf-8").replace("--", "- -")
    parts = {
        "kept": ("application/json", known),
        "wasm": ("text/plain", base64.b64encode((WEB / "ort.wasm.gz").read_bytes()).decode()),
        "model": ("text/plain", base64.b64encode(gzip.compress(model, mtime=0)).decode()),
    }
    inside = "\n".join(f'<script id="{name}" type="{kind}">{text}</script>' for name, (kind, text) in parts.items())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta http-equiv="content-security-policy" '
        "content=\"default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; "
        'img-src blob: data:">\n<title>gan_np: explore</title>\n'
        f'<style>{style}</style>\n</head>\n<body>\n<div id="app"><p>Opening the model …</p></div>\n'
        f"<noscript>This page needs JavaScript.</noscript>\n{inside}\n<!--\n{licences}-->\n"
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )
