"""The command line: `gan-np train`, `gan-np sample`.

Exit codes: 0 done; 1 the work could not be done (the message says why); 2 the command line was wrong; 130 interrupted.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from rich.console import Console

from gan_np.training.config import Config

app = typer.Typer(
    name="gan-np",
    help="Train and use generative adversarial networks, with no framework underneath.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def _main() -> None:
    """Keeps `train` a sub-command even while it is the only one."""


def _train(config: Path | None, out: Path | None, quiet: bool, **flags: Any) -> None:
    """Train a GAN; with no options, a DCGAN on 5,000 handwritten digits, about two minutes on two cores.

    Leaves a run folder with sample grids over time, the final grid, a loss plot, a log (one JSON object a line), the
    configuration and a checkpoint. What counts: flags over the file given by --config over the defaults shown here.
    """
    from gan_np import data
    from gan_np.training import build_gan, train
    from gan_np.training.folder import RunFolder

    console = Console(stderr=True, quiet=quiet)
    chosen = resolve(config, flags)
    images = data.load(chosen.data, image_size=chosen.image_size, channels=chosen.channels)
    gan = build_gan(chosen, images.shape[1:])
    folder = out or RunFolder.free_name(chosen)
    shape = "×".join(map(str, gan.image_shape))
    console.print(
        f"{chosen.model} on {len(images):,} pictures of {shape} from {chosen.data}: "
        f"G {len(gan.generator.parameters):,} and D {len(gan.discriminator.parameters):,} parameters, "
        f"{gan.generator.dtype} on {gan.generator.device}",
        highlight=False,
    )
    started = time.monotonic()
    train(gan, images, out=folder, config=chosen, progress=not quiet)
    seconds = time.monotonic() - started
    console.print(f"trained {chosen.steps:,} steps in {seconds:.0f} s", highlight=False)
    for name in ("samples.png", "losses.png", "log.jsonl", "config.toml"):
        place = folder / name
        missing = "  (not drawn: matplotlib is not installed)" if name == "losses.png" and not place.exists() else ""
        console.print(f"  {place}{missing}", highlight=False, soft_wrap=True)
    console.print(
        f"next: look at {folder / 'samples.png'}, then  gan-np sample {folder} --count 64 --seed 1 --out grid.png",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same pictures, whatever the count.")] = 0,
    out: Annotated[Path, typer.Option(help="The picture file to write.")] = Path("grid.png"),
    columns: Annotated[int | None, typer.Option(min=1, help="Pictures in a row (default: nearly square).")] = None,
    average: Annotated[bool, typer.Option(help="Sample from the average of G's weights, or from the last ones.")] = True,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Draw pictures from a trained run as a grid."""
    from gan_np.data import save_grid
    from gan_np.training import load_gan

    gan = load_gan(run, device=device)
    path = save_grid(gan.sample(count, seed, average=average), out, columns=columns)
    Console(stderr=True).print(f"wrote {path}", highlight=False, soft_wrap=True)


def resolve(file: Path | None, flags: dict[str, Any]) -> Config:
    """The configuration: flags that were given, over the file, over the defaults."""
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"config: {file} is not a TOML file: {error}") from error
    values.update({name: value for name, value in flags.items() if value is not None})
    return Config.from_mapping(values)


def _with_flags(command: Any) -> Any:
    """Give a command one flag for each field of `Config`: type, help text, group and default come from there."""
    hints = get_type_hints(Config)
    fixed = [
        inspect.Parameter(
            "config",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Path | None, typer.Option(exists=True, dir_okay=False, help="A TOML file with any of these by name.")
            ],
        ),
        inspect.Parameter(
            "out",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Path | None,
                typer.Option(help="The run folder to make.", show_default="runs/DATA-MODEL-N", rich_help_panel="Output"),
            ],
        ),
        inspect.Parameter(
            "quiet",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option("--quiet", help="Print nothing.", rich_help_panel="Output")],
        ),
    ]
    flags = []
    for field in dataclasses.fields(Config):
        shown = "none" if field.default is None else str(field.default).lower()
        option = typer.Option(
            help=field.metadata["help"], rich_help_panel=field.metadata["group"], show_default=shown
        )
        kind = hints[field.name]
        flags.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,  # None: not given, so the file or the default counts
                annotation=Annotated[kind | None, option],
            )
        )
    command.__signature__ = inspect.Signature([*fixed, *flags])
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*fixed, *flags]}
    return command


app.command("train")(_with_flags(_train))


def main() -> None:
    """Entry point of `gan-np`: expected errors become one line and exit code 1."""
    try:
        app()
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted")
        sys.exit(130)
    except (ValueError, TypeError, OSError, RuntimeError, ModuleNotFoundError) as error:
        notes = " ".join(getattr(error, "__notes__", []))
        Console(stderr=True).print(f"gan-np: {error} {notes}".rstrip(), style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)
