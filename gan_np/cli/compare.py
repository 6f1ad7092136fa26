"""`gan-np compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from .evaluate import show_report
from .inputs import (
    Features,
    InputFilter,
    InputLayout,
    InputMean,
    InputOrder,
    InputRange,
    InputSize,
    InputStd,
    preprocessing_of,
)
from .output import say
from .usage import checking_options, device_name

SET = "A run, a checkpoint, a folder of images, an archive, a file of images or vectors, or the name of a data set."


def compare(
    a: Annotated[str, typer.Argument(help=f"{SET} It stands for the real ones.")],
    b: Annotated[str, typer.Argument(help="What is compared with it, of the same kinds.")],
    features: Features = "pixels",
    count: Annotated[int, typer.Option(min=20, help="How many of each, at most, drawn at random.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    k: Annotated[int, typer.Option(min=1, help="Neighbours of precision, recall, density and coverage.")] = 5,
    fit: Annotated[
        Literal["crop", "pad", "stretch"] | None,
        typer.Option(
            help="How images of different sizes are brought to one [dim]\\[refused][/dim].", show_default=False
        ),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="The size to compare at: a side, or HEIGHTxWIDTH.", show_default=False)
    ] = None,
    channels: Annotated[Literal[1, 3, 4] | None, typer.Option(help="Convert to grey (1), RGB (3) or RGBA (4).")] = None,
    value_range: Annotated[
        str | None, typer.Option(metavar="LOW..HIGH", help="The values that are black and white, as in `train`.")
    ] = None,
    split: Annotated[str, typer.Option(help="Of sources that have parts: train, val, test, or all.")] = "train",
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out image files that cannot be read, with a warning.")
    ] = False,
    average: Annotated[bool, typer.Option(help="Of runs: the average of G's weights, or the last ones.")] = True,
    input_size: InputSize = None,
    input_range: InputRange = None,
    input_mean: InputMean = None,
    input_std: InputStd = None,
    input_order: InputOrder = "rgb",
    input_layout: InputLayout = None,
    input_filter: InputFilter = "bicubic",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="A folder for comparison.json and comparison.html.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(callback=device_name, help="Of a run: cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Say how far apart two sets of images are, beside how far apart two halves of one of them are. No run is needed."""
    from gan_np.data import ranges
    from gan_np.data.resize import size_of
    from gan_np.evaluation.comparison import compare as measure
    from gan_np.evaluation.report import plain

    with checking_options():
        preprocessing = preprocessing_of(
            input_size, input_range, input_mean, input_std, input_order, input_layout, input_filter
        )
        if image_size is not None:
            size_of("image_size", image_size)
        ranges.checked("value_range", value_range)
    report = measure(
        a,
        b,
        features=features,
        preprocessing=preprocessing,
        count=count,
        seed=seed,
        neighbours=k,
        fit=fit,
        image_size=image_size,
        channels=channels,
        value_range=value_range,
        split=split,
        skip_broken=skip_broken,
        average=average,
        device=device,
        tell=lambda text: say(text, quiet=as_json),
    )
    if as_json:
        typer.echo(json.dumps(plain(report.to_mapping()), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        show_report(report, page="comparison.html (--out)")
    if out is not None:
        for path in report.save(out, "comparison"):
            say(f"wrote {path}", quiet=as_json)
