"""All that a GPU has to show, in one command: tests, sanitizers, kernels, steps, trainings.

It goes through stages, those that tell most first, and ends each that takes longer than it may. What each gave is kept in
OUT/gpu_report.json at once: a run that was cut off goes on where it was when the command is given again. A stage for which
too little of --minutes is left is not begun. At the end OUT has an image of it all.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from gan_np.devices import DeviceError, cupy_for, scope

from . import apart, report_plot, stages
from .settings import Settings

MINUTES = 14.0
UNHURRIED = 600.0
"""Seconds that a stage may take on the stand-in, which is no measure of a GPU."""
SHARE = 0.5
"""A stage is begun if so much of the time that it may take is left."""


def main(arguments: Sequence[str]) -> int:
    """0: every stage passed or was skipped with its reason; 1: one failed; 2: there is no such GPU."""
    parser = argparse.ArgumentParser("python -m benchmarks gpu_report", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    parser.add_argument("--out", type=Path, help="folder (default: benchmarks/results/gpu-DATE)")
    parser.add_argument("--stages", help=f"some of {','.join(stages.STAGES)} (default: all)")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of all stages together (default %(default)g)")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="where the images of a training are: cifar, stacked, faces; without it, that training is skipped",
    )
    parser.add_argument(
        "--pack",
        type=Path,
        metavar="FOLDER",
        help="after each stage, put what there is into FOLDER/report.tar.gz, and the networks beside it",
    )
    parser.add_argument("--again", action="store_true", help="repeat stages that were done")
    parser.add_argument("--pretend", action="store_true", help="tests run on a stand-in for CuPy: to try this command")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, times mean little")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="the image (default: OUT/gpu_report.png)")
    options = parser.parse_args(arguments)
    try:
        chosen, data = _chosen(options.stages), _data(options.data)
        report.check_options(argparse.Namespace(plot=True))
    except ValueError as error:
        parser.error(str(error))
    try:
        cupy_for(options.device)
    except (DeviceError, ValueError) as error:
        report.say(f"gpu_report: {error}")
        return 2
    date = datetime.date.today().isoformat()
    out = options.out or Path("benchmarks/results") / f"gpu-{date}"
    out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * options.minutes
    with scope(options.device):
        found = machine.describe_device(options.device)
    record = _read(out / "gpu_report.json", found)
    record |= {"benchmark": "gpu_report", "date": record.get("date", date), "device": found}
    record |= {"machine": machine.describe(), "quick": options.quick}
    failed = [name for name in chosen if record["stages"].get(name, {}).get("state") == "failed"]
    for name in [*(name for name in chosen if name not in failed), *failed]:  # what was never done comes first
        if not options.again and record["stages"].get(name, {}).get("state") in ("passed", "skipped"):
            report.say(f"{name}: done before ({record['stages'][name]['state']})")
            continue
        stage, left = stages.STAGES[name], until - time.monotonic()
        if left < SHARE * stage.seconds:
            report.say(
                f"{name}: not begun, {max(left, 0.0):.0f} s are left of the {stage.seconds:.0f} that it may take"
            )
            continue
        report.say(f"{name} …")
        limit = UNHURRIED if options.pretend else min(stage.seconds, left)
        settings = Settings(options.device, out, options.quick, options.pretend, limit, data)
        record["stages"][name] = _run(name, stage, settings)
        _write(out / "gpu_report.json", record)
        if options.pack:
            _pack(out, options.pack)
        report.say(f"{name}: {record['stages'][name]['state']}: {record['stages'][name].get('summary', '')}")
    report_plot.save(options.plot or out / "gpu_report.png", record, out)
    report.say(f"wrote {out / 'gpu_report.json'} and {options.plot or out / 'gpu_report.png'}")
    if options.pack:
        _pack(out, options.pack)
    return 1 if any(stage["state"] == "failed" for stage in record["stages"].values()) else 0


def _chosen(names: str | None) -> list[str]:
    if names is None:
        return list(stages.STAGES)
    found = [name.strip() for name in names.split(",")]
    unknown = [name for name in found if name not in stages.STAGES]
    if unknown:
        raise ValueError(f"stages: expected some of {', '.join(stages.STAGES)}, got {', '.join(unknown)}")
    return found


def _data(given: Sequence[str]) -> dict[str, str]:
    """NAME=PLACE of each."""
    found = {}
    for text in given:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise ValueError(f"data: expected NAME=PLACE, got {text!r}")
        found[name] = place
    return found


def _run(name: str, stage: stages.Stage, settings: Settings) -> dict[str, Any]:
    """A stage's result: state ("passed", "failed", "skipped"), seconds, a summary, and what it measured.

    A pretended device is this process's own, so that nothing is done in another.
    """
    started = time.monotonic()
    try:
        if stage.apart and not settings.pretend:
            result = apart.in_a_process(name, settings)
        else:
            with scope(settings.device):
                result = stage.run(settings)
    except Exception as error:  # the others are still to be seen; this one is recorded as failed
        result = {"state": "failed", "summary": f"{type(error).__name__}: {error}"[:2000]}
    return {**result, "seconds": round(time.monotonic() - started, 1)}


def _pack(out: Path, folder: Path) -> None:
    """All of OUT in one file, but for the networks, which are copied: few files, of a few megabytes each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "report.tar.gz", "w:gz") as archive:
        for path in sorted(out.iterdir()):
            if path.suffix == ".safetensors":
                shutil.copy(path, folder / path.name)
            else:
                archive.add(path, path.name)


def _read(path: Path, device: dict[str, Any]) -> dict[str, Any]:
    """What was kept before, if it is of this device."""
    if not path.exists():
        return {"stages": {}}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if record["device"]["name"] != device["name"]:
        raise ValueError(f"out: {path} is of another device, {record['device']['name']}; choose another folder")
    return record


def _write(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
