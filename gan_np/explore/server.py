"""The process that serves the page."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gan_np.runs.lock import HOLDER


def serve(
    runs: Sequence[Path],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    device: str = "cpu",
    average: bool = True,
    classifier: Path | None = None,
    browser: bool = True,
    said: Callable[[str], None] = print,
) -> None:
    """Serve the page of a run until it is interrupted.

    runs: the first is opened, all are watched. host: 127.0.0.1 is reached from this machine alone. port: 0 for a free one.
    classifier: a file that reads the classes of its images, None for that of the run. browser: whether the page is opened
    in one, where there is a screen. said: is given the address.

    Raises:
        ModuleNotFoundError: the extra `explore` is missing.
        OSError: the port is taken.
    """

    def made(token: str) -> Any:
        from .app import application

        return application(runs, token, host=host, device=device, average=average, classifier=classifier)

    _give_way(runs)
    serve_page(made, host=host, port=port, browser=browser, said=said)


def serve_page(
    made: Callable[[str], Any],
    *,
    host: str,
    port: int,
    browser: bool,
    said: Callable[[str], None],
    name: str = "explore",
) -> None:
    """Serve an application until it is interrupted.

    made: makes it for a token that its addresses begin with, which is drawn here; all else as in `serve`. name: of the
    command, for messages.

    Raises:
        ModuleNotFoundError, OSError: as in `serve`.
    """
    token = secrets.token_urlsafe(24)
    try:
        import uvicorn

        app = made(token)
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette"):
            raise
        raise ModuleNotFoundError(
            f'{name}: the page needs Starlette and uvicorn: python -m pip install "gan_np[explore]"', name=error.name
        ) from error
    listening = listening_at(host, port)
    address = address_of(listening, token)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", ws="none", server_header=False, proxy_headers=False)
    )
    said(address)
    if browser and has_screen():
        webbrowser.open(address)
    with listening:
        server.run(sockets=[listening])


def _give_way(runs: Sequence[Path]) -> None:
    """Where one of the runs trains, its steps go before the page's images."""
    if hasattr(os, "nice") and any((Path(run) / HOLDER).exists() for run in runs):
        os.nice(10)


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens, whose connections send what they have at once.

    They take TCP_NODELAY over from it; asyncio sets it only on sockets that name their protocol, which these do not. Without
    it an answer in two parts waits until the first is acknowledged: 40 ms on Linux.
    """
    made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def address_of(listening: socket.socket, token: str) -> str:
    """The address of the page that a socket serves."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{token}/"


def has_screen() -> bool:
    """Whether a browser that is opened would be seen, and not fill the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
