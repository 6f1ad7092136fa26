"""What `python -m benchmarks gpu_step` prints and draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, plots, report, setups
from benchmarks.setups import Setup
from benchmarks.timing import Spread

from .contest import Contest
from .launches import Launches


def print_contests(contests: Sequence[Contest], found: dict[str, Any]) -> None:
    """The table, and what agrees."""
    groups = []
    for measured in contests:
        lines = []
        for row in measured.rows():
            time, host = row["milliseconds"], row["host_microseconds"]
            lines.append(
                [
                    row["candidate"] + (" *" if row["fastest_peer"] else ""),
                    report.short(time["median"]),
                    f"{report.short(time['low'])}–{report.short(time['high'])}",
                    report.short(host["median"]),
                    f"{row['share_of_floor']:.0%}",
                    report.ratio(row["speed_of_gan_np"]),
                ]
            )
        heading = f"{measured.preset}, {measured.precision}: {setups.describe(measured.setup)}"
        groups.append(report.Group(heading, lines, _notes(measured)))
    columns = (("", 46), ("ms a step", 9), ("quartiles", 14), ("host µs", 8), ("of floor", 8), ("× gan_np", 16))
    caption = (
        "Data and noise are drawn in the step.  host: until the calls of one step return.  of floor: the larger of "
        "operations over the measured matrix rate and bytes over the measured bandwidth, divided by the time.  × gan_np: "
        "its time divided by gan_np's, captured, of the same round, quartiles; above 1 gan_np is faster.  * the fastest of "
        "PyTorch.\n"
        f"{_device(found)}; {machine.one_line(found)}"
    )
    report.print_table("one training step on a GPU", columns, groups, caption)


def _notes(measured: Contest) -> list[str]:
    peaks, work = measured.peaks, measured.work
    by_rate, by_bytes = work.operations / (peaks.gigaflops * 1e9), work.bytes / (peaks.gigabytes * 1e9)
    operations = f"{work.operations / 1e9:.1f} GFLOP at {report.short(peaks.gigaflops)} GFLOP/s"
    moved = f"{work.bytes / 1e6:.0f} MB at {report.short(peaks.gigabytes)} GB/s"
    notes = [
        f"floor {_ms(measured.floor)}: the larger of {operations}, {_ms(by_rate)}, and {moved}, {_ms(by_bytes)}",
    ]
    if measured.launches is not None:
        notes.append(f"launches: {_counted(measured.launches)}")
    if measured.graph_reason is not None:
        notes.append(f"not captured: {measured.graph_reason}")
    notes.append(f"captured and launched steps {'have' if measured.same_bits else 'DO NOT HAVE'} the same bits")
    return [*notes, *(each.line() for each in measured.agreements)]


def _ms(seconds: float) -> str:
    return f"{report.short(1e3 * seconds)} ms"


def _counted(launches: Launches) -> str:
    return f"{launches.ours} of our kernels, {launches.others} of CuPy's, {launches.copies} copies to the device"


def _device(found: dict[str, Any]) -> str:
    gpu = found["gpu"]
    return f"{gpu['name']}, compute capability {gpu['compute_capability']}, driver {gpu['driver']}, CuPy {gpu['cupy']}"


def print_launches(rows: Sequence[tuple[str, Setup, str, Launches]], found: dict[str, Any]) -> None:
    """Launches a step."""
    columns = (("", 20), ("of our kernels", 8), ("CuPy's", 8), ("copies", 8), ("launched", 8), ("captured", 8))
    lines = [
        [f"{preset}, {precision}", *map(str, (each.ours, each.others, each.copies, each.launched)), "1 and 1 copy"]
        for preset, _, precision, each in rows
    ]
    caption = (
        "launched: calls of a step that is not captured; captured: a replay, and one copy of all that the host drew. A copy "
        f"of the losses to the host comes after either.\n{_device(found)}"
    )
    report.print_table("launches a step", columns, [report.Group("", lines)], caption)


def plot(path: Path, runs: Sequence[dict[str, Any]], found: dict[str, Any], *, date: str, quick: bool) -> None:
    """Times, a dot for each candidate, and the floor's share beside ours; runs: as they are kept (`Contest.numbers`)."""
    dots = []
    for run in runs:
        for row in run["rows"]:
            name = row["candidate"]
            note = f"gan_np is {row['speed_of_gan_np']['median']:.2f} times as fast" if row["fastest_peer"] else ""
            if name.startswith("gan_np"):
                note = f"{row['share_of_floor']:.0%} of the floor"
            label = f"{run['preset']}, {run['precision']}\n{run['setup']['batch_size']} images"
            series = name.replace(", autocast", "")  # which the label says
            dots.append(plots.Dot(label, series, Spread(**row["milliseconds"]), note))
    title = f"One training step on {found['gpu']['name']}, {date}{' (quick: times mean little)' if quick else ''}"
    plots.save_dots(path, title, dots, found)
