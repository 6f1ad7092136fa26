"""The page of `gan-np play` in a real Chromium: turns, a button, drawing by mouse and keys, the address, a narrow screen."""

from collections.abc import Iterator
from typing import Any

import pytest
from asking import TOKEN
from browsing import served_app, started_chromium

from gan_np.explore.play.app import application


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_chromium()


def step_of(page: Any) -> int:
    return int(page.inner_text("#step").replace(",", ""))


def test_play(chromium: Any) -> None:
    with served_app(application(TOKEN)) as address:
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(address)
        page.wait_for_selector("#plane-A[data-step='0']", timeout=60_000)
        page.get_by_role("button", name="Update D").click()
        page.wait_for_selector("text=One update of D: covers")
        page.get_by_role("button", name="Update G").click()
        page.wait_for_selector("#plane-A[data-step='1']")
        page.get_by_role("button", name="What R1 damps").click()
        page.wait_for_function(
            "() => Number(document.getElementById('step').textContent.replace(',', '')) > 20", timeout=60_000
        )
        page.get_by_role("button", name="Pause").click()
        page.wait_for_selector("text=B covers")
        assert page.locator("#told").inner_text().startswith("The data are one point")
        there = step_of(page)
        page.get_by_role("button", name="Settings of B").click()
        page.get_by_label("Penalty r1").fill("0.5")
        page.get_by_label("Penalty r1").blur()
        page.wait_for_function("() => location.hash.includes('b.r1=0.5')")
        assert step_of(page) == there, "a penalty changes while it goes on"
        page.get_by_label("Two settings side by side").uncheck()
        page.get_by_role("button", name="Draw points").click()
        board = page.locator("#plane-A")
        board.scroll_into_view_if_needed()
        box = board.bounding_box()
        page.mouse.move(box["x"] + 40, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 140, box["y"] + 140, steps=8)
        page.mouse.up()
        page.wait_for_function("() => location.hash.includes('data=drawn')")
        board.focus()
        for key in ("ArrowRight", "Shift+ArrowUp", "Enter"):
            page.keyboard.press(key)
        page.wait_for_selector("text=cursor at 0.1, 0.5")
        drawn = page.get_by_text("of 400 points").inner_text().split()[0]
        assert int(drawn) > 5
        page.wait_for_timeout(700)  # the address follows a quarter of a second behind
        shared = page.url
        page.goto("about:blank")
        page.set_viewport_size({"width": 360, "height": 740})
        page.emulate_media(color_scheme="dark")
        page.goto(shared)
        page.wait_for_selector("#plane-A[data-step='0']")
        assert page.get_by_role("combobox", name="Data").input_value() == "drawn"
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.get_by_role("button", name="Draw points").click()
        assert page.get_by_text("of 400 points").inner_text().split()[0] == drawn
        page.close()
        assert faults == []
