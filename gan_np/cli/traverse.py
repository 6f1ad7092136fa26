"""`gan-np traverse`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_np.arrays import Array
from gan_np.checks import number

from .animation import MOST_FRAMES, From, Loop, Zoom, points_from, sheets
from .output import console, say
from .usage import checking_options, device_name, wrong_option

if TYPE_CHECKING:
    from gan_np.latent import Decoder, Factor, Towards

FACTOR = (
    "axis:N, principal:N, closed-form:N, code:N (infogan), class:NAME (--classifier), category (infogan), label "
    "(conditional), or a kept name"
)


def traverse(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    across: Annotated[
        str | None, typer.Option(metavar="FACTOR", help=f"What changes from left to right: {FACTOR}.")
    ] = None,
    down: Annotated[str | None, typer.Option(metavar="FACTOR", help="What changes from top to bottom.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Whose samples to start from, as in `gan-np sample`.")] = 0,
    index: Annotated[int, typer.Option(min=0, help="Which of the seed's samples to start from, or of --from.")] = 0,
    start_file: From = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Conditional models: the class to start from, by its name or its label."),
    ] = None,
    across_range: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="How far z moves, in units of z (-3 3; codes -2 2).", show_default=False),
    ] = None,
    down_range: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="The same downwards.", show_default=False)
    ] = None,
    columns: Annotated[
        int | None, typer.Option(min=1, help="Images across [dim]\\[7][/dim].", show_default=False)
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Images down.")] = 5,
    out: Annotated[
        Path,
        typer.Option(
            help="The image to write; an animation (.gif, .webp, .apng, .mp4) shows what changes across one after the other."
        ),
    ] = Path("traversal.png"),
    frames: Annotated[
        int | None,
        typer.Option(
            min=2, max=MOST_FRAMES, help="Of an animation [dim]\\[48; of classes one each][/dim].", show_default=False
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="N", help="Its frames a second [dim]\\[20; of classes 2][/dim].", show_default=False),
    ] = None,
    loop: Loop = True,
    zoom: Zoom = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FACTOR", help="Keep a direction with the run under a name; may be given again."),
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="List the directions kept with the run, and stop.")] = False,
    classifier: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For class:NAME: a file of gan-np train-classifier, which reads the samples.",
            show_default=False,
        ),
    ] = None,
    average: Annotated[bool, typer.Option(help="From the average of G's weights, or from the last ones.")] = True,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Draw a grid of one sample with one factor changed across and another down.

    Directions of z need no labels: its axes, the eigenvectors of the first layer's weights (closed-form, Shen and Zhou
    2021), those of principal components of early activations (principal, Härkönen et al. 2020). Look at some, then keep
    those that mean something: --keep pose=closed-form:1 --keep smile=principal:3. With a classifier of labelled images,
    class:NAME is the difference of means between samples that it calls NAME and the others.
    """
    from gan_np.data import save_grid
    from gan_np.data.animation import ENDINGS, check_animation, is_animation
    from gan_np.data.images import check_image_name
    from gan_np.latent import Decoder, Towards, read_directions
    from gan_np.latent import traverse as draw
    from gan_np.latent.chosen import factor
    from gan_np.runs import load_classifier, load_gan

    folder = run if run.is_dir() else run.parent.parent
    if names:
        for direction in read_directions(folder).values():
            console().print(f"{direction.name}: {direction.source or 'no source given'}")
        return
    moving = is_animation(out)
    with checking_options():
        if moving:
            check_animation(out, 20 if fps is None else fps)
        else:
            check_image_name(out, "out", (".apng", ".mp4"))
        for name, given in (("frames", frames), ("fps", fps), ("zoom", zoom)):
            if given is not None and not moving:
                raise ValueError(f"{name}: is of an animation; expected --out NAME ending in {', '.join(ENDINGS)}")
        if columns is not None and moving:
            raise ValueError("columns: an animation has none across; expected --frames")
        if start_file is not None and seed:
            raise ValueError("seed: says where to start, and so does --from; leave out one of them")
        for text in keep or ():
            if "=" not in text:
                raise ValueError(f"keep: expected NAME=FACTOR, got {text!r}")
        for name, span in (("across_range", across_range), ("down_range", down_range)):
            for end in span or ():
                number(name, end)
    if across is None and not keep:
        raise wrong_option(f"across: expected a factor to change: {FACTOR}")
    model = load_gan(run, device=device)
    _ = model.image_shape  # refuses vectors, which cannot be drawn in a grid
    decoder = Decoder(model, seed, average)
    towards = None if classifier is None else Towards(decoder, load_classifier(classifier, device=device))
    if keep:
        _keep(folder, run, decoder, keep, towards)
    if across is None:
        return
    chosen = [
        None if text is None else factor(text, decoder.gan, folder, span, average=average, towards=towards, name=name)
        for name, text, span in (("across", across, across_range), ("down", down, down_range))
    ]
    assert chosen[0] is not None
    start, begin = _start(decoder, start_file, index, seed, label)
    if moving:
        say(f"wrote {_animate(decoder, start, chosen, out, rows, begin, frames, fps, loop, zoom)}")
        return
    columns = columns or 7
    grid = draw(decoder, start, chosen[0], chosen[1], columns=columns, rows=rows, label=begin)
    say(f"wrote {save_grid(grid.images, out, columns=columns)}")
    for name, part, places in (("across", chosen[0], grid.across), ("down", chosen[1], grid.down)):
        if part is not None:
            say(f"  {name}: {part.name} at {', '.join(f'{place:.3g}' for place in places)}")


def _start(
    decoder: Decoder, file: Path | None, index: int, seed: int, label: str | None
) -> tuple[Array, int | str | None]:
    """The point to start from, and its label."""
    if file is None:
        return decoder.points(index + 1, seed)[index], label
    found = points_from(file, decoder.gan)
    if index >= len(found.z):
        raise wrong_option(f"index: {file} has points 0 to {len(found.z) - 1}, got {index}")
    known = found.labels is not None and decoder.gan.labels is not None and label is None
    return found.z[index], int(found.labels[index]) if known and found.labels is not None else label


def _animate(
    decoder: Decoder,
    start: Array,
    factors: list[Factor | None],
    out: Path,
    rows: int,
    label: int | str | None,
    frames: int | None,
    fps: float | None,
    loop: bool,
    zoom: int | None,
) -> Path:
    """What changes across, as an animation; what changes down stays down."""
    from gan_np.data.animation import write_animation
    from gan_np.latent import traversal_frames
    from gan_np.latent.walks import steps_of

    across, down = factors
    assert across is not None
    steps = steps_of(across)
    made = traversal_frames(
        decoder, start, across, down, frames=frames or steps or 48, rows=rows, label=label, closed=loop
    )
    return write_animation(sheets(made, zoom, 1), out, fps=fps or (20 if steps is None else 2), loop=loop)


def _keep(folder: Path, run: Path, decoder: Decoder, texts: list[str], towards: Towards | None) -> None:
    """Directions kept with the run, each given as NAME=FACTOR."""
    from gan_np.latent import keep_directions
    from gan_np.latent.chosen import direction
    from gan_np.latent.named import check_name
    from gan_np.runs.checkpoint import describe_file
    from gan_np.runs.stage_folders import has_stages

    found = []
    for text in texts:
        name, _, source = text.partition("=")
        vector = direction(source, decoder.gan, folder, average=decoder.average, towards=towards)
        found.append(dataclasses.replace(vector, name=check_name(name), source=vector.source or source))
    # Of several stages each has a count of its own.
    step = None if has_stages(run) else describe_file(run).get("training", {}).get("steps")
    say(f"kept {', '.join(direction.name for direction in found)} in {keep_directions(folder, found, step)}")
