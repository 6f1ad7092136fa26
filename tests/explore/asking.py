"""Requests to an ASGI application, without a server: with any header, and with a body in pieces."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

TOKEN = "a-token"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: Any,
    path: str,
    body: Any = b"",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    token: str = TOKEN,
    pieces: Sequence[bytes] | None = None,
) -> Answer:
    """What `app` answers; a body that is no bytes goes as JSON, `pieces` one by one and without a length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path, _, query = f"/{token}/{path}".partition("?")
    given = {"host": "127.0.0.1:8000", **(headers or {})}
    if pieces is None and method == "POST":
        given.setdefault("content-length", str(len(content)))
    parts = list(pieces) if pieces is not None else [content]
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }

    async def receive() -> dict[str, Any]:
        if not parts:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start = next(message for message in sent if message["type"] == "http.response.start")
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message.get("body", b"") for message in sent))


def check_command_serves(words: Sequence[str], script: str) -> None:
    """A command serves its page on this machine, which loads this script, refuses another token, and ends by Ctrl-C."""
    command = [sys.executable, "-m", "gan_np", *words, "--no-open"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = next(line.strip() for line in process.stderr if "http" in line)
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=30) as page:
            assert script.encode() in page.read()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.rsplit("/", 2)[0] + "/another/", timeout=30)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
        process.stderr.close()
