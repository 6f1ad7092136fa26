"""`gan-np explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import say
from .usage import device_name


def explore(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="A run folder or a checkpoint; more runs are watched beside it."),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is any free port.")] = 0,
    host: Annotated[
        str, typer.Option(help="An address of this machine; any other than 127.0.0.1 can be reached from outside.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    average: Annotated[bool, typer.Option(help="From the average of G's weights, or from the last ones.")] = True,
    classifier: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Reads the classes of images: a file of gan-np train-classifier (default: the run's own).",
        ),
    ] = None,
    device: Annotated[str, typer.Option(callback=device_name, help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Open a page in the browser that moves through a trained generator, and watches a run that trains.

    The address has a token: who does not know it cannot ask. Ctrl-C ends it. As one file without a server:
    gan-np export RUN --to explorer.html.
    """
    from gan_np.explore.server import serve

    if host != "127.0.0.1":
        say(f"listening on {host}: whoever reaches this machine and knows the address can use the page")
    serve(
        runs,
        host=host,
        port=port,
        device=device,
        average=average,
        classifier=classifier,
        browser=browser,
        said=lambda address: say(f"the page is at\n  {address}\nCtrl-C ends it"),
    )
