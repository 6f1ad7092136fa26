"""`gan-np walk`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gan_np.arrays import Array
from gan_np.checks import number

from .animation import MOST_FRAMES, Fps, From, Loop, Zoom, label_asked, points_from, sheets
from .output import say
from .seeds import parse_seeds
from .traverse import FACTOR
from .usage import checking_options, device_name, wrong_option

if TYPE_CHECKING:
    from gan_np.latent import Decoder
    from gan_np.models import GAN, Truncation


def walk(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    out: Annotated[Path, typer.Option(help="The animation to write: .gif, .webp, .apng or .mp4.")] = Path("walk.gif"),
    seed: Annotated[int, typer.Option(min=0, help="Of the points that the path goes through.")] = 0,
    points: Annotated[
        int | None,
        typer.Option(min=2, max=1000, help="How many points of the seed [dim]\\[4][/dim].", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=400, help="So many walks at once, beside each other.")] = 1,
    seeds: Annotated[
        str | None, typer.Option(metavar="LIST", help="Go through the images of these seeds, as in 3,7,10-20.")
    ] = None,
    start: From = None,
    along: Annotated[
        str | None, typer.Option(metavar="FACTOR", help=f"Change one thing of one image, there and back: {FACTOR}.")
    ] = None,
    along_range: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="How far z moves, in units of z (-3 3; codes -2 2).", show_default=False),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Go from class to class with one z, as in cat,dog,horse or 'all' (conditional; infogan: categories).",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Conditional models: the class that is drawn.")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, max=MOST_FRAMES, help="Of the whole walk.")] = 60,
    fps: Fps = 20,
    loop: Loop = True,
    zoom: Zoom = None,
    columns: Annotated[int | None, typer.Option(min=1, help="Of several walks, how many in a row.")] = None,
    truncation: Annotated[
        float,
        typer.Option(
            metavar="PSI", help="From 1 to 0: z is drawn towards its mean, so images are more alike, often better."
        ),
    ] = 1.0,
    truncation_bound: Annotated[
        float | None,
        typer.Option(metavar="BOUND", help="Coordinates of z beyond ±BOUND are drawn again.", show_default=False),
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For --along class:NAME, as in gan-np traverse.", show_default=False),
    ] = None,
    average: Annotated[bool, typer.Option(help="From the average of G's weights, or from the last ones.")] = True,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Write an animation along a path through z: through random points and back to the first, or as the options say.

    The path stays where z is drawn from: great circles for normal z. Frames are made and written a few at a time.
    """
    from gan_np.data.animation import check_animation, write_animation
    from gan_np.latent import Decoder
    from gan_np.models import Truncation
    from gan_np.runs import load_gan

    with checking_options():
        check_animation(out, fps)
        for end in along_range or ():
            number("along_range", end)
        changed = Truncation(truncation, truncation_bound)
        numbers = None if seeds is None else parse_seeds(seeds)
    if seeds is not None and start is not None:
        raise wrong_option("from: says where the walk goes, and so does --seeds; leave out one of them")
    if along is not None and classes is not None:
        raise wrong_option("classes: says how the walk goes, and so does --along; leave out one of them")
    if along_range is not None and along is None:
        raise wrong_option("along_range: belongs to --along")
    if points is not None and (along or classes or seeds is not None or start is not None):
        raise wrong_option(
            "points: are those of a walk through random points; leave out --points, or what else says the way"
        )
    if changed and start is not None:
        raise wrong_option("truncation: changes z as it is drawn, and --from gives z; leave out one of them")
    if columns is not None and count == 1:
        raise wrong_option("columns: are of several walks beside each other; expected --count too")
    special = next((name for name, given in (("along", along), ("classes", classes)) if given is not None), None)
    if count > 1 and (special or numbers is not None or start is not None):
        raise wrong_option(
            "count: several walks go through random points; leave out --seeds, --from, --along and --classes"
        )
    if special == "classes" and label is not None:
        raise wrong_option("label: is what --classes changes; leave out one of them")
    model = load_gan(run, device=device)
    _ = model.image_shape  # refuses vectors
    decoder = Decoder(model, seed, average)
    gan = decoder.gan
    chosen = label_asked(model, label)
    stops, known = _stops(gan, changed, seed, numbers, start, (points or 4) * count if special is None else 1)
    if special is not None and len(stops) > 1:
        raise wrong_option(
            f"{'seeds' if start is None else 'from'}: --{special} changes one image; expected one point, got "
            f"{len(stops)}"
        )
    if special is None and len(stops) == count:  # of one walk: random ones have two points or more
        raise wrong_option(
            f"{'seeds' if start is None else 'from'}: a walk from one point alone goes nowhere; expected two points or "
            "more, or --along FACTOR"
        )
    chosen = known if label is None else chosen
    made: Iterator[Array]
    if classes is not None:
        from gan_np.latent import between_classes

        wanted = _classes(gan, classes)
        made = between_classes(decoder, stops[0], wanted, frames, closed=loop)
    elif along is not None:
        made = _along(decoder, run, along, along_range, stops[0], chosen, frames, loop, classifier)
    else:
        made = _through(decoder, stops, chosen, frames, loop, count)
    say(f"wrote {write_animation(sheets(made, zoom, columns), out, fps=fps, loop=loop)}")


def _stops(
    gan: GAN, changed: Truncation, seed: int, seeds: list[int] | None, start: Path | None, count: int
) -> tuple[Array, Any]:
    """Points that the path goes through, and the label that goes with them where a file says it."""
    if start is not None:
        found = points_from(start, gan)
        labels = found.labels if gan.labels is not None else None
        return found.z, None if labels is None else int(labels[0])
    dtype = gan.generator.dtype
    if seeds is not None:
        parts = [gan.prior.of_seed(number, 1, dtype, truncation=changed) for number in seeds]
        return np.concatenate(parts), None
    return gan.prior.of_seed(seed, count, dtype, truncation=changed), None


def _through(decoder: Decoder, stops: Array, label: Any, frames: int, loop: bool, count: int) -> Iterator[Array]:
    from gan_np.latent import through
    from gan_np.latent import walk as draw

    gan = decoder.gan
    ways = [through(gan.prior, part, frames, closed=loop) for part in np.split(stops, count)]
    labels = label
    if gan.labels is not None and label is None:
        labels = gan.labels.labels_of(gan.labels.drawn(count))
    return draw(decoder, np.stack(ways, axis=1), labels)


def _along(
    decoder: Decoder,
    run: Path,
    along: str,
    span: tuple[float, float] | None,
    start: Array,
    label: Any,
    frames: int,
    loop: bool,
    classifier: Path | None,
) -> Iterator[Array]:
    from gan_np.latent import Towards, traversal_frames
    from gan_np.latent.chosen import factor
    from gan_np.runs import load_classifier

    folder = run if run.is_dir() else run.parent.parent
    device = decoder.gan.generator.device
    towards = None if classifier is None else Towards(decoder, load_classifier(classifier, device=device))
    changed = factor(along, decoder.gan, folder, span, average=decoder.average, towards=towards, name="along")
    return traversal_frames(decoder, start, changed, frames=frames, label=label, closed=loop)


def _classes(gan: GAN, text: str) -> list[int]:
    """The classes that a text lists, by their numbers in the model; categories of an InfoGAN."""
    from gan_np.models import CodePrior

    if isinstance(gan.prior, CodePrior):
        known = [str(number) for number in range(gan.prior.categories)]
        names = known if text == "all" else [part.strip() for part in text.split(",")]
        for name in names:
            if name not in known:
                raise ValueError(f"classes: expected categories 0 to {len(known) - 1}, got {name!r}")
        return list(map(int, names))
    if gan.labels is None:
        raise ValueError("classes: need a conditional model, or an infogan")
    if text == "all":
        return list(range(len(gan.labels)))
    try:
        return [int(gan.labels.asked([part.strip()])[0]) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"classes{str(error).removeprefix('labels')}") from None
