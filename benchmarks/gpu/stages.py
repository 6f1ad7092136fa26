"""The stages of `gpu_report`, those that tell most first: each takes `Settings` and gives its state, a summary, and what it
measured."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from . import training
from .kernels import measure
from .processes import run, too_long
from .settings import Settings

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
REFUSALS = (
    "not supported",
    "Unable to find",
    "ERR_NVGPUCTRPERM",
    "Failed to initialize",
    "Target application terminated",
)
SMALLEST = (
    *("--quick", "--preset", "points", "--precision", "float32"),
    *("--width", "4", "--batch-size", "4", "--latent-dim", "4", "--peer", "none"),
)
"""Options of the step's benchmark with --quick."""


class Stage(NamedTuple):
    """One thing that is done on a GPU."""

    run: Callable[[Settings], dict[str, Any]]
    seconds: float
    """It may take so long, and is then ended."""
    apart: bool = False
    """It computes in this process, so that a process of its own is started for it; the others start theirs."""


def run_tests(settings: Settings, path: str, quick: str = "") -> dict[str, Any]:
    """pytest on a GPU; nothing may be skipped for want of one. quick: which tests with --quick, as for pytest's -k."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", "--require-gpu", path]
    command += ["--pretend-gpu"] * settings.pretend + (["-k", quick] if settings.quick and quick else [])
    done = run(command, settings.limit)
    if done is None:
        return too_long(settings.limit)
    last = _last(done.stdout) if done.stdout.strip() else done.stderr[-300:]
    return {"state": "failed" if done.returncode else "passed", "summary": last, "tail": done.stdout[-3000:]}


def sanitize(settings: Settings) -> dict[str, Any]:
    """compute-sanitizer over every kernel of the table on small cases: memory, races in shared memory, uninitialised reads,
    barriers."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return {"state": "skipped", "summary": "compute-sanitizer is not installed (it comes with the CUDA toolkit)"}
    found, state, limit = {}, "passed", settings.limit / len(TOOLS)
    for tool in TOOLS:
        command = [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-m", "pytest", "-q", "-x"]
        done = run(
            [*command, "-p", "no:cacheprovider", "tests/gpu/test_gpu_kernels.py", "-k", "cuda- and not numba_cuda"],
            limit,
        )
        if done is None:
            found[tool] = f"took more than {limit:.0f} s"
            state = "failed"
            continue
        said = done.stdout + done.stderr
        refusal = next((word for word in REFUSALS if word in said), None)
        if done.returncode and refusal:
            found[tool] = f"refused by the device: {_line_with(said, refusal)}"
            continue
        summary = re.findall(r"ERROR SUMMARY: .*", said)
        found[tool] = summary[-1] if summary else _last(said)
        state = "failed" if done.returncode else state
    if all(text.startswith("refused") for text in found.values()):
        state = "skipped"
    return {"state": state, "summary": "; ".join(f"{tool}: {text}" for tool, text in found.items()), "tools": found}


def step(settings: Settings, label: str, *options: str) -> dict[str, Any]:
    """`gpu_step`, in a process of its own, since PyTorch keeps its memory; it writes OUT/LABEL.json and OUT/LABEL.png."""
    chosen = SMALLEST if settings.quick else options
    found, runs = _benchmark(settings, "gpu_step", label, *chosen)
    if runs is None:
        return found
    times = [
        f"{each['preset']} {each['precision']} {each['rows'][0]['milliseconds']['median']:.3g} ms" for each in runs
    ]
    return {**found, "summary": "; ".join(times), "runs": runs}


def convolutions(settings: Settings, label: str, *options: str) -> dict[str, Any]:
    """`gpu_convolutions`, each against cuDNN; it writes OUT/LABEL.json and OUT/LABEL.png."""
    chosen = ("--quick", "--precision", "float32", "--peer", "none") if settings.quick else options
    found, runs = _benchmark(settings, "gpu_convolutions", label, *chosen)
    if runs is None:
        return found
    compared = [each for each in runs if each["speed"] is not None]
    slowest = min(compared, key=lambda each: each["speed"], default=None)
    text = f"{len(runs)} convolutions, {sum(each['wrong'] for each in runs)} wrong"
    if slowest is not None:
        where = f"{slowest['layer']}, {slowest['contraction']}, {slowest['precision']}"
        text += f"; the slowest beside cuDNN, {where}: {slowest['speed']:.2f} times as fast"
    return {**found, "summary": text, "runs": runs}


def _benchmark(settings: Settings, name: str, label: str, *options: str) -> tuple[dict[str, Any], Any]:
    """The stage's state after `python -m benchmarks NAME`, and the runs of OUT/LABEL.json, or None if it was not written."""
    file, image = settings.out / f"{label}.json", settings.out / f"{label}.png"
    file.unlink(missing_ok=True)  # of a run before
    command = [sys.executable, "-m", "benchmarks", name, "--json", str(file.resolve()), "--plot", str(image.resolve())]
    command += [*(["--pretend"] if settings.pretend else ["--device", settings.device]), *options]
    done = run(command, settings.limit)
    if done is None:
        return too_long(settings.limit), None
    if not file.exists():
        return {"state": "failed", "summary": (done.stderr or done.stdout)[-2000:]}, None
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return {"state": "failed" if done.returncode else "passed", "tail": done.stdout[-3000:]}, runs


def _line_with(text: str, word: str) -> str:
    return next(line.strip() for line in text.splitlines() if word in line)[:200]


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was printed"])[-1][:200]


def _tests(name: str, seconds: float, quick: str) -> Stage:
    return Stage(partial(run_tests, path=f"tests/gpu/test_gpu_{name}.py", quick=quick), seconds)


def _step(label: str, seconds: float, *options: str) -> Stage:
    """`gpu_step`, with at most twelve seconds of rounds for each precision and either kind of time."""
    return Stage(lambda settings: step(settings, label, *options, "--seconds", "12"), seconds)


def _preset(name: str, data: str, seconds: float, precision: str = "float32", *, conditional: bool = False) -> Stage:
    found = partial(training.preset, name=name, data=data, precision=precision, conditional=conditional)
    return Stage(found, seconds, apart=True)


STAGES: dict[str, Stage] = {
    "tests-products": _tests("products", 60, "dense"),
    "tests-kernels": _tests("kernels", 90, "scaled_sum"),
    "tests-training": _tests("training", 60, "dlpack"),
    "tests-networks": _tests("networks", 30, "generator and float64"),
    "kernels": Stage(measure, 60, apart=True),
    "step-r3gan": _step("step-r3gan", 60, "--preset", "r3gan-cifar", "--peer", "none"),
    "convolutions": Stage(lambda settings: convolutions(settings, "convolutions", "--preset", "dcgan64"), 60),
    "step-dcgan128": _step("step-dcgan128", 75, "--preset", "dcgan128", "--precision", "tf32", "--no-compile"),
    "sanitizer": Stage(sanitize, 160),
    "train-cifar-r3gan": _preset("r3gan-cifar", "cifar", 120, conditional=True),
    "train-cifar-dcgan": _preset("dcgan", "cifar", 60, "tf32", conditional=True),
    "step-autotune": _step(
        "step-autotune", 150,
        "--preset", "dcgan64", "--precision", "tf32", "--compile-mode", "max-autotune",
    ),
    "tests-gradients": _tests("gradients", 90, "flatten"),
    "train-stacked": _preset("r3gan-stacked-mnist", "stacked", 75),
    "train-faces": _preset("r3gan-faces", "faces", 75),
    "step-dcgan64": _step("step-dcgan64", 90, "--preset", "dcgan64", "--no-compile"),
    **{
        f"digits-{precision}": Stage(partial(training.digits, precision=precision), 60, apart=True)
        for precision in ("float32", "tf32", "bf16")
    },
    "step-mnist": _step("step-mnist", 60, "--preset", "mnist", "--no-compile"),
    "step-points": _step("step-points", 60, "--preset", "points", "--no-compile"),
}  # fmt: skip
"""In the order in which they are done, and left out when time is over: what may be wrong before what may be slow, what was
never measured before what was, and what is worth seeing between them."""
