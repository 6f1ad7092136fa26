"""A model as a file for other programs; the form follows the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gan_np.checks import choice, shown
from gan_np.files import write_atomically
from gan_np.models import GAN, Classifier, Model
from gan_np.networks import Network

from . import onnx, torch

NETWORKS = ("generator", "discriminator")
SUFFIXES = (".onnx", ".safetensors")


def export(
    made: Model | Classifier | Network,
    to: str | Path,
    *,
    network: str = "generator",
    layout: str | None = None,
    dtype: str = "float32",
    fold: bool | None = None,
    average: bool = True,
) -> Path:
    """Write a model for other programs: `.onnx`, or `.safetensors` with layout="torch" for PyTorch.

    made: a GAN or a LAPGAN, of which one network is written; a classifier; any other network.
    to: the file. Beside the weights for PyTorch, generator.safetensors, a module generator.py is written that builds the
        network and reads them, with no need of this library.
    network: of a GAN, "generator" or "discriminator".
    layout: of images in an ONNX file, "nchw" (N, channels, height, width), as most programs expect and the default, or
        "nhwc" as in this library; "torch" for a .safetensors file.
    dtype: "float32", or "float16" for weights of half the size and a computation in half precision (ONNX; inputs and outputs
        stay float32).
    fold: batch normalisation goes into the weights before it where that is possible. None: in ONNX yes; for PyTorch no, so
        that training can go on there.
    average: the generator's averaged weights, where there are any.

    What is in the file, names of inputs and outputs: docs/take-it-with-you.md.

    >>> import gan_np as gn, pathlib, tempfile
    >>> gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gn.interop.export(gan, pathlib.Path(folder) / "generator.onnx").name
    'generator.onnx'

    Raises:
        ValueError: a name with another ending; a layout or dtype that the form does not have; a network that is not there.
        TypeError: no model, or one with a layer whose export is not known.
        ModuleNotFoundError: the package that the form needs is missing.
        NonFiniteError: weights that are NaN or infinite.
    """
    if not isinstance(made, Model | Classifier | Network):
        raise TypeError(f"made: expected a model, a classifier or a network, got {shown(made)}")
    path = check_name(to, layout, dtype)
    choice("network", network, NETWORKS)
    if network == "discriminator" and not isinstance(made, GAN):
        what = (
            "has one for each stage: export a stage, a folder inside the run's"
            if isinstance(made, Model)
            else "has none"
        )
        raise ValueError(f"network: expected the generator of a GAN, a {type(made).__name__} {what}")
    if path.suffix.lower() == ".onnx":
        form = onnx.Form("nchw" if layout is None else layout, dtype, True if fold is None else fold, average)
        return write_atomically(path, _onnx(made, network, form))
    return _torch(path, made, network, torch.Form(bool(fold), average))


def check_name(to: str | Path, layout: str | None = None, dtype: str = "float32") -> Path:
    """The path of the file, if its form is known and can be had in this layout and dtype.

    Raises:
        ValueError: it is not, or it cannot.
    """
    path = Path(to)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            "to: expected a name that ends in .onnx, or in .safetensors for PyTorch (with layout 'torch'), got "
            f"{str(path)!r}"
        )
    choice("dtype", dtype, onnx.DTYPES)
    if suffix == ".onnx":
        choice("layout", "nchw" if layout is None else layout, onnx.LAYOUTS)
    elif layout != "torch":
        raise ValueError(
            "layout: expected 'torch' for a .safetensors file, the names and layouts of PyTorch (gan_np.save writes this "
            f"library's own), got {'none' if layout is None else repr(layout)}"
        )
    elif dtype != "float32":
        raise ValueError(f"dtype: for PyTorch weights are float32, call .half() on the module there; got {dtype!r}")
    return path


def _onnx(made: Any, network: str, form: onnx.Form) -> bytes:
    from gan_np import __version__ as version

    if isinstance(made, Classifier):
        model = onnx.classifier(made, form, version)
    elif isinstance(made, Network):
        model = onnx.network(made, form, version)
    elif network == "generator":
        model = onnx.generator(made, form, version)
    else:
        model = onnx.discriminator(made, form, version)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _torch(path: Path, made: Any, network: str, form: torch.Form) -> Path:
    from gan_np import __version__ as version

    text = path.with_suffix(".py")
    if text.exists() and not text.read_text(encoding="utf-8", errors="replace").startswith(torch.MARK):
        raise ValueError(f"to: {text} is there already and was not written by gan_np: choose another name")
    if isinstance(made, Classifier):
        written = torch.classifier(made, form)
    elif isinstance(made, Network):
        written = torch.network(made, form)
    else:
        written = torch.generator(made, form) if network == "generator" else torch.discriminator(made, form)
    tensors, code = written.tensors(), written.text(path.stem, version).encode()
    write_atomically(path, tensors)
    write_atomically(text, code)
    return path
