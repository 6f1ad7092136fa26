"""The addresses of the page, all behind `Guard`: token, host and origin were checked, and the body is bounded."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gan_np.arrays import Array

from .answers import EXPECTED, Answer, answering, page_file, refused
from .asked import number_of, points_of, text_of, whole_of, wholes_of
from .explorer import MOST_FRAMES, Explorer
from .guard import Guard
from .known import learn_apart
from .measured import MOST_DIRECTIONS, Learnt, Measured
from .memory import Memory, verdict_apart
from .plane import plane_of
from .sprite import png, sheet_of
from .watched import Watched, watched_runs

FILES = {"": ("index.html", "text/html"), "app.js": ("app.js", "text/javascript"), "app.css": ("app.css", "text/css")}
"""Every file that is served, by its address: no other can be asked for."""
LARGEST_SEED = (1 << 53) - 1
ENDINGS = {"gif": "image/gif", "webp": "image/webp", "apng": "image/apng"}


def application(
    runs: Sequence[Path],
    token: str,
    *,
    host: str = "127.0.0.1",
    device: str = "cpu",
    average: bool = True,
    classifier: Path | None = None,
    verdict: Callable[[str], dict[str, Any]] = verdict_apart,
    learn: Callable[[str], Learnt] = learn_apart,
) -> Guard:
    """The page of one run or several: the first is opened, all are watched.

    classifier: a file that reads the classes of its images. verdict: makes the verdict of the test for copies of a run
    folder, learn: the reader of what is known of its training images; both by default in a process of their own.

    Raises:
        FileNotFoundError, CheckpointError: no such run, or no such classifier. ShapeError: it reads other images.
    """
    explorer = Explorer(runs[0], device=device, average=average)
    page = _Page(explorer, runs[1:], Measured(explorer, classifier, learn), verdict)
    return Guard(Starlette(routes=page.routes()), token, host)


class _Page:
    def __init__(
        self,
        explorer: Explorer,
        others: Sequence[Path],
        measured: Measured,
        verdict: Callable[[str], dict[str, Any]],
    ) -> None:
        self.explorer, self.measured = explorer, measured
        self.memory = Memory(explorer.run)
        self.watched = watched_runs([explorer.run, *others])
        self._judge, self._judging = verdict, threading.Lock()

    def routes(self) -> list[Route]:
        """One for each thing that can be asked."""
        asked: dict[str, Answer] = {
            "info": self.info,
            "factors": lambda _: JSONResponse(self.measured.factors()),
            "effects": self.effects,
            "learn": lambda _: JSONResponse(self.measured.learn()),
            "points": self.points,
            "images": self.images,
            "series": self.series,
            "nearest": self.nearest,
            "verdict": self.verdict,
            "keep": self.keep,
            "walk": self.walk,
            "watch": lambda _: JSONResponse([run.look() for run in self.watched]),
            "grid": self.grid,
            "plane": self.plane,
            "reload": self.reload,
        }
        made = [Route(f"/api/{name}", answering(answer), methods=["POST"]) for name, answer in asked.items()]
        made.append(Route("/api/invert", self.invert, methods=["POST"]))
        made += [Route(f"/{name}", page_file(*file), methods=["GET"]) for name, file in FILES.items()]
        return made

    def info(self, _: dict[str, Any]) -> Response:
        return JSONResponse({**self.explorer.about(), "runs": len(self.watched)})

    def reload(self, _: dict[str, Any]) -> Response:
        if self.explorer.step is None or self.explorer.newest() != self.explorer.step:
            self.explorer.open()
        return self.info({})

    def points(self, asked: dict[str, Any]) -> Response:
        seeds = wholes_of(asked, "seeds", None, 0, LARGEST_SEED)
        if seeds is None:
            raise ValueError("seeds: expected a list of whole numbers")
        z, labels = self.explorer.points(seeds)
        return JSONResponse({"z": z.astype(float).tolist(), "labels": labels})

    def images(self, asked: dict[str, Any]) -> Response:
        z = self._points(asked)
        columns = whole_of(asked, "columns", 1, len(z), len(z))
        labels, seeds = self._labels(asked, len(z)), wholes_of(asked, "seeds", len(z), 0, LARGEST_SEED)
        return _image(sheet_of(self.explorer.images(z, labels, seeds), columns))

    def series(self, asked: dict[str, Any]) -> Response:
        z = self._points(asked, most=1)
        made = self.explorer.series(z, self._labels(asked, 1), whole_of(asked, "seed", 0, LARGEST_SEED, 0))
        return _image(sheet_of(made, len(made)))

    def nearest(self, asked: dict[str, Any]) -> Response:
        z = self._points(asked, most=1)
        explorer, labels = self.explorer, self._labels(asked, 1)
        given = None if labels is None else np.asarray(labels, np.int64)
        with explorer.lock:
            image = explorer.model.decode(
                z, labels=given, average=explorer.average, seed=whole_of(asked, "seed", 0, LARGEST_SEED, 0)
            )
            shown, distances, numbers = self.memory.nearest(image, whole_of(asked, "count", 1, 16, 6))
        return JSONResponse(
            {
                "distances": distances,
                "numbers": numbers,
                "sheet": _data(sheet_of(shown, len(shown))),
                "count": len(shown),
            }
        )

    def verdict(self, _: dict[str, Any]) -> Response:
        if not self._judging.acquire(blocking=False):
            raise ValueError("verdict: the test for copies is running already")
        try:
            return JSONResponse(self._judge(str(self.explorer.run)))
        finally:
            self._judging.release()

    def keep(self, asked: dict[str, Any]) -> Response:
        vector = points_of({"vector": [asked.get("vector")]}, self.explorer.gan.prior.dim, np.dtype(float), "vector")
        self.explorer.keep(text_of(asked, "name", 100), vector[0], text_of(asked, "source", 300))
        return JSONResponse(self.measured.factors())

    def effects(self, asked: dict[str, Any]) -> Response:
        names = asked.get("directions")
        if (
            not isinstance(names, list)
            or len(names) > MOST_DIRECTIONS
            or not all(isinstance(one, str) for one in names)
        ):
            raise ValueError(f"directions: expected a list of at most {MOST_DIRECTIONS} names")
        return JSONResponse(self.measured.effects(names))

    def walk(self, asked: dict[str, Any]) -> Response:
        stops = points_of(asked, self.explorer.gan.prior.dim, self.explorer.dtype, "stops", 64)
        ending = text_of(asked, "ending", 8)
        if ending not in ENDINGS:
            raise ValueError(f"ending: expected one of {', '.join(ENDINGS)}, got {ending!r}")
        labels = self._labels(asked, 1)
        made = self.explorer.walk(
            stops,
            None if labels is None else labels[0],
            whole_of(asked, "frames", 2, MOST_FRAMES, 60),
            number_of(asked, "fps", 1, 50, 20),
            f".{ending}",
        )
        return Response(made, media_type=ENDINGS[ending])

    def grid(self, asked: dict[str, Any]) -> Response:
        run = self._run(asked)
        written = io.BytesIO()
        run.grid(whole_of(asked, "step", 0, 10**12)).save(written, "PNG", compress_level=1)
        return Response(written.getvalue(), media_type="image/png")

    def plane(self, asked: dict[str, Any]) -> Response:
        if "step" in asked:
            run, step = self._run(asked), whole_of(asked, "step", 0, 10**12)
            return JSONResponse({**run.plane(step), "step": step})
        explorer = self.explorer
        with explorer.lock:
            try:
                data = self.memory.images()
            except EXPECTED:
                data = None  # given in Python, or moved: the rest can be shown
            return JSONResponse({**plane_of(explorer.gan, data, average=explorer.average), "step": explorer.step})

    async def invert(self, request: Request) -> Response:
        """The body is the file."""
        try:
            label = request.query_params.get("label")
            asked = {} if label is None else {"labels": [int(label)] if label.isdecimal() else None}
            labels, body = self._labels(asked, 1), await request.body()
            z, distance, image = await run_in_threadpool(
                self.explorer.invert, body, None if labels is None else labels[0]
            )
        except EXPECTED as error:
            return refused(error)
        return JSONResponse({"z": z.astype(float).tolist(), "distance": distance, "image": _data(image)})

    def _run(self, asked: dict[str, Any]) -> Watched:
        return self.watched[whole_of(asked, "run", 0, len(self.watched) - 1, 0)]

    def _points(self, asked: dict[str, Any], most: int = 400) -> Array:
        return points_of(asked, self.explorer.gan.prior.dim, self.explorer.dtype, most=most)

    def _labels(self, asked: dict[str, Any], count: int) -> list[int] | None:
        table = self.explorer.model.labels
        if table is None:
            return None
        labels = wholes_of(asked, "labels", count, -(1 << 63), (1 << 63) - 1)
        return [table.values[0]] * count if labels is None else labels


def _image(sheet: Array) -> Response:
    return Response(png(sheet), media_type="image/png")


def _data(sheet: Array) -> str:
    return "data:image/png;base64," + base64.b64encode(png(sheet)).decode()
