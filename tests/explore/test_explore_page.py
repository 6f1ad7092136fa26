"""The page in a real Chromium: everything that can be moved, a run that goes on, and the file without a server."""

import contextlib
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import TOKEN
from browsing import served_app, started_chromium
from PIL import Image

from gan_np.explore.app import application
from gan_np.explore.memory import verdict_of
from gan_np.explore.standalone import write_page
from gan_np.latent import read_directions

SCREENS = Path(__file__).parent / "screens"
"""What the page looked like when it was last judged: remove a file and run the test twice to keep it anew."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_chromium()


@contextlib.contextmanager
def served(*runs: Path) -> Iterator[str]:
    """The address of a page that is served while the block runs."""
    with served_app(application(runs, TOKEN, verdict=verdict_of)) as address:
        yield address


@pytest.fixture
def run(runs: dict[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(runs["conditional"], tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def opened(chromium: Any, run: Path) -> Iterator[Any]:
    with served(run) as address:
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(address)
        page.wait_for_selector("#grid")
        page.wait_for_selector("#image[data-drawn]")
        yield page
        page.close()
        assert faults == []


def image_of(page: Any) -> str:
    found: str = page.evaluate("document.getElementById('image').toDataURL()")
    return found


def changes(page: Any, act: Callable[[], Any]) -> None:
    """Something that is done changes the image."""
    before = image_of(page)
    act()
    page.wait_for_function("was => document.getElementById('image').toDataURL() !== was", arg=before, timeout=10_000)


def drag(page: Any, x: float, y: float) -> None:
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.mouse.up()


def test_the_pad_by_mouse_and_by_keys_and_the_address(opened: Any) -> None:
    changes(opened, lambda: drag(opened, 1.0, 0.0))
    assert "3.00" in opened.locator("#pad").get_attribute("aria-valuetext")
    assert "-3.00" in opened.locator("#pad").get_attribute("aria-valuetext")
    opened.locator("#pad").focus()
    changes(opened, lambda: [opened.keyboard.press("Shift+ArrowLeft") for _ in range(3)])
    changes(opened, lambda: opened.keyboard.press("Home"))
    changes(opened, lambda: drag(opened, 0.9, 0.2))
    opened.wait_for_timeout(700)  # the address follows a quarter of a second behind
    there, address = image_of(opened), opened.url
    opened.goto("about:blank")
    opened.goto(address)
    opened.wait_for_selector("#image[data-drawn]")
    opened.wait_for_function("was => document.getElementById('image').toDataURL() === was", arg=there, timeout=10_000)


def test_grid_slider_label_and_name(opened: Any, run: Path) -> None:
    assert opened.locator("#grid button").count() == 35
    changes(opened, opened.locator("#grid button").first.click)
    opened.keyboard.press("ArrowRight")
    changes(opened, lambda: opened.keyboard.press("Enter"))
    assert opened.locator("#grid button[aria-pressed=true]").count() == 1
    sliders = opened.get_by_label("Sliders")
    changes(opened, lambda: sliders.get_by_label("principal:2", exact=True).fill("2.5"))
    changes(opened, opened.get_by_role("group", name="Label").get_by_role("button", name="2", exact=True).click)
    sliders.get_by_role("button", name="Name principal:2").click()
    opened.get_by_label("A name for principal:2").fill("smile")
    opened.get_by_role("button", name="Keep with the run").click()
    opened.wait_for_selector("option:text-is('smile')", state="attached")
    assert list(read_directions(run)) == ["smile"]


def test_a_grid_that_cannot_be_drawn_says_why_until_one_can(chromium: Any, run: Path) -> None:
    def fail(route: Any) -> None:
        if len(route.request.post_data_json["z"]) == 1:
            route.continue_()
        else:
            route.fulfill(status=500, content_type="application/json", body=json.dumps({"error": "no memory left"}))

    with served(run) as address:
        page = chromium.new_page()
        page.goto(address)
        page.wait_for_selector("#grid")
        page.route("**/api/images", fail)
        grid = page.get_by_label("Grid", exact=True)
        grid.get_by_label("Range").fill("2")
        grid.get_by_role("alert").get_by_text("no memory left").wait_for(timeout=10_000)
        page.unroute("**/api/images")
        grid.get_by_label("Range").fill("1")
        grid.get_by_role("alert").get_by_text("no memory left").wait_for(state="detached", timeout=10_000)
        page.close()


def test_what_changes_and_what_stays(opened: Any) -> None:
    table = opened.locator("table.effects")
    table.wait_for(timeout=20_000)
    assert table.locator("tbody tr").count() == 7
    opened.get_by_role("combobox", name="Across").select_option("axis:2")
    opened.wait_for_selector("table.effects th:text-is('axis:2')", timeout=20_000)


def test_samples_mix_and_walk(opened: Any) -> None:
    opened.get_by_role("button", name="Samples").click()
    opened.wait_for_selector("#wall")
    for seed in (2, 5):
        opened.get_by_label(f"Choose seed {seed},").check()
    opened.get_by_label("Mix").get_by_label("2 to 5").fill("0.3")
    with opened.expect_download() as saved:
        opened.get_by_role("button", name="Save the animation").click()
    assert Path(saved.value.path()).read_bytes()[:3] == b"GIF"
    opened.get_by_role("button", name="Play").click()
    opened.get_by_role("button", name="Stop").click()
    opened.get_by_role("button", name="Go to seed 4").click()
    assert opened.locator("#seed").input_value() == "4"


def test_invert_nearest_and_what_is_saved(opened: Any, tmp_path: Path) -> None:
    with opened.expect_download() as saved:
        opened.get_by_role("button", name="Save image").click()
    file = tmp_path / "image.png"
    saved.value.save_as(file)
    opened.locator("#invert").set_input_files(file)
    opened.wait_for_selector("text=it differs by", timeout=20_000)
    opened.get_by_role("button", name="Nearest training images").click()
    opened.wait_for_selector("#nearest")
    opened.get_by_role("button", name="Test for copies").click()
    opened.wait_for_selector("#verdict", timeout=30_000)
    with opened.expect_download() as saved:
        opened.get_by_role("button", name="Save z").click()
    assert np.load(saved.value.path()).shape == (1, 3)


def test_a_run_that_goes_on_is_watched(opened: Any, run: Path) -> None:
    opened.get_by_role("button", name="Watch").click()
    opened.wait_for_selector("text=step 3 of 3")
    assert opened.locator(".uplot").count() >= 2
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": 4, "d_loss": 1.0, "g_loss": 1.0, "seconds": 9}) + "\n")
    (run / "hints.jsonl").write_text(json.dumps({"step": 4, "hint": "x", "text": "D is far ahead"}) + "\n")
    opened.wait_for_selector("text=step 4 of 3", timeout=10_000)
    opened.wait_for_selector("text=D is far ahead")
    held: list[Any] = []  # a slow server: the images keep their name until others have come
    opened.route("**/api/grid", lambda route: held.append(route))
    opened.get_by_label("Step", exact=True).fill("1")
    opened.wait_for_function("document.querySelector('output')?.textContent === '1'", timeout=10_000)
    assert opened.locator("img[alt='Images of the same z after 3 steps']").count() == 1
    held.pop().continue_()
    opened.wait_for_selector("img[alt='Images of the same z after 1 steps']")
    shutil.rmtree(run)
    opened.wait_for_selector("text=not there any more", timeout=10_000)


def test_the_training_of_points_is_played(chromium: Any, runs: dict[str, Path]) -> None:
    with served(runs["ring"]) as address:
        page = chromium.new_page()
        page.goto(address)
        page.wait_for_selector("canvas.plane[data-step='3']")
        shown = "document.querySelector('canvas.plane').toDataURL()"
        last = page.evaluate(shown)
        page.get_by_label("Step", exact=True).fill("1")
        page.wait_for_selector("canvas.plane[data-step='1']")
        assert page.evaluate(shown) != last
        page.get_by_role("button", name="Play the training").click()
        page.wait_for_selector("canvas.plane[data-step='3']")
        page.get_by_role("button", name="Play the training").wait_for()
        page.wait_for_function(f"was => {shown} === was", arg=last)
        page.close()


BOXES = """[...document.querySelectorAll('header, section, #image, #pad, #grid')].map(one => {
  const {x, y, width, height} = one.getBoundingClientRect();
  return [one.id || one.getAttribute('aria-label') || 'header', [x, y, width, height].map(Math.round)];
})"""


def faults_of(page: Any, name: str) -> list[str]:
    """In what a page differs from its kept screenshot: boxes by more than fonts can do, and its image in 12×12 blocks."""
    kept, boxes = SCREENS / f"{name}.png", dict(page.evaluate(BOXES))
    with Image.open(io.BytesIO(page.screenshot())) as image:
        small = image.convert("L").reduce(12)
    if not kept.exists():  # removed, to be made anew
        SCREENS.mkdir(exist_ok=True)
        small.save(kept)
        kept.with_suffix(".json").write_text(json.dumps(boxes, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return [f"{kept.name} is new: look at it"]
    faults = []
    expected = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
    if list(expected) != list(boxes):
        faults.append(f"{list(boxes)} instead of {list(expected)}")
    for part, (x, _, width, height) in expected.items():
        found = boxes.get(part, [0, 0, 0, 0])
        if abs(found[0] - x) > 16 or abs(found[2] - width) > 16 or abs(found[3] - height) > 24 + 0.2 * height:
            faults.append(f"{part}: {found} instead of {expected[part]}")
    with Image.open(kept) as image:
        off = np.abs(np.asarray(image, float) - np.asarray(small, float))
    if off.mean() > 10 or (off > 60).mean() > 0.06:
        faults.append(f"blocks differ by {off.mean():.1f} of 255, {(off > 60).mean():.1%} of them by more than 60")
    return faults


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"), [("wide", 1200, 900, "light"), ("narrow", 360, 900, "dark")]
)
def test_the_page_looks_as_it_did(chromium: Any, run: Path, name: str, width: int, height: int, scheme: Any) -> None:
    with served(run) as address:
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(address)
        page.wait_for_selector("table.effects", timeout=20_000)
        page.wait_for_selector("#grid")
        page.wait_for_timeout(300)
        assert faults_of(page, name) == []
        page.evaluate("document.getElementById('pad').style.width = '60%'")
        assert any(fault.startswith("pad") for fault in faults_of(page, name)), "what is drawn elsewhere is noticed"
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(chromium: Any, run: Path, scheme: str) -> None:
    with served(run) as address:
        page = chromium.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
        page.goto(address)
        page.wait_for_selector("#grid")
        for name in ("Explore", "Samples", "Watch"):
            page.get_by_role("button", name=name, exact=True).click()
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.get_by_role("button", name="Explore").click()
        for part in ("#image", "#pad"):  # both at once, so that a finger on one does not hide the other
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] < 740
        page.close()


def test_a_wrong_token_says_what_to_do(chromium: Any, run: Path) -> None:
    with served(run) as address:
        page = chromium.new_page()
        page.goto(address.replace(TOKEN, "another"))
        assert "open the whole address" in page.inner_text("body")
        page.close()


def test_the_file_works_from_the_disk_without_a_network(chromium: Any, run: Path, tmp_path: Path) -> None:
    file = write_page(run, tmp_path / "page.html")
    context = chromium.new_context(offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("#image[data-drawn]", timeout=30_000)
    page.wait_for_selector("#grid")
    changes(page, lambda: drag(page, 1.0, 0.1))
    changes(page, page.get_by_role("group", name="Label").get_by_role("button", name="1", exact=True).click)
    page.get_by_role("button", name="Samples").click()
    page.wait_for_selector("#wall")
    assert page.get_by_role("button", name="Watch").count() == 0
    assert faults == []
    context.close()


def test_the_server_ends_when_it_is_asked(run: Path) -> None:
    began = time.monotonic()
    with served(run) as address:
        assert address.startswith("http://127.0.0.1:")
    assert time.monotonic() - began < 20
