"""The addresses of the page, all behind the same `Guard` as those of `gan-np explore`."""

from __future__ import annotations

import inspect
import secrets
import threading
import time
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gan_np.objectives import OBJECTIVES
from gan_np.optimizers import OPTIMIZERS
from gan_np.penalties import PENALTIES

from ..answers import answering, page_file
from ..asked import number_of, text_of, whole_of
from ..guard import Guard
from .distributions import DISTRIBUTIONS, EDGE
from .experiments import EXPERIMENTS
from .history import COLUMNS
from .session import FASTEST, MOST_SIDES, Session
from .settings import ACTIVATIONS, LATENTS, LIVE, MOST_DRAWN, NUMBERS, WHOLES, Settings
from .worker import Worker

FILES = {
    "": ("play.html", "text/html"),
    "play.js": ("play.js", "text/javascript"),
    "play.css": ("play.css", "text/css"),
}
"""Every file that is served, by its address."""
LARGEST_BODY = 1 << 18
"""Bytes of a request: two times 400 points with room to spare."""
MOST_SESSIONS = 4
"""Pages that play at a time; the one that was not asked for longest makes room for a new one."""
MOST_UPDATES = 200
"""Updates of one request."""


def application(token: str, *, host: str = "127.0.0.1") -> Guard:
    """The page on which small GANs train; it reads no file and writes none."""
    return Guard(Starlette(routes=_Page().routes()), token, host, LARGEST_BODY)


class _Page:
    def __init__(self) -> None:
        self.worker = Worker()
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """One for each thing that can be asked."""
        asked = {
            "about": lambda _: JSONResponse(about()),
            "set": self.set,
            "play": self.play,
            "update": self.update,
            "frame": self.frame,
        }
        made = [Route(f"/api/{name}", answering(answer), methods=["POST"]) for name, answer in asked.items()]
        made += [Route(f"/{name}", page_file(*file), methods=["GET"]) for name, file in FILES.items()]
        return made

    def set(self, asked: dict[str, Any]) -> Response:
        """Settings of one or two sides: a game goes on with them where it can, or begins anew, as it does with "anew"."""
        sides = asked.get("sides")
        if not isinstance(sides, list) or not 1 <= len(sides) <= MOST_SIDES:
            raise ValueError(f"sides: expected a list of 1 or {MOST_SIDES} settings")
        settings = []
        for name, side in zip("AB", sides, strict=False):
            try:
                settings.append(Settings.of(side))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        known = self._known(asked)
        if known is not None and asked.get("anew") is not True:
            session = self._sessions[known]
            if self.worker.ask(lambda: session.change(settings)):
                return JSONResponse({**session.about(), "session": known, "anew": False})
        made = self.worker.ask(lambda: Session(settings))
        name = known or secrets.token_urlsafe(9)
        with self._lock:
            before = self._sessions.pop(name, None)
            if before is not None:
                made.play(before.playing, before.speed, time.monotonic())
            while len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[name] = made
            self.worker.tasks = list(self._sessions.values())
        return JSONResponse({**made.about(), "session": name, "anew": True})

    def play(self, asked: dict[str, Any]) -> Response:
        """Begin or stop moving, at so many steps a second."""
        session, playing = self._session(asked), asked.get("playing")
        if not isinstance(playing, bool):
            raise ValueError("playing: expected true or false")
        speed = number_of(asked, "speed", 0.1, FASTEST, session.speed)
        self.worker.ask(lambda: session.play(playing, speed, time.monotonic()))
        return JSONResponse({"playing": playing, "speed": speed})

    def update(self, asked: dict[str, Any]) -> Response:
        """So many updates of one player, or steps of both."""
        session, player = self._session(asked), text_of(asked, "player", 4)
        if player not in ("d", "g", "both"):
            raise ValueError(f"player: expected d, g or both, got {player!r}")
        count = whole_of(asked, "count", 1, MOST_UPDATES, 1)

        def move() -> None:
            session.play(False, session.speed, time.monotonic())
            for _ in range(count):
                session.update(player)

        self.worker.ask(move)
        return JSONResponse({"step": session.steps})

    def frame(self, asked: dict[str, Any]) -> Response:
        """What is drawn now, see `Session.frame`; asked for when the last one was drawn, so that none waits in between."""
        session, history = self._session(asked), asked.get("history", True) is True
        made = self.worker.ask(lambda: session.frame(time.monotonic(), history=history))
        return Response(made, media_type="application/octet-stream")

    def _known(self, asked: dict[str, Any]) -> str | None:
        name = text_of(asked, "session", 100)
        return name if name in self._sessions else None

    def _session(self, asked: dict[str, Any]) -> Session:
        """The one that is named, which so is the last that would make room for another."""
        with self._lock:
            name = self._known(asked)
            if name is None:
                raise FileNotFoundError("session: this game is over, another page took its place; begin again")
            session = self._sessions[name] = self._sessions.pop(name)
            return session


def about() -> dict[str, Any]:
    """What can be chosen, with its bounds, and what the buttons set up."""
    return {
        "usual": Settings().plain(),
        "distributions": DISTRIBUTIONS,
        "objectives": {
            name: {"help": _first(made), "constrained": bool(getattr(made, "needs_constraint", False))}
            for name, made in ((name, OBJECTIVES[name]) for name in OBJECTIVES)
        },
        "penalties": {name: _first(PENALTIES[name]) for name in PENALTIES},
        "optimizers": list(OPTIMIZERS),
        "activations": ACTIVATIONS,
        "latents": LATENTS,
        "bounds": {**WHOLES, **NUMBERS},
        "live": sorted(LIVE),
        "edge": EDGE,
        "drawn": MOST_DRAWN,
        "columns": COLUMNS,
        "experiments": [experiment.plain() for experiment in EXPERIMENTS],
    }


def _first(made: Any) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(made) or "").split("\n\n")[0].split())
