"""Who may ask: each check alone, and what an answer says to a browser."""

from typing import Any

import pytest
from asking import TOKEN, ask

from gan_np.explore.guard import Guard


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, and answers the path that it was given."""
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def guarded(host: str = "127.0.0.1") -> Guard:
    return Guard(inner, TOKEN, host, largest=100)


def test_whoever_knows_the_token_is_let_in_and_the_token_is_gone_from_the_path() -> None:
    found = ask(guarded(), "api/info")
    assert (found.status, found.body) == (200, b"/api/info")


@pytest.mark.parametrize("token", ["", "another", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä", f"{TOKEN}%2f.."])
def test_a_wrong_token_is_refused(token: str) -> None:
    found = ask(guarded(), "api/info", token=token)
    assert found.status == 403
    assert b"api/info" not in found.body


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000", "[::1]"])
def test_names_of_this_machine(host: str) -> None:
    assert ask(guarded(), "", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "10.0.0.7",
        "0.0.0.0",
    ],
)
def test_a_foreign_name_that_resolves_here_is_refused(host: str) -> None:
    """DNS rebinding."""
    assert ask(guarded(), "", headers={"host": host}).status == 403


def test_on_all_addresses_a_number_is_taken_and_a_name_is_not() -> None:
    assert ask(guarded("0.0.0.0"), "", headers={"host": "10.0.0.7:8000"}).status == 200
    assert ask(guarded("0.0.0.0"), "", headers={"host": "evil.example:8000"}).status == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:8001", 403),
        ("https://127.0.0.1:8000", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_another_page_may_not_ask(origin: str, status: int) -> None:
    assert ask(guarded(), "api/keep", headers={"origin": origin}).status == status


def test_a_body_is_bounded_by_what_it_says_and_by_what_comes() -> None:
    assert ask(guarded(), "", b"x" * 100).status == 200
    assert ask(guarded(), "", b"x" * 101).status == 413
    assert ask(guarded(), "", pieces=[b"x" * 60, b"x" * 40]).status == 200
    assert ask(guarded(), "", pieces=[b"x" * 60, b"x" * 41]).status == 413
    assert ask(guarded(), "", pieces=[b"x" * 101], headers={"content-length": "3"}).status == 413


@pytest.mark.parametrize("token", [TOKEN, "another"])
def test_every_answer_keeps_other_pages_and_scripts_out(token: str) -> None:
    headers = ask(guarded(), "", token=token).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
