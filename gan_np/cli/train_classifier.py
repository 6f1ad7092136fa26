"""`gan-np train-classifier`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gan_np.checks import choice, number
from gan_np.data import ranges
from gan_np.data.dataset import Dataset
from gan_np.data.hold_out import LARGEST_SHARE, divided

from .output import say, say_all
from .usage import checking_options, device_name


def train_classifier(
    data: Annotated[str, typer.Option(help="Labelled images: a name or a path, as in `train`.")] = "mnist-5k",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("classifier.safetensors"),
    name: Annotated[
        str | None, typer.Option(help="What figures on its features are named after (default: the data's name).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates.")] = 1500,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in each batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="At the start; it falls to 0 along a line.")] = 3e-3,
    width: Annotated[int, typer.Option(min=1, help="Channels of the first layer; each further one has twice.")] = 16,
    features: Annotated[int, typer.Option(min=1, help="Units of the last hidden layer.")] = 128,
    augment: Annotated[
        str, typer.Option(help="What is changed at random: some of colour,translation,cutout; none for nothing.")
    ] = "translation",
    held_out: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share kept to measure its accuracy, where there is no test part.")
    ] = 0.1,
    hold_out: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=LARGEST_SHARE,
            help="Leave out what train --hold-out SHARE leaves out of the same data, and measure the accuracy on that.",
        ),
    ] = 0.0,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="A file of labels, as in `train`.", show_default=False)
    ] = None,
    image_size: Annotated[int | None, typer.Option(min=1, help="Resize and crop to squares of this side.")] = None,
    channels: Annotated[Literal[1, 3, 4] | None, typer.Option(help="Convert to grey (1), RGB (3) or RGBA (4).")] = None,
    value_range: Annotated[
        str | None, typer.Option(metavar="LOW..HIGH", help="The values that are black and white, as in `train`.")
    ] = None,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out image files that cannot be read, with a warning.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bits.")] = 0,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Train a convolutional classifier on labelled images, for `gan-np evaluate RUN --classifier FILE`."""
    from gan_np.data.sources import open_for
    from gan_np.ops import AUGMENTATIONS
    from gan_np.runs import train_classifier as train

    with checking_options():
        number("learning_rate", learning_rate, above=0.0)
        ranges.checked("value_range", value_range)
        changes = [] if augment == "none" else [part.strip() for part in augment.split(",") if part.strip()]
        changes = [choice("augment", change, AUGMENTATIONS) for change in changes]
    if out.exists():
        raise FileExistsError(f"out: {out} exists; choose another name")
    form: dict[str, Any] = {
        "image_size": image_size,
        "channels": channels,
        "value_range": value_range,
        "skip_broken": skip_broken,
        "labels": labels,
    }
    found = open_for("data", data, **form)
    assert found is not None
    say_all(found.decided, quiet=quiet)
    if found.labels is None:
        raise ValueError(f"data: a classifier needs labels, and {data!r} has none")
    test: Dataset | None
    if hold_out:
        found, test = divided(found, hold_out)
    else:
        test = open_for("data", data, held_out=True, **form)
    assert found.labels is not None
    started = time.monotonic()
    made = train(
        found.images,
        found.labels,
        test=None if test is None else test.of_classes(found.labels),
        held_out=held_out,
        class_names=found.class_names,
        name=name or Path(found.name).stem,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        out=out,
        progress=not quiet,
        width=width,
        features=features,
        augment=tuple(changes),
        device=device,
    )
    accuracy = made.held_out
    measured = (
        "not measured" if accuracy is None else f"{accuracy.accuracy:.2%} of {accuracy.count:,} {accuracy.source}"
    )
    say(f"trained in {time.monotonic() - started:.0f} s; right on {measured}", quiet=quiet)
    say(f"wrote {out}; use it with: gan-np evaluate RUN --classifier {out}", quiet=quiet)
