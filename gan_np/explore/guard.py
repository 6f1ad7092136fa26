"""Who may ask: whoever knows the token, under a name of this machine, from this page.

The server listens on 127.0.0.1, which every page in the same browser can reach too. So each request must have

- the token in its path, `/TOKEN/…`, which only the address that was printed has;
- a `Host` that is a name of this machine: a foreign page that has its own name resolve to 127.0.0.1 (DNS rebinding) still
  sends its own name;
- no `Origin` other than that of this page: a foreign page's requests say where they come from.

A body has at most so many bytes, counted as they come.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 8 << 20
"""Bytes: a photograph; everything else that is asked is far smaller."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer: the page runs its own scripts alone, nobody frames it, and its address is told to nobody."""


class TooLarge(Exception):
    """A body of more bytes than are taken."""


class Guard:
    """An application behind the three checks; what passes them loses the token from its path.

    app: what is behind. token: what the path begins with. host: where the server listens; beside it the names of this
    machine for itself are taken, and where it listens on all addresses any address written in numbers, which no
    foreign name can be. largest: bytes of a body.
    """

    def __init__(self, app: App, token: str, host: str = "127.0.0.1", largest: int = LARGEST_BODY) -> None:
        self.app, self.token, self.host, self.largest = app, token, host, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 403 or 413."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope["path"], headers)
        if refusal is not None:
            await _answer(send, 403, refusal)
            return
        if _number(headers.get("content-length", "0")) > self.largest:
            await _answer(send, 413, self._too_large)
            return
        inner = {**scope, "path": "/" + scope["path"].split("/", 2)[2], "raw_path": None}
        started, taken = False, 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.largest:
                raise TooLarge
            return message

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        try:
            await self.app(inner, bounded, with_headers)
        except TooLarge:
            if not started:
                await _answer(send, 413, self._too_large)

    def refusal(self, path: str, headers: MutableMapping[str, str]) -> str | None:
        """Why a request is refused; None where it is not."""
        parts = path.split("/", 2)
        if len(parts) < 3 or not hmac.compare_digest(parts[1].encode(), self.token.encode()):
            return "This address has not the right token: open the whole address that the command printed."
        host = headers.get("host", "")
        if not self.knows(host):
            return "This is not a name of this machine."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "Another page may not ask."
        return None

    def knows(self, host: str) -> bool:
        """Whether a `Host`, with or without a port, is one of this machine."""
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdecimal():
            name = host
        name = name.removeprefix("[").removesuffix("]").lower()
        if name in ("127.0.0.1", "localhost", "::1", self.host.lower()):
            return True
        return self.host in ("0.0.0.0", "::") and _is_address(name)

    @property
    def _too_large(self) -> str:
        return f"Too large: at most {self.largest:,} bytes are taken."


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 20 else 0


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
