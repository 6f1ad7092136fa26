"""What the page of `gan-np play` may ask, what it may not, and the command that serves it."""

import json
from typing import Any

import pytest
from asking import TOKEN, ask, check_command_serves

from gan_np.explore.play.app import MOST_SESSIONS, application
from gan_np.explore.play.settings import MOST_DRAWN, Settings

SMALL = {"g_units": 4, "d_units": 4, "batch": 8}


@pytest.fixture(scope="module")
def app() -> Any:
    return application(TOKEN)


def begun(app: Any, *sides: dict[str, Any], **more: Any) -> Any:
    return ask(app, "api/set", {"sides": list(sides) or [SMALL], **more}).json


def step_of(frame: bytes) -> int:
    return int(json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "little")])["step"])


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, "another"),
        ({"host": "evil.example"}, TOKEN),
        ({"host": "10.0.0.7"}, TOKEN),
        ({"origin": "http://evil.example"}, TOKEN),
        ({"origin": "null"}, TOKEN),
    ],
)
def test_who_has_no_business_here_is_refused(app: Any, headers: dict[str, str], token: str) -> None:
    for path in ("", "api/about", "api/set", "api/frame"):
        assert ask(app, path, {"sides": [SMALL]}, headers=headers, token=token).status == 403


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2fapp.py", "/etc/passwd", "app.js", "index.html", "play.js/../app.js"]
)
def test_no_other_file_can_be_asked_for(app: Any, name: str) -> None:
    assert ask(app, name, method="GET").status == 404


def test_the_page_itself(app: Any) -> None:
    page = ask(app, "", method="GET")
    assert b'src="play.js"' in page.body
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert ask(app, "play.js", method="GET").headers["content-type"].startswith("text/javascript")
    assert ask(app, "api/about", method="GET").status == 405


def test_everything_registered_can_be_chosen(app: Any) -> None:
    import gan_np as gn

    about = ask(app, "api/about").json
    assert set(about["objectives"]) == set(gn.objectives.OBJECTIVES)
    assert set(about["penalties"]) == set(gn.penalties.PENALTIES)
    assert about["optimizers"] == list(gn.optimizers.OPTIMIZERS)
    assert about["usual"] == json.loads(json.dumps(Settings().plain()))
    for experiment in about["experiments"]:
        assert [Settings.of(side).plain() for side in experiment["sides"]] == [
            {**side, "points": ()} for side in experiment["sides"]
        ]
        assert len(experiment["sentences"]) == 2


def test_a_game_is_begun_changed_and_moved(app: Any) -> None:
    first = begun(app)
    name = first["session"]
    assert first["anew"]
    assert len(first["sides"][0]["data"]) == 600
    assert ask(app, "api/update", {"session": name, "player": "both", "count": 3}).json == {"step": 3}
    assert ask(app, "api/update", {"session": name, "player": "d"}).json == {"step": 3}
    assert ask(app, "api/update", {"session": name, "player": "g"}).json == {"step": 4}
    changed = begun(app, {**SMALL, "objective": "hinge"}, session=name)
    assert (changed["session"], changed["anew"]) == (name, False)
    assert step_of(ask(app, "api/frame", {"session": name}).body) == 4
    assert begun(app, {**SMALL, "g_units": 5}, session=name) != changed
    assert step_of(ask(app, "api/frame", {"session": name}).body) == 0
    ask(app, "api/play", {"session": name, "playing": True, "speed": 1000})
    while step_of(ask(app, "api/frame", {"session": name}).body) < 5:
        pass
    assert begun(app, SMALL, SMALL, session=name)["anew"], "a second side"
    ask(app, "api/play", {"session": name, "playing": False})
    there = step_of(ask(app, "api/frame", {"session": name}).body)
    assert step_of(ask(app, "api/frame", {"session": name}).body) == there
    assert begun(app, SMALL, SMALL, session=name, anew=True)["anew"]
    assert step_of(ask(app, "api/frame", {"session": name}).body) == 0


def test_pages_that_were_not_asked_for_make_room(app: Any) -> None:
    names = [begun(app)["session"] for _ in range(MOST_SESSIONS)]
    assert ask(app, "api/frame", {"session": names[0]}).status == 200
    begun(app)
    gone = ask(app, "api/frame", {"session": names[1]})
    assert (gone.status, "begin again" in gone.json["error"]) == (404, True)
    assert ask(app, "api/frame", {"session": names[0]}).status == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objective": "hing"}, "A: objective: expected one of"),
        ({"g_rate": -1}, "A: g_rate: expected a number from 0 to 2"),
        ({"d_units": 1000}, "A: d_units: expected a whole number from 2 to 128"),
        ({"g_layers": 1.5}, "A: g_layers: expected a whole number"),
        ({"penalties": {"r1": 1e9}}, "A: penalties.r1: expected a number from 0 to 1000"),
        ({"penalties": {"r9": 1}}, "A: penalties: expected one of"),
        ({"penalties": 3}, "A: penalties: expected weights by name"),
        ({"data": "drawn"}, "A: points: expected 1 to 400 points"),
        ({"data": "drawn", "points": [[0, 9]]}, "A: points: expected coordinates from -3 to 3"),
        ({"data": "drawn", "points": [[0, 0]] * (MOST_DRAWN + 1)}, "A: points: expected 1 to 400 points, got 401"),
        ({"data": "/etc/passwd"}, "A: data: expected one of"),
        ({"seed": 1 << 40}, "A: seed: expected a whole number"),
        ({"units": 3}, "A: settings: there is no 'units'"),
        (7, "A: settings: expected a JSON object"),
    ],
)
def test_settings_that_are_none_are_refused_by_name(app: Any, settings: Any, words: str) -> None:
    refused = ask(app, "api/set", {"sides": [settings]})
    assert refused.status == 400
    assert words in refused.json["error"]


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("set", {"sides": []}, "sides: expected a list of 1 or 2"),
        ("set", {"sides": [SMALL] * 3}, "sides: expected a list of 1 or 2"),
        ("update", {"player": "x"}, "player: expected d, g or both"),
        ("update", {"player": "d", "count": 100_000}, "count: expected a whole number from 1 to 200"),
        ("play", {"playing": 1}, "playing: expected true or false"),
        ("play", {"playing": True, "speed": 1e9}, "speed: expected a number from 0.1 to 1000"),
    ],
)
def test_requests_are_bounded(app: Any, name: str, asked: dict[str, Any], words: str) -> None:
    refused = ask(app, f"api/{name}", {"session": begun(app)["session"], **asked})
    assert (refused.status, words in refused.json["error"]) == (400, True)


def test_a_body_is_bounded(app: Any) -> None:
    assert ask(app, "api/set", b"x" * ((1 << 18) + 1)).status == 413


def test_the_command_serves_until_it_is_interrupted() -> None:
    check_command_serves(["play"], "play.js")
