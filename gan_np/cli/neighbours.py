"""`gan-np neighbours`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_np.distributed import device_of_rank
from gan_np.files import write_atomically

from .output import console, say
from .together import ranks_of_command
from .usage import checking_options, device_name

if TYPE_CHECKING:
    from gan_np.metrics import Copying


def neighbours(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    count: Annotated[int, typer.Option(min=10, help="Samples to test.")] = 500,
    show: Annotated[int, typer.Option(min=1, help="Samples to draw, the first of them.")] = 12,
    nearest: Annotated[int, typer.Option(min=1, help="Training images to draw beside each.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    held_out: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Images that training has not seen, from a name or path; files of several sizes are brought to the run's "
            "size (default: what the run holds out, see train --hold-out, or the test part of its data; without either "
            "there is no test).",
            show_default=False,
        ),
    ] = None,
    skip_broken: Annotated[
        bool,
        typer.Option("--skip-broken", help="Of --held-out: leave out image files that cannot be read, with a warning."),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="Where the run's own data are now, if they were moved.", show_default=False),
    ] = None,
    held_out_count: Annotated[int, typer.Option(min=10, help="Held-out images to use at most.")] = 1000,
    shift: Annotated[int, typer.Option(min=0, help="Look for copies moved by up to so many pixels.")] = 1,
    cells: Annotated[int, typer.Option(min=0, help="Cells to test one by one (0: none).")] = 10,
    features: Annotated[bool, typer.Option(help="Search in the features of the run's own discriminator too.")] = True,
    classifier: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Search in the features of this classifier too.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="The image to write; the statistics go beside it as .json.")] = Path(
        "neighbours.png"
    ),
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Show the training images nearest to samples, and test whether the generator copies.

    Each row is a sample, its nearest training images in pixels, and those in the features of D (before its last
    layer). The test compares distances of samples to the training images with those of held-out images, see
    gan_np/metrics/copying.py; it needs images that training has not seen, of the same kind: without any it is left out, and
    it gives no verdict where they are of another kind. Under mpiexec all processes share the work.
    """
    from gan_np.data.images import check_image_name
    from gan_np.evaluation.memorisation import memory_of
    from gan_np.evaluation.pairs import save_neighbours
    from gan_np.runs import load_classifier, load_gan

    with checking_options():
        check_image_name(out, "out")
    ranks = ranks_of_command()
    device = device_of_rank(device, ranks)
    model, searches = load_gan(run, device=device), {}
    if classifier is not None:
        reader = load_classifier(classifier).extractor_for(model.image_shape)
        searches["classifier"] = lambda images, labels: reader.features(images)
    if features and model.judge is None:
        say("this model has no discriminator that is shown finished images: its features are not searched")
    memory = memory_of(
        run,
        model,
        count=count,
        show=show,
        nearest=nearest,
        seed=seed,
        held_out=held_out,
        held_out_count=held_out_count,
        skip_broken=skip_broken,
        shift=shift,
        cells=cells,
        trunk=features,
        data=data,
        features=searches,
        ranks=ranks,
    )
    if ranks.rank:
        return
    if memory.untested is not None:
        say(f"no test for copies: {memory.untested}")
    if memory.seen:
        things = "vectors" if memory.training.ndim == 2 else "images"
        say(f"left out {memory.seen:,} held-out {things} that are training {things} too")
    table = {name: test.to_mapping() for name, test in memory.tests.items()}
    untested = {} if memory.untested is None else {"untested": memory.untested}
    text = json.dumps({"run": str(run), "seed": seed, **untested, **table}, indent=1) + "\n"
    target = write_atomically(out.with_suffix(".json"), text.encode())
    for name, test in memory.tests.items():
        _print(name, test, "vectors" if memory.training.ndim == 2 else "images")
    if memory.shown.ndim == 2:
        say(f"wrote {target}")
        return
    path = save_neighbours(memory.shown, memory.training, list(memory.found.values()), out)
    say(f"wrote {path} (each row: a sample, then those nearest in {', then '.join(memory.found)}) and {target}")


def _print(name: str, found: Copying, things: str) -> None:
    moves = [f"moved by up to {found.shift} px"] * (found.shift > 0) + ["mirrored or not"] * found.mirror
    sizes = f"{found.samples:,} samples, {found.held_out:,} held-out and {found.training:,} training {things}"
    of_samples, of_held_out = (
        f"{distances['median']:.3g} (least {distances['least']:.3g})"
        for distances in (found.samples_to_training, found.held_out_to_training)
    )
    cells = "" if found.z_cells is None else f"; by cells mean z = {found.z_cells:.2f}, p = {found.p_cells:.2g}"
    out = console()
    out.print(f"{name}: {', '.join([sizes, *moves])}")
    out.print(f"  {found.explanation.replace('images', things)}")
    out.print(
        f"  held-out {things} against training {things}, without samples: z = {found.source.z_distances:.2f} and "
        f"{found.source.z_neighbours:.2f}, p = {found.source.p:.2g}"
    )
    out.print(f"  median distance to the nearest training {things[:-1]}: samples {of_samples}, held out {of_held_out}")
    out.print(f"  nearer than held-out {things} are: z = {found.z:.2f}, p = {found.p_nearer:.2g}{cells}")
    out.print(f"  nearer than any held-out {things[:-1]} is: {found.nearest_share:.1%}, p = {found.p_nearest:.2g}")
    out.print(
        f"  of {found.whose_images:,} real {things} nearest to samples {found.whose_images_share:.1%} are held out, "
        f"expected {found.whose_expected:.1%}, p = {found.p_whose:.2g}"
    )
