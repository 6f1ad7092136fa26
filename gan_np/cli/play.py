"""`gan-np play`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import say


def play(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is any free port.")] = 0,
    host: Annotated[
        str, typer.Option(help="An address of this machine; any other than 127.0.0.1 can be reached from outside.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Open a page in the browser on which small GANs of points train before one's eyes.

    Draw points or choose some, choose what the players minimise, and watch D's output, G's map and the gradient that each
    sample receives. Buttons set up what there is to see. The address has a token: who does not know it cannot ask. Ctrl-C
    ends it.
    """
    from gan_np.explore.server import serve_page

    def made(token: str) -> object:
        from gan_np.explore.play.app import application

        return application(token, host=host)

    if host != "127.0.0.1":
        say(f"listening on {host}: whoever reaches this machine and knows the address can use the page")
    serve_page(
        made,
        host=host,
        port=port,
        browser=browser,
        said=lambda address: say(f"the page is at\n  {address}\nCtrl-C ends it"),
        name="play",
    )
