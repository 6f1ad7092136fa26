"""How a page's server answers: in a thread, with the words of an error for who asked, and files of the page by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .asked import mapping_of

WEB = Path(__file__).parent / "web"
"""What is built from `frontend/`."""
EXPECTED = (ValueError, TypeError, OSError, RuntimeError, ArithmeticError)
"""Errors whose message is meant for who asked."""

Answer = Callable[[dict[str, Any]], Response]


def answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes a JSON object, works in a thread, and says in words what was wrong."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            return await run_in_threadpool(answer, mapping_of(body or b"{}"))
        except EXPECTED as error:
            return refused(error)

    return endpoint


def refused(error: Exception) -> Response:
    """What is answered where something was asked that cannot be done: status 404 or 400, and the error's own words."""
    status = 404 if isinstance(error, FileNotFoundError) else 400
    return JSONResponse({"error": " ".join([str(error), *getattr(error, "__notes__", [])])}, status)


def page_file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that gives a file of the page, read once."""
    content = (WEB / name).read_bytes()

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=kind)

    return endpoint
