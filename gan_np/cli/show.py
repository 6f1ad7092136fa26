"""`gan-np show`: a run, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.cells import cell_len
from rich.console import Console

from gan_np.arrays import Array

from .flags import as_flags
from .output import console, lines_of

if TYPE_CHECKING:
    from gan_np.runs.overview import RunOverview

LEAST_ROWS = 4
BARS = "▁▂▃▄▅▆▇█"


def show(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    grid: Annotated[bool, typer.Option(help="Draw the newest grid too (needs a terminal with colours).")] = True,
) -> None:
    """Print what a run is, how far it got, its curves and its newest grid, as much as the terminal has room for."""
    out = console()
    with out.capture() as captured:
        _describe_all(out, run)
    lines = lines_of(captured.get().rstrip("\n"), out)
    out.print("\n".join(lines))
    image = run / "samples.png"
    if grid and image.exists():
        caption = f"the upper part of {image}"
        # Text and curves stay on the screen, above the grid, its caption and a prompt of two lines.
        rows = out.height - sum(max(1, -(-cell_len(line) // out.width)) for line in [*lines, caption]) - 2
        if out.is_terminal and out.color_system and rows >= LEAST_ROWS:
            _draw(out, image, rows, caption)
        else:
            out.print(f"grid: {image}")


def _describe_all(out: Console, run: Path) -> None:
    """The run, or each of its stages."""
    from gan_np.runs.overview import open_run

    opened = open_run(run)
    for name, part in (opened.stages or {"": opened}).items():
        if part is None:
            out.print(f"{run / name}: this stage has not begun")
        else:
            _describe(out, part)


def _describe(out: Console, run: RunOverview) -> None:
    """What a run is, how far it got, its checkpoints, what went wrong, and its curves."""
    from gan_np.runs.about import read_about

    out.print(run.title)
    about = read_about(run.path)
    if about is not None:
        _say_about(out, about)
    changed = [f"{name}={value!r}" for name, value in run.changed_settings().items()]
    out.print(f"settings other than the defaults: {', '.join(changed) or 'none'}")
    if (missing := run.not_registered) is not None:
        out.print(
            f"not registered here, so settings are as config.toml has them: {missing} (--import FILE registers it)"
        )
    saved = run.checkpoints
    out.print(f"checkpoints: {', '.join(path.name for path in saved) or 'none'}")
    _say_labels(out, saved)
    for hint in run.hints:
        out.print(f"hint, step {hint['step']:,}: {as_flags(hint['text'])}")
    if not run.records:
        return
    out.print(f"training time: {run.records[-1]['seconds']:.0f} s")
    width = max(8, min(60, out.width - 40))
    for label, (_, values) in run.curves().items():
        out.print(f"{label:>27}  {sparkline(values, width)}  {values[-1]:.3g}")


def _say_labels(out: Console, saved: list[Path]) -> None:
    """What labels a conditional model takes, from the newest checkpoint that can be read; damaged ones are named."""
    from gan_np.runs import checkpoint

    for path in reversed(saved):
        try:
            # with its tensors, which a file that was cut short has not
            tensors, _ = checkpoint.read(path)
        except checkpoint.CheckpointError as error:
            out.print(f"damaged, and passed over when the run goes on: {error}")
            continue
        del tensors
        if (table := checkpoint.labels_of_file(path)) is not None:
            out.print(f"labels: {table}")
        return


def _say_about(out: Console, about: dict[str, Any]) -> None:
    """What run.json says of the model, the data and the last machine, as far as it does."""
    model, data, last = about.get("model", {}), about.get("data", {}), about["sessions"][-1:]
    counts = [model.get(f"{player}_parameters", 0) for player in ("generator", "discriminator")]
    shape = "×".join(map(str, data.get("shape", [])))
    held_out = f", and {data['held_out']:,} more held out" if isinstance(data.get("held_out"), int) else ""
    out.print(
        f"model: G {counts[0]:,} and D {counts[1]:,} parameters, {model.get('dtype')}; data: {data.get('count', 0):,} of "
        f"{shape}, {data.get('dtype')}{held_out}"
    )
    for session in last:
        versions, machine = session.get("versions", {}), session.get("machine", {})
        named = ", ".join(f"{name} {version}" for name, version in versions.items())
        out.print(f"on {machine.get('device')} of {machine.get('processor')}, {machine.get('cpus')} CPUs; {named}")


def sparkline(values: Array, width: int) -> str:
    """Means over `width` equal parts, as bars between the least and the greatest of them."""
    parts = [part.mean() for part in np.array_split(values, min(width, len(values)))]
    finite = [part for part in parts if np.isfinite(part)]
    if not finite:
        return "?" * len(parts)
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(
        BARS[min(int((part - low) / span * len(BARS)), len(BARS) - 1)] if np.isfinite(part) else "?" for part in parts
    )


def _draw(out: Console, path: Path, rows: int, caption: str) -> None:
    """An image in half blocks, each character two pixels, one above the other; of one higher than `rows` its upper part and
    the caption."""
    from PIL import Image
    from rich.segment import Segment, Segments
    from rich.style import Style

    from gan_np.files import open_image

    try:
        opened = open_image(path)
    except ValueError as error:
        out.print(f"grid: {error}")
        return
    width = min(out.width, 96, opened.width)
    height = 2 * max(1, round(opened.height * width / opened.width / 2))
    pixels = np.asarray(opened.convert("RGB").resize((width, height), Image.Resampling.BOX))
    shown = height if height <= 2 * rows else _cut(pixels, 2 * rows)
    segments = []
    for row in range(0, shown, 2):
        for above, below in zip(pixels[row], pixels[row + 1], strict=True):
            style = Style.parse(f"rgb({above[0]},{above[1]},{above[2]}) on rgb({below[0]},{below[1]},{below[2]})")
            segments.append(Segment("▀", style))
        segments.append(Segment.line())
    out.print(Segments(segments), end="")
    if shown < height:
        out.print(caption)


def _cut(pixels: Array, most: int) -> int:
    """How many rows of a grid of images to draw: at most so many, and if possible an even number that cuts through no image,
    that is up to a row of one colour."""
    plain = [row for row in range(2, most + 1, 2) if not np.ptp(pixels[row - 1], axis=0).any()]
    return plain[-1] if plain and plain[-1] >= most // 2 else most
