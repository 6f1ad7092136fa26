"""MP4 through ffmpeg: the program where it is on the path, or the one that the package imageio-ffmpeg brings."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def ffmpeg() -> str:
    """The path of an ffmpeg.

    Raises:
        ModuleNotFoundError: there is none; the message says what to install.
    """
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        path: str = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ModuleNotFoundError(
            'out: .mp4 needs ffmpeg: install the program, or python -m pip install "gan_np[video]"; .webp, .apng and .gif '
            "need nothing"
        ) from error
    return path


def write_mp4(path: Path, frames: Iterator[Any], *, fps: float) -> None:
    """Pillow's images, all of one size, as H.264 that every player shows; an odd side gets a white row or column.

    Raises:
        RuntimeError: ffmpeg fails; the message is the last line that it says.
    """
    program: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryFile() as said:
        try:
            for frame in frames:
                if program is None:
                    size = f"{frame.width}x{frame.height}"
                    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(fps), "-i", "-"]
                    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p"]
                    coded = ["-c:v", "libx264", "-crf", "18", "-movflags", "+faststart", "-f", "mp4"]
                    command = [ffmpeg(), "-y", "-loglevel", "error", *given, *even, *coded, str(path)]
                    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
                assert program.stdin is not None
                program.stdin.write(frame.convert("RGB").tobytes())
            assert program is not None
            assert program.stdin is not None
            program.stdin.close()
            failed = program.wait() != 0
        except BrokenPipeError:
            failed = True
        finally:
            if program is not None and program.poll() is None:
                program.kill()
                program.wait()
        if failed:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"out: ffmpeg could not write .mp4: {lines[-1] if lines else 'it says nothing'}")
