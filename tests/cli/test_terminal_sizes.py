"""What commands print fits in the terminal: 80×24, 110×45 and 200×50, and what a narrow one leaves out is said."""

import importlib
import io
import json
import re
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from gan_np.cli import output
from gan_np.evaluation.evaluate import _figures
from gan_np.evaluation.parts import Section, Table
from gan_np.metrics import METRICS
from gan_np.metrics.intervals import Estimate
from gan_np.runs import progress
from gan_np.runs.config import Config
from gan_np.runs.folder import write_config
from gan_np.runs.progress import ProgressBar
from gan_np.training.step import Outcome, Step

# The package's own names of these are the commands.
evaluate, show = (importlib.import_module(f"gan_np.cli.{name}") for name in ("evaluate", "show"))

SIZES = [(80, 24), (110, 45), (200, 50)]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def terminal(width: int, height: int = 24) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width, height=height, soft_wrap=True,
        highlight=False, markup=False,
    )  # fmt: skip


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return CONTROL.sub("", console.file.getvalue())


def rows_on_screen(text: str, width: int) -> int:
    return sum(max(1, -(-cell_len(line) // width)) for line in text.rstrip("\n").split("\n"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose grid is 8×8 images of 28×28, without the training."""
    place = tmp_path / ("run-with-a-rather-long-name-" * 3)
    (place / "checkpoints").mkdir(parents=True)
    write_config(place, Config(steps=200, width=8, batch_size=16, data="some/folder/of/images", flip=True, seed=3))
    numbers = {"d_loss": 1.2, "g_loss": 0.7, "d_real_accuracy": 0.6, "d_fake_accuracy": 0.7, "seconds": 1.0}
    (place / "log.jsonl").write_text("".join(json.dumps({"step": n, **numbers}) + "\n" for n in range(1, 121)))
    images = np.random.default_rng(0).integers(60, 256, (8, 8, 28, 28), np.uint8)
    grid = np.zeros((242, 242), np.uint8)
    for row in range(8):
        for column in range(8):
            grid[2 + 30 * row : 30 + 30 * row, 2 + 30 * column : 30 + 30 * column] = images[row, column]
    Image.fromarray(grid).save(place / "samples.png")
    return place


@pytest.mark.parametrize(("width", "height"), [*SIZES, (80, 16), (60, 24)])
def test_show_keeps_its_text_on_the_screen(run: Path, width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out = terminal(width, height)
    monkeypatch.setattr(show, "console", lambda: out)
    show.show(run)
    text = printed(out)
    assert rows_on_screen(text, width) <= height - 2, "the prompt takes lines too"
    for words in ("step 120 of 200", "loss of D", "generated called generated", "samples.png"):
        assert words in " ".join(text.split()), "lines break between words"
    curves = [line for line in text.splitlines() if "loss of" in line or "called" in line]
    assert max(map(cell_len, curves)) <= width
    assert ("▀" in text) == (height > 20), "a terminal with no room for images gets the path"


def test_show_draws_all_of_a_grid_where_there_is_room(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = terminal(110, 70)
    monkeypatch.setattr(show, "console", lambda: out)
    show.show(run)
    assert printed(out).count("▀") == 96 * 48
    assert "upper part" not in printed(out)


def test_a_grid_is_cut_between_its_images() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    pixels[11::12] = 0
    assert show._cut(pixels, 50) == 48
    assert show._cut(pixels[:, :, :] * 0 + np.arange(96, dtype=np.uint8)[:, None], 50) == 50, "no line is free"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_messages_break_between_words(width: int, height: int) -> None:
    text = "a sentence of ordinary words, each of them short, that goes on " * 4
    command = "  gan-np sample " + "a-long-name/" * 20
    lines = output.lines_of(f"{text}\n{command}", terminal(width))
    assert max(map(len, lines[:-1])) <= width
    assert " ".join(" ".join(lines[:-1]).split()) == text.strip()
    assert lines[-1] == command, "what is to be copied stays in one piece"
    assert output.lines_of(text, Console(file=io.StringIO(), width=width)) == [text], "and so does all in a file"


@pytest.fixture
def figures() -> Section:
    values = [(0.94, 0.8814, 0.9986), (-0.00898, -0.03291, 0.01495), (24910, 24400, 25420), (3350, 3291, 3408)]
    levels = ["sliced_wasserstein_28x28", "sliced_wasserstein_14x14"]
    keys = [*(name for name in METRICS if name != "sliced_wasserstein"), *levels]
    found = {key: Estimate(*values[number % 4], (300, 300)) for number, key in enumerate(keys)}
    return _figures(found, found, types.SimpleNamespace(name="mnist-5k"))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_table_of_figures(figures: Section, width: int, height: int) -> None:
    out = terminal(width)
    shown, left_out = evaluate.fitted(figures.tables[0], out)
    out.print(shown)
    lines = printed(out).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= 3 + 14 + 2, "one line a figure, two for the longest names"
    assert "[-0.03291, 0.01495]" in printed(out), "intervals stay in one piece"
    assert "…" not in printed(out)
    assert bool(left_out) == (width == 80)
    assert "too few" not in printed(out)


def test_what_is_too_few_is_said_once(
    figures: Section, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    evaluate._tables(figures, False)
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("too few") == 1
    assert "300 images of each set are too few" in text
    assert "2,000 for Fréchet distance; 5,000 for classifier score" in text
    assert "evaluation.html has them: 95 % interval of real images, better" in text


def test_many_checkpoints_in_a_narrow_terminal() -> None:
    columns = ("step", *(f"{step:,}" for step in range(10_000, 160_000, 10_000)))
    table = Table(columns, (("Fréchet distance", *("1234.5678",) * 15),), (*range(1, 16),), optional=(*range(1, 15),))
    out = terminal(80)
    shown, left_out = evaluate.fitted(table, out)
    out.print(shown)
    assert "150,000" in printed(out)
    assert " 10,000" not in printed(out)
    assert left_out[0] == 1
    assert max(map(cell_len, printed(out).splitlines())) <= 80


def step(number: int) -> Step:
    return Step(number, Outcome(np.float32(12.34), np.float32(12.34), np.float32(1), np.float32(1)))


@pytest.mark.parametrize("width", [40, 60, 80, 110, 200])
@pytest.mark.parametrize("total", [400, 2_500_000])
def test_the_bar_fits_in_a_line(width: int, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    out = terminal(width)
    with ProgressBar(total, console=out) as bar:
        for number in range(1, 101):
            clock[0] += 0.21
            bar.update(step(number))
        bar._bar.refresh()
        text = re.split(r"[\r\n]+", printed(out).rstrip())[-1]
    assert f"100/{total}" in text
    assert "…" not in text
    assert "━" in text
    assert cell_len(text) <= width
    assert "4.8 steps/s" in text
    assert ("left" in text) == (width >= 60 or total == 400)
    assert ("fake 100%" in text) == (width >= 110 or (width, total) == (80, 400))


def test_time_left_is_that_of_steps_in_which_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    out = Console(file=io.StringIO(), width=200)

    def take(bar: ProgressBar, number: int, seconds: float) -> str:
        clock[0] += seconds
        out.file.truncate(0)
        bar.update(step(number))
        return printed(out)

    with ProgressBar(2500, console=out, quiet_seconds=0) as bar:
        bar.compiling()
        bar.compiling()
        assert printed(out).count("compiling kernels") == 1
        first = take(bar, 1, 13.0)
        assert "step 1/2500" in first
        assert "left" not in first, "an estimate from this step would be nine hours"
        assert "10.0 steps/s  4:10 left" in take(bar, 2, 0.1)
        bar.compiling()
        assert "left" not in take(bar, 3, 5.0)
        assert "10.0 steps/s  4:10 left" in take(bar, 4, 0.1)


def test_compiling_is_noticed_and_loading_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    heard = []

    def twice(x):
        return 2 * x

    made = numba.njit(twice)
    with progress.when_compiling(lambda: heard.append(1)):
        made(1.0)
        assert heard
        heard.clear()
        made(2.0)
        assert not heard
    made(1)
    assert not heard, "nobody listens any more"


def test_the_bar_says_that_kernels_are_being_compiled() -> None:
    out = terminal(80)
    with ProgressBar(400, console=out) as bar:
        bar.compiling()
        bar._bar.refresh()
    assert "0/400" in printed(out)
    assert "compiling kernels" in printed(out)
    assert "left" not in printed(out)
