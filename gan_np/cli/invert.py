"""`gan-np invert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gan_np.arrays import Array

from .animation import label_asked
from .output import console, say
from .usage import checking_options, device_name, wrong_option

if TYPE_CHECKING:
    from gan_np.models import GAN

MOST_IMAGES = 1000


def invert(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Image files; brought to the model's size.")],
    out: Annotated[Path, typer.Option(help="The image to write: each image given, and beside it what z draws.")] = Path(
        "inverted.png"
    ),
    save: Annotated[Path, typer.Option(help="The .npz file for z, which traverse and walk take with --from.")] = Path(
        "z.npz"
    ),
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Conditional models: the class of the images, by its name or its label."),
    ] = None,
    starts: Annotated[int, typer.Option(min=1, help="Tries for each image, from different z; the best counts.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Steps of gradient descent.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of the z to start from.")] = 0,
    average: Annotated[bool, typer.Option(help="With the average of G's weights, or the last ones.")] = True,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Find the z whose image is nearest to each image given, draw it beside it, and keep it to go on from.

    Goes on with: gan-np traverse RUN --from z.npz --across principal:0, or gan-np walk RUN --from z.npz. An image unlike
    the training's has no z that draws it; the distance says how near the best one is.
    """
    from gan_np.data import save_grid
    from gan_np.data.images import check_image_name
    from gan_np.files import check_place
    from gan_np.latent import invert as find
    from gan_np.latent import save_points
    from gan_np.latent.points_file import check_points_name
    from gan_np.models import GAN
    from gan_np.runs import load_gan

    with checking_options():
        check_image_name(out, "out")
        check_points_name(save, "save")
        check_place(out, "out")
        check_place(save, "save")
        if len(images) > MOST_IMAGES:
            raise ValueError(f"images: expected at most {MOST_IMAGES} at once, got {len(images)}")
    gan = load_gan(run, device=device)
    _ = gan.image_shape  # refuses vectors
    if not isinstance(gan, GAN):
        raise ValueError(
            f"run: an image comes from all {len(gan.stages)} stages of this model together, each with noise of its own; "
            "only a model of one stage can be inverted"
        )
    chosen = label_asked(gan, label)
    if gan.labels is not None and chosen is None:
        raise wrong_option(f"label: this model is conditional; expected the class of the images, {gan.labels.listed()}")
    given = np.stack([_read(path, gan) for path in images])
    found = find(gan, given, labels=chosen, starts=starts, steps=steps, seed=seed, average=average)
    drawn = gan.decode(found.z, labels=chosen, average=average)
    labels: Any = None if chosen is None else np.full(len(given), chosen, np.int64)
    pairs = np.stack([given, drawn], axis=1).reshape(-1, *given.shape[1:])
    across = 2 * max(1, round((len(given) / 2) ** 0.5))
    path = save_grid(pairs, out, columns=across)
    kept = save_points(save, found.z, labels=labels, distances=found.distances, names=[str(one) for one in images])
    size = given[0].size ** 0.5
    for name, distance, of_starts in zip(images, found.distances, found.of_starts, strict=True):
        worst = f", {of_starts.max() / size:.3f} from the worst start" if starts > 1 else ""
        console().print(f"{name}: its image differs by {distance / size:.3f} of 1 (root mean square{worst})")
    say(f"wrote {path} (each image given, and on its right what its z draws) and {kept}; go on with:")
    say(f"  gan-np traverse {run} --from {kept} --across principal:0 --out changed.gif")
    if len(given) > 1:
        say(f"  gan-np walk {run} --from {kept} --out walk.gif")


def _read(path: Path, gan: GAN) -> Array:
    """An image as the model's data are: its size, channels and dtype."""
    from gan_np.data.decode import Unreadable, decode
    from gan_np.files import regular

    height, width, channels = gan.image_shape
    if channels not in (1, 3, 4):
        raise ValueError(f"images: this model's images have {channels} channels, which image files have not")
    floats = np.dtype(getattr(gan.encoding, "dtype", np.uint8)).kind == "f"
    try:
        return decode(regular(path), channels, (height, width), dtype="float32" if floats else "uint8")
    except Unreadable as error:
        raise ValueError(f"{path}: not an image that can be read: {error}") from error
