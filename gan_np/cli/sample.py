"""`gan-np sample`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gan_np.arrays import Array

from .output import say
from .usage import device_name, wrong_option


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same images, whatever the count.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write: an image (.png, …), numbers as an array (.npy), or of vectors as text (.csv) "
            "[dim]\\[grid.png; of vectors samples.csv][/dim].",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="Conditional models: draw this class only, by its name or its label (see gan-np show).",
        ),
    ] = None,
    by_class: Annotated[bool, typer.Option("--by-class", help="Conditional models: one class a row.")] = False,
    steps: Annotated[
        bool, typer.Option("--steps", help="Sequential models: a row for each sample, its image after each step.")
    ] = False,
    vary: Annotated[
        int | None, typer.Option(min=0, help="infogan: change code N along each row (0 is the category).")
    ] = None,
    columns: Annotated[int | None, typer.Option(min=1, help="Images in a row (default: nearly square).")] = None,
    average: Annotated[
        bool, typer.Option(help="Sample from the average of G's weights, or from the last ones.")
    ] = True,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Draw samples from a trained run: images as a grid, vectors as numbers.

    A conditional model draws each class as often as the data have it, unless --label or --by-class ask otherwise.
    """
    from gan_np.data import save_grid
    from gan_np.models import Model
    from gan_np.runs import load_gan
    from gan_np.runs.drawing import save_series

    if by_class and label is not None:
        raise wrong_option("by_class: one class a row leaves nothing for --label to choose")
    gan: Model = load_gan(run, device=device)
    vectors = len(gan.data_shape) == 1
    out = out or Path("samples.csv" if vectors else "grid.png")
    labels: Array | str | None = label
    if by_class:
        table = gan.labels
        if table is None:
            raise ValueError("by-class: needs a conditional model")
        across = columns or max(1, count // len(table))
        labels = np.array(table.values).repeat(across)
        count, columns = len(labels), across
        if not table.plain:
            say(f"rows: {', '.join(table.names)}")
    if steps:
        if gan.draw_steps == 1:
            raise ValueError(
                "steps: needs a sequential model, which draws in steps (gran, lapgan); this one draws at once"
            )
        path = save_series(gan, out, count, seed, labels=labels, average=average)
    elif vary is not None:
        of_codes = getattr(gan, "vary", None)
        if of_codes is None:
            raise ValueError("vary: needs a model with codes (infogan)")
        across = columns or 10
        path = save_grid(of_codes(vary, max(1, count // across), across, seed), out, columns=across)
    else:
        samples = gan.sample(count, seed, labels=labels, average=average)
        as_numbers = vectors or out.suffix.lower() in (".npy", ".csv")
        path = _write(samples, out, gan.encoding) if as_numbers else save_grid(samples, out, columns=columns)
    say(f"wrote {path}")


def _write(samples: Array, out: Path, encoding: Any) -> Path:
    """Samples as numbers, or vectors as a plot, by the ending of the name."""
    from gan_np.files import write_atomically
    from gan_np.runs.sample_images import draw, write_vectors

    suffix = out.suffix.lower()
    columns = getattr(encoding, "columns", None)
    if suffix == ".npy":
        written = io.BytesIO()
        np.save(written, samples)
        return write_atomically(out, written.getvalue())
    if samples.ndim != 2:
        raise wrong_option("out: .csv is for vectors; expected the name of an image, or .npy for numbers")
    if suffix == ".csv":
        return write_vectors(samples, out, columns)
    if suffix != ".png":
        raise wrong_option(f"out: vectors are written as .csv, .npy or .png, got {str(out)!r}")
    path = draw(samples, None, out, columns)
    if path is None:
        raise ModuleNotFoundError('out: drawing vectors needs matplotlib: python -m pip install "gan_np[plot]"')
    return path
