"""`gan-np export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .output import say
from .usage import checking_options, wrong_option


def export(
    run: Annotated[Path, typer.Argument(help="A run folder, a checkpoint, or the file of a classifier or a network.")],
    to: Annotated[
        Path,
        typer.Option(
            help="The file to write: .onnx, .safetensors with --layout torch (and a .py beside it), or .html, the page of "
            "gan-np explore as one file."
        ),
    ],
    network: Annotated[
        Literal["generator", "discriminator"] | None,
        typer.Option(help="Of a GAN, which network [dim]\\[generator][/dim].", show_default=False),
    ] = None,
    layout: Annotated[
        Literal["nchw", "nhwc", "torch"] | None,
        typer.Option(
            help="Of images in ONNX: channels first or last [dim]\\[nchw][/dim]; torch: for a .safetensors file.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of weights and computation; float16 halves an ONNX file.")
    ] = "float32",
    fold: Annotated[
        bool | None,
        typer.Option(
            "--fold/--no-fold",
            help="Batch normalisation goes into the weights before it [dim]\\[in ONNX yes, for PyTorch no][/dim].",
            show_default=False,
        ),
    ] = None,
    average: Annotated[bool, typer.Option(help="The average of G's weights, or the last ones.")] = True,
) -> None:
    """Write a trained model for other programs: as ONNX, or as a module of PyTorch; for people, as a page (.html)."""
    if to.suffix.lower() == ".html":
        from gan_np.explore.standalone import write_page

        for name, given in (("network", network), ("layout", layout), ("fold", fold)):
            if given is not None:
                raise wrong_option(
                    f"{name}: is of .onnx and .safetensors files; a page has the generator as it is shown"
                )
        if dtype != "float32":
            raise wrong_option("dtype: is of .onnx files; a page computes in float32")
        say(f"wrote {write_page(run, to, average=average)}")
        return
    from gan_np.interop import export as write
    from gan_np.interop.export import SUFFIXES, check_name
    from gan_np.models import GAN
    from gan_np.runs.saved import load

    if to.suffix.lower() not in SUFFIXES:
        raise wrong_option(
            "to: expected a name that ends in .onnx, in .html, or in .safetensors for PyTorch (with --layout torch, which "
            f"writes a .py file beside it), got {str(to)!r}"
        )
    with checking_options():
        check_name(to, layout, dtype)
    made = load(run)
    if network is not None and not isinstance(made, GAN) and network == "discriminator":
        raise wrong_option(f"network: only a GAN has a discriminator, {run} is {type(made).__name__}")
    path = write(made, to, network=network or "generator", layout=layout, dtype=dtype, fold=fold, average=average)
    beside = f" and {path.with_suffix('.py')}" if layout == "torch" else ""
    say(f"wrote {path}{beside}")
