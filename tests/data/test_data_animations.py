"""Animations: Pillow reads back the frames, times and loops that were written; frames are held one by one."""

import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import gan_np as gn
from gan_np.data.animation import write_animation


def moving(count: int, channels: int = 1, shape: tuple[int, int] = (12, 17)) -> list[np.ndarray]:
    """Frames of one block of colour that moves; 256 colours are enough for them."""
    frames = []
    for number in range(count):
        frame = np.full((*shape, channels), 200, np.uint8)
        frame[number % 8 : number % 8 + 4, 3:9] = np.array([20, 90, 160, 255], np.uint8)[:channels]
        frames.append(frame)
    return frames


def read(path: Path, mode: str) -> tuple[list[np.ndarray], list[float], int | None]:
    frames, times = [], []
    with Image.open(path) as opened:
        for frame in ImageSequence.Iterator(opened):
            frames.append(np.asarray(frame.convert(mode)))
            times.append(frame.info["duration"])
        return frames, times, opened.info.get("loop")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", ["gif", "apng"])
def test_frames_come_back_as_they_were(tmp_path: Path, ending: str, channels: int) -> None:
    frames = moving(7, channels)
    path = write_animation(iter(frames), tmp_path / f"moving.{ending}", fps=12.5)
    found, times, loop = read(path, "L" if channels == 1 else "RGB")
    assert len(found) == 7
    for frame, wanted in zip(found, frames, strict=True):
        np.testing.assert_array_equal(frame.reshape(wanted.shape), wanted)
    assert times == [80] * 7
    assert loop == 0


def test_webp_is_near_and_keeps_alpha(tmp_path: Path) -> None:
    frames = moving(5, 4)
    for frame in frames:
        frame[:, -3:, 3] = 0
    path = write_animation(frames, tmp_path / "moving.webp", fps=30)
    found, times, loop = read(path, "RGBA")
    assert len(found) == 5
    for frame, wanted in zip(found, frames, strict=True):
        np.testing.assert_array_equal(frame[..., 3], wanted[..., 3])
        seen = wanted[..., 3] > 0
        assert np.abs(frame[seen].astype(int) - wanted[seen]).mean() < 12
    assert sum(times) == 167
    assert loop == 0


def test_times_of_a_gif_add_up(tmp_path: Path) -> None:
    _, times, _ = read(write_animation(moving(30), tmp_path / "a.gif", fps=30), "L")
    assert sum(times) == 1000
    assert set(times) == {30, 40}


@pytest.mark.parametrize("ending", ["gif", "apng", "webp"])
def test_shown_once(tmp_path: Path, ending: str) -> None:
    path = write_animation(moving(3), tmp_path / f"once.{ending}", loop=False)
    assert read(path, "L")[2] == (None if ending == "gif" else 1)


@pytest.mark.parametrize("ending", ["gif", "apng", "webp"])
def test_frames_are_held_one_by_one(tmp_path: Path, ending: str) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal most
        for number in range(20):
            frame = np.full((8, 8, 1), number, np.uint8)
            alive.append(weakref.ref(frame))
            most = max(most, sum(one() is not None for one in alive))
            yield frame
            del frame

    write_animation(frames(), tmp_path / f"a.{ending}")
    assert most <= 4


@pytest.mark.parametrize("ending", ["gif", "apng", "webp"])
def test_nothing_is_left_of_one_that_fails(tmp_path: Path, ending: str) -> None:
    old = tmp_path / f"a.{ending}"
    old.write_bytes(b"before")
    with pytest.raises(gn.ShapeError, match="expected all of"):
        write_animation([np.zeros((8, 8, 1), np.uint8), np.zeros((8, 9, 1), np.uint8)], old)
    assert old.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == [old.name]


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = moving(2)
    with pytest.raises(ValueError, match=r"path: the name of an animation ends in \.gif, \.webp, \.apng, \.mp4, got"):
        write_animation(frames, tmp_path / "a.avi")
    with pytest.raises(ValueError, match="at most 50 frames a second, got 60"):
        write_animation(frames, tmp_path / "a.gif", fps=60)
    with pytest.raises(ValueError, match="frames: expected at least one"):
        write_animation([], tmp_path / "a.gif")
    with pytest.raises(gn.ShapeError, match="frames"):
        write_animation([np.zeros((8, 8), np.uint8)], tmp_path / "a.gif")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(ModuleNotFoundError, match=r"gan_np\[video\]"):
        write_animation(frames, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


STANDIN = """#!/bin/sh
# Takes what ffmpeg is given: the frames from its input, the file as its last argument.
for last; do :; done
case "$*" in *"-s 17x12 -r 25"*) ;; *) echo "another size: $*" >&2; exit 1;; esac
{cat} > "$last"
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for ffmpeg")
def test_a_movie_is_what_ffmpeg_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(STANDIN.replace("{cat}", "/bin/cat"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    frames = moving(6, 3)
    path = write_animation(iter(frames), tmp_path / "a.mp4", fps=25)
    assert path.read_bytes() == b"".join(frame.tobytes() for frame in frames)
    with pytest.raises(RuntimeError, match="another size: "):
        write_animation(iter(moving(2, 3, (8, 8))), tmp_path / "b.mp4", fps=25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "bin"]
