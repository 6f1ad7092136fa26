"""`gan-np sample`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gan_np.arrays import Array
from gan_np.distributed import device_of_rank
from gan_np.ranks import Ranks

from .animation import label_asked
from .output import say
from .seeds import parse_seeds
from .together import ranks_of_command
from .usage import checking_options, device_name, wrong_option

if TYPE_CHECKING:
    from gan_np.models import Model


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    count: Annotated[
        int | None, typer.Option(min=1, help="How many images [dim]\\[64][/dim].", show_default=False)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Same seed, same images, whatever the count [dim]\\[0][/dim].", show_default=False),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="One image for each of these seeds, as in 3,7,10-20, in place of --count and --seed; that of a seed is the "
            "same whatever is beside it.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Single images: a folder (no ending; new or empty) or a .zip. A grid, or of one image itself: .png, … "
            "Numbers: .npy, .npz, of vectors .csv "
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
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Conditional models: one class a row, or a folder for each class.")
    ] = False,
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
    """Draw samples from a trained run: images singly or as a grid, vectors as numbers.

    A conditional model draws each class as often as the data have it, unless --label or --by-class ask otherwise. Any
    number of single images takes the memory of a few. Under mpiexec all processes draw single images together.
    """
    from gan_np.models import Truncation
    from gan_np.runs import load_gan
    from gan_np.runs.sample_files import check_samples_file, written_singly

    with checking_options():
        changed = Truncation(truncation, truncation_bound)
        numbers = None if seeds is None else parse_seeds(seeds)
    for name, number in (("count", count), ("seed", seed)):
        if numbers is not None and number is not None:
            raise wrong_option(f"{name}: --seeds says which images to draw, one for each; leave out one of them")
    count, seed = 64 if count is None else count, seed or 0
    if by_class and label is not None:
        raise wrong_option("by_class: one class a row leaves nothing for --label to choose")
    for name, given in (("by_class", by_class), ("steps", steps), ("vary", vary is not None)):
        if given and numbers is not None:
            raise wrong_option(f"seeds: say which images to draw, one for each; leave out --{name.replace('_', '-')}")
        if given and changed and name != "by_class":
            raise wrong_option(f"truncation: changes z, which --{name} draws by itself; leave out one of them")
    ranks = ranks_of_command()
    gan: Model = load_gan(run, device=device_of_rank(device, ranks))
    vectors = len(gan.data_shape) == 1
    out = out or Path("samples.csv" if vectors else "grid.png")
    with checking_options():
        singly = written_singly(out, vectors=vectors)
    if not singly and ranks.size > 1:
        say(f"a drawing of all samples is made by one process; the others of {ranks.size} do nothing")
        if ranks.rank:
            return
    labels: Array | int | None = label_asked(gan, label)
    if by_class:
        table = gan.labels
        if table is None:
            raise ValueError("by-class: needs a conditional model")
        across = columns or max(1, count // len(table))
        labels = np.array(table.values).repeat(across)
        count, columns = len(labels), across
        if not table.plain:
            say(f"{'folders' if singly else 'rows'}: {', '.join(table.names)}")
    if steps or vary is not None:
        if singly:
            raise wrong_option(f"out: --{'steps' if steps else 'vary'} draws a grid; expected the name of an image")
        path = _special(gan, out, count, seed, labels, steps, vary, columns, average)
    else:
        asked = _Asked(gan, count, seed, numbers, labels, average, truncation, truncation_bound, ranks)
        if singly:
            if columns is not None and not by_class:
                raise wrong_option("columns: are those of a grid, and these are single samples; leave it out")
            if ranks.rank == 0:
                check_samples_file(out, gan.data_shape)
            path = _singly(asked, out, by_class)
        else:
            path = _drawn(asked, out, columns)
    say(f"wrote {path}")


@dataclass(frozen=True)
class _Asked:
    """Which samples."""

    gan: Model
    count: int
    seed: int
    seeds: list[int] | None
    labels: Any
    average: bool
    truncation: float
    truncation_bound: float | None
    ranks: Ranks

    @property
    def changed(self) -> bool:
        """Whether z is truncated."""
        return self.truncation != 1 or self.truncation_bound is not None

    @property
    def number(self) -> int:
        """How many."""
        return self.count if self.seeds is None else len(self.seeds)

    def parts(self) -> Iterator[Array]:
        """All samples, part by part; of several ranks each makes every N-th part."""
        options: dict[str, Any] = {
            "labels": self.labels,
            "average": self.average,
            "truncation": self.truncation,
            "truncation_bound": self.truncation_bound,
        }
        if self.seeds is not None:
            return self.gan.of_seeds(self.seeds[self.ranks.rank :: self.ranks.size], **options)
        if not self.changed and not self.gan.draws_parts:  # all at once, as before there were parts
            if self.ranks.size > 1:
                say(f"this model draws all its samples at once: one process does; the others of {self.ranks.size} wait")
            if self.ranks.rank:
                return iter(())
            return iter([self.gan.sample(self.count, self.seed, labels=self.labels, average=self.average)])
        return self.gan.stream(self.count, self.seed, **options, ranks=self.ranks)

    def labels_drawn(self) -> Array | None:
        """The label of each sample, of a conditional model."""
        table = self.gan.labels
        if table is None:
            return None
        if self.labels is not None:
            return np.broadcast_to(table.labels_of(table.asked(self.labels)), (self.number,))
        if self.seeds is not None:
            return np.array([self.gan.label_of_seed(seed) for seed in self.seeds], np.int64)
        return table.labels_of(table.drawn(self.count))


def _special(
    gan: Model,
    out: Path,
    count: int,
    seed: int,
    labels: Any,
    steps: bool,
    vary: int | None,
    columns: int | None,
    average: bool,
) -> Path:
    """Grids of a model that draws in steps, or of one with codes."""
    from gan_np.data import save_grid
    from gan_np.runs.drawing import save_series

    if steps:
        if gan.draw_steps == 1:
            raise ValueError(
                "steps: needs a sequential model, which draws in steps (gran, lapgan); this one draws at once"
            )
        return save_series(gan, out, count, seed, labels=labels, average=average)
    of_codes = getattr(gan, "vary", None)
    if of_codes is None:
        raise ValueError("vary: needs a model with codes (infogan)")
    across = columns or 10
    return save_grid(of_codes(vary, max(1, count // across), across, seed), out, columns=across)


def _singly(asked: _Asked, out: Path, by_class: bool) -> Path:
    """One by one, into a folder or a file."""
    from gan_np.runs.sample_files import save_samples

    labels = asked.labels_drawn() if by_class or out.suffix.lower() == ".npz" else None
    names = _names(asked, labels if by_class else None)
    columns = getattr(asked.gan.encoding, "columns", None)
    return save_samples(
        asked.parts(), asked.number, out, names=names, labels=labels, columns=columns, ranks=asked.ranks
    )


def _names(asked: _Asked, labels: Array | None) -> Callable[[int], str]:
    """What each file is called: its number or its seed, all with as many figures; in the folder of its class."""
    seeds, table = asked.seeds, asked.gan.labels
    width = max(5, len(str(max(seeds) if seeds is not None else asked.count - 1)))

    def name(number: int) -> str:
        file = f"{number:0{width}}.png" if seeds is None else f"seed-{seeds[number]:0{width}}.png"
        if labels is None or table is None:
            return file
        value = int(labels[number])
        called = table.names[table.values.index(value)]
        plain = re.fullmatch(r"\w[\w .+-]*", called) is not None  # a name that is a path would lead elsewhere
        return f"{called if plain else value}/{file}"

    return name


def _drawn(asked: _Asked, out: Path, columns: int | None) -> Path:
    """All in one image: a grid, of one image the image itself, of vectors a plot."""
    from gan_np.data import save_grid, save_image
    from gan_np.data.images import as_bytes
    from gan_np.runs.sample_images import draw

    if asked.seeds is None and not asked.changed:
        samples = asked.gan.sample(asked.count, asked.seed, labels=asked.labels, average=asked.average)
    else:
        samples = np.concatenate(list(asked.parts()))
    if samples.ndim == 4:
        if len(samples) == 1 and columns is None and samples.shape[3] in (1, 3, 4):
            return save_image(as_bytes(samples)[0], out)
        return save_grid(samples, out, columns=columns)
    path = draw(samples, None, out, getattr(asked.gan.encoding, "columns", None))
    if path is None:
        raise ModuleNotFoundError('out: drawing vectors needs matplotlib: python -m pip install "gan_np[plot]"')
    return path
