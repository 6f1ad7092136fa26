"""`gan-np explore`: how long a drag waits for its image, and what the page takes from a training beside it.

Drag: the real command serves a DCGAN of 28×28 and of 64×64 in colour; one image after the other is asked for as the page
does while a pad is dragged, one request at a time. 20 and 40 ms are allowed, on two idle cores. "processor" is the time
that the server's process computes for one image: unlike the wait, it hardly depends on what else runs.

Training: `gan-np train` on digits beside the command, in turns: alone; watched, where the log and the newest grid are asked
for every two seconds, as an open page does; and dragged, where images are asked for without a pause. "slower" compares its
steps a second with the turns alone before and after; "processor" is the server's share of all cores. 5 % are allowed to the
watching page. The ratios need a machine on which nothing else runs; the shares do not.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

import gan_np as gn
from gan_np.averaging import recompute_statistics

from . import machine, plots, report
from .timing import Spread

ALLOWED = {28: 20.0, 64: 40.0}
"""Milliseconds from a drag to its image, by side."""
SETTLE = 5
"""Requests before the first that counts."""


def main(arguments: Sequence[str]) -> int:
    """0: measured; whether it is within what is allowed, the table says."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
    except ValueError as error:
        parser.error(str(error))
    if min(options.requests, options.rounds) < 1 or not options.seconds > 0:
        parser.error("requests, rounds and seconds: expected positive numbers")
    quick = options.quick
    found = machine.describe()
    with tempfile.TemporaryDirectory(prefix="gan_np-explore-") as folder:
        sides = [28] if quick else [28, 64]
        drags = [
            _drag(Path(folder), side, 4 if quick else 64, 10 if quick else max(2, options.requests)) for side in sides
        ]
        turns = _training(Path(folder), 1 if quick else options.rounds, 1.0 if quick else options.seconds)
    _print(drags, turns, found)
    if options.json:
        report.save_json(options.json, "explore", arguments, found, drags=drags, training=turns)
    if options.plot:
        dots = [
            plots.Dot("×".join(map(str, row["shape"])), "wait for an image", Spread(**row["wait_ms"])) for row in drags
        ]
        reading = "Medians of a drag's requests, bars their middle half; left is sooner."
        plots.save_dots(options.plot, "A drag: from a request to its image", dots, found, reading=reading)
    return 0


class Server:
    """`gan-np explore` in a process of its own, asked over one connection that stays open."""

    def __init__(self, run: Path) -> None:
        command = [sys.executable, "-m", "gan_np", "explore", str(run), "--no-open"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if "http://" in line:
                break
        else:
            raise RuntimeError(f"gan-np explore ended: {''.join(lines)}")
        address = urlsplit(line.strip())
        self.path = address.path
        self._connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=60)

    def ask(self, name: str, **body: Any) -> bytes:
        """The body of an answer."""
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", f"{self.path}api/{name}", json.dumps(body), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{name}: {answer.status} {content[:300]!r}")
        return content

    def connect_again(self) -> None:
        """After a time without requests, when the server has closed the connection."""
        self._connection.close()

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self.process.terminate()
        try:
            self.process.wait(120)  # it has a low priority
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextlib.contextmanager
def _serving(run: Path) -> Iterator[Server]:
    server = Server(run)
    try:
        yield server
    finally:
        server.close()


def processor_seconds(process: int) -> float | None:
    """What a process has computed so far, by the system's account; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _drag(folder: Path, side: int, width: int, requests: int) -> dict[str, Any]:
    shape = (side, side, 1 if side == 28 else 3)
    gan = gn.models.dcgan(shape, 64, width=width, seed=0)
    recompute_statistics(gan.generator, [gan.prior.draw(np.random.default_rng(0), 64, np.dtype(np.float32))])
    place = folder / f"{side}" / "checkpoints" / "step-000001.safetensors"
    place.parent.mkdir(parents=True)
    gn.save(gan, place)
    z = np.random.default_rng(1).standard_normal((requests + SETTLE, 1, 64))
    waits = []
    report.status(f"a drag at {side}×{side}")
    with _serving(place) as server:
        for number, point in enumerate(z.tolist()):
            if number == SETTLE:
                before = processor_seconds(server.process.pid)
            began = time.perf_counter()
            server.ask("images", z=point, seeds=[0], columns=1)
            waits.append(1e3 * (time.perf_counter() - began))
        after = processor_seconds(server.process.pid)
    report.status("")
    deciles = statistics.quantiles(waits[SETTLE:], n=10)
    return {
        "shape": shape,
        "width": width,
        "requests": requests,
        "wait_ms": Spread.of(waits[SETTLE:]).numbers(),
        "ninth_decile_ms": deciles[8],
        "processor_ms": None if before is None or after is None else 1e3 * (after - before) / requests,
        "allowed_ms": ALLOWED[side],
    }


def _training(folder: Path, rounds: int, seconds: float) -> list[dict[str, Any]]:
    run = folder / "run"
    options = ["--steps", "1000000", "--checkpoint-every", "200", "--sample-every", "200", "--no-animation"]
    command = [sys.executable, "-m", "gan_np", "train", *options, "--width", "16", "--out", str(run), "--quiet"]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in ("alone", "watched", "dragged")}
    try:
        _wait_for(lambda: _step(run) > 10, training)
        with _serving(run) as server:
            pages = {"alone": _nobody, "watched": _watching, "dragged": _dragging}
            for name in ["alone", *(name for _ in range(rounds) for name in ("watched", "alone", "dragged", "alone"))]:
                report.status(f"a training, {name}")
                turns[name].append(_turn(run, training.pid, server, pages[name], seconds))
        report.status("")
    finally:
        training.send_signal(signal.SIGTERM)
        training.communicate(timeout=60)
    return _summary(turns)


def _wait_for(done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        if done():
            return
        if process.poll() is not None:
            raise RuntimeError(f"gan-np train ended: {process.communicate()[0].decode()[-500:]}")
        time.sleep(0.1)
    raise RuntimeError("gan-np train: no step was done within five minutes")


def _step(run: Path) -> int:
    """The last step in the log."""
    try:
        lines = (run / "log.jsonl").read_bytes().split(b"\n")
        return int(json.loads(lines[-2])["step"])
    except (OSError, IndexError, ValueError, KeyError):
        return 0


def _nobody(server: Server, stop: threading.Event) -> None:
    stop.wait()


def _watching(server: Server, stop: threading.Event) -> None:
    """What an open page asks: the log every two seconds, a grid when there is a new one."""
    server.connect_again()
    last = None
    while not stop.is_set():
        grids = json.loads(server.ask("watch"))[0]["grids"]
        if grids and grids[-1] != last:
            last = grids[-1]
            server.ask("grid", run=0, step=last)
        stop.wait(2)


def _dragging(server: Server, stop: threading.Event) -> None:
    server.connect_again()
    z = np.zeros((1, 64)).tolist()
    while not stop.is_set():
        server.ask("images", z=z, seeds=[0], columns=1)


def _turn(
    run: Path, trainer: int, server: Server, page: Callable[[Server, threading.Event], None], seconds: float
) -> dict[str, float]:
    """Steps a second, processor time of a step, and the server's share of all cores, of one turn."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(page, server, stop)
        try:
            found = _measured(run, trainer, server, seconds)
        finally:
            stop.set()
        asking.result(60)  # what failed in it fails here
    return found


def _measured(run: Path, trainer: int, server: Server, seconds: float) -> dict[str, float]:
    time.sleep(min(0.5, seconds / 4))
    began, first = time.perf_counter(), _step(run)
    processor = [processor_seconds(process) or 0.0 for process in (trainer, server.process.pid)]
    time.sleep(seconds)
    wall, steps = time.perf_counter() - began, _step(run) - first
    used = [
        (processor_seconds(process) or 0.0) - before
        for process, before in zip((trainer, server.process.pid), processor, strict=True)
    ]
    cores = os.cpu_count() or 1
    return {
        "steps_per_second": steps / wall,
        "processor_ms_per_step": 1e3 * used[0] / max(steps, 1),
        "server_share": used[1] / wall / cores,
    }


def _summary(turns: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """Medians; slower: 1 − steps a second over those of the two turns alone around it."""
    alone = [turn["steps_per_second"] for turn in turns["alone"]]
    rows = []
    for place, (name, own) in enumerate(turns.items()):
        slower: list[float] = []
        for number, turn in enumerate(own):
            first = 2 * number + place - 1
            around = alone[first : first + 2] if place else []
            if around and sum(around) > 0:
                slower.append(1 - turn["steps_per_second"] / statistics.mean(around))
        middle = {key: statistics.median(turn[key] for turn in own) for key in own[0]}
        rows.append(
            {"page": name, "turns": len(own), **middle, "slower": statistics.median(slower) if slower else None}
        )
    return rows


def _print(drags: list[dict[str, Any]], turns: list[dict[str, Any]], found: dict[str, Any]) -> None:
    load = machine.one_line(found)
    lines = [
        [
            f"{'×'.join(map(str, row['shape']))}, width {row['width']}",
            f"{row['wait_ms']['median']:.1f}",
            f"{row['ninth_decile_ms']:.1f}",
            "" if row["processor_ms"] is None else f"{row['processor_ms']:.1f}",
            f"{row['allowed_ms']:.0f}",
        ]
        for row in drags
    ]
    columns = (("", 24), ("wait, ms", 10), ("ninth decile", 12), ("processor, ms", 13), ("allowed", 8))
    report.print_table("a drag: from a request to its image", columns, [report.Group("", lines)], load)
    lines = [
        [
            row["page"],
            f"{row['steps_per_second']:.2f}",
            f"{row['processor_ms_per_step']:.0f}",
            "" if row["slower"] is None else f"{row['slower']:.1%}",
            f"{row['server_share']:.2%}",
        ]
        for row in turns
    ]
    columns = (("", 24), ("steps/s", 10), ("processor, ms a step", 20), ("slower", 8), ("server, of all cores", 20))
    report.print_table(
        f"a training beside it, {turns[0]['turns']} turns alone", columns, [report.Group("", lines)], load
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks explore", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=100, help="images of a drag (default 100)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of turns beside a training (default 5)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a turn (default 10)")
    report.add_options(parser)
    return parser
