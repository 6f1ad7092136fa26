"""The stages of `gpu_report`: each takes `Settings` and gives its state, a summary, and what it measured."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gan_np as gn
from gan_np import kernels
from gan_np.data.images import save_grid

from .kernels import measure
from .settings import Settings

ROOT = Path(__file__).parents[2]
PRECISIONS = ("float32", "tf32", "bf16")
TOOLS = ("memcheck", "racecheck", "initcheck")
REFUSALS = (
    "not supported",
    "Unable to find",
    "ERR_NVGPUCTRPERM",
    "Failed to initialize",
    "Target application terminated",
)
STEPS = 5000
SHARES = 48
"""Of a stage's time: the steps of four presets at three precisions, each timed twice, and as much for all else."""
SMALLEST = (
    *("--quick", "--preset", "points", "--precision", "float32"),
    *("--width", "4", "--batch-size", "4", "--latent-dim", "4", "--peer", "none"),
)
"""Options of the step's benchmark with --quick."""


def run_tests(settings: Settings, path: str, quick: str = "") -> dict[str, Any]:
    """pytest on a GPU; nothing may be skipped for want of one. quick: which tests with --quick, as for pytest's -k."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", "--require-gpu", path]
    command += ["--pretend-gpu"] * settings.pretend + (["-k", quick] if settings.quick and quick else [])
    done = _process(command, settings.limit)
    if done is None:
        return {"state": "failed", "summary": f"took more than {settings.limit} s"}
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-300:]
    return {"state": "failed" if done.returncode else "passed", "summary": last, "tail": done.stdout[-3000:]}


def sanitize(settings: Settings) -> dict[str, Any]:
    """compute-sanitizer over every kernel of two small networks: memory, races in shared memory, uninitialised reads."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return {"state": "skipped", "summary": "compute-sanitizer is not installed (it comes with the CUDA toolkit)"}
    found, state = {}, "passed"
    for tool in TOOLS:
        command = [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-m", "pytest", "-q", "-x"]
        done = _process([*command, "tests/gpu/test_gpu_networks.py"], settings.limit // len(TOOLS))
        if done is None:
            found[tool] = f"took more than {settings.limit // len(TOOLS)} s"
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


def train_digits(settings: Settings, precision: str) -> dict[str, Any]:
    """A DCGAN on 5,000 digits: how fast, whether as a graph, how near its samples come to the data."""
    names = [entry.name for entry in kernels.entries("dense")]
    wanted = kernels.cuda.PRECISIONS[precision]
    if precision != "float32" and wanted not in names:
        return {"state": "skipped", "summary": f"there is no kernel {wanted!r}"}
    data = gn.data.load("mnist-5k")
    steps, width, batch = (8, 2, 8) if settings.quick else (STEPS, 64, 64)
    config = gn.runs.Config(
        steps=steps, batch_size=batch, width=width, device=settings.device, precision=precision, latent_dim=64
    )
    gan = gn.runs.build_gan(config, data.shape[1:])
    trainer = gn.runs.build_trainer(gan, data, config)
    started, marks = time.perf_counter(), []
    with gn.runs.build.chosen_kernels(config, {}):
        while trainer.steps < steps and time.perf_counter() - started < 0.8 * settings.limit:
            for _ in range(min(steps // 4, steps - trainer.steps)):
                step = trainer.step()
            trainer.settle()
            marks.append((trainer.steps, time.perf_counter() - started))
        last = step.numbers()
        samples = gan.sample(256, seed=1)
    save_grid(samples[:64], settings.out / f"digits-{precision}.png")
    (first_step, first), (last_step, end) = marks[0], marks[-1]
    rate = (last_step - first_step) / (end - first) if last_step > first_step else float("nan")
    score = gn.metrics.sliced_wasserstein(samples, data[:256])
    graph = "as a CUDA graph" if trainer.captured else f"launch by launch ({trainer.graph_reason})"
    return {
        "state": "passed",
        "summary": f"{trainer.steps:,} steps, {rate:,.0f} a second, {graph}; sliced Wasserstein {score:.4f}",
        "steps": trainer.steps,
        "steps_per_second": rate,
        "warm_up_seconds": first,
        "captured": trainer.captured,
        "sliced_wasserstein": score,
        **{name: value for name, value in last.items() if name != "step"},
    }


def compare_step(settings: Settings) -> dict[str, Any]:
    """`gpu_step` in a process of its own, since PyTorch keeps its memory; it writes OUT/gpu_step.json and OUT/gpu_step.png.

    PyTorch is not compiled here: its search for the best kernels, four presets at three precisions, has no bound in time.
    """
    file, image = settings.out / "gpu_step.json", settings.out / "gpu_step.png"
    file.unlink(missing_ok=True)  # of a run before
    command = [sys.executable, "-m", "benchmarks", "gpu_step", "--json", str(file.resolve()), "--plot"]
    command += [str(image.resolve()), *(["--pretend"] if settings.pretend else ["--device", settings.device])]
    command += SMALLEST if settings.quick else ["--no-compile", "--seconds", str(settings.limit / SHARES)]
    done = _process(command, settings.limit)
    if done is None:
        return {"state": "failed", "summary": f"took more than {settings.limit} s"}
    if not file.exists():
        return {"state": "failed", "summary": (done.stderr or done.stdout)[-2000:]}
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    times = [f"{run['preset']} {run['precision']} {run['rows'][0]['milliseconds']['median']:.3g} ms" for run in runs]
    state = "failed" if done.returncode else "passed"
    return {"state": state, "summary": "; ".join(times), "runs": runs, "tail": done.stdout[-3000:]}


def _process(command: list[str], limit: int) -> subprocess.CompletedProcess[str] | None:
    """None if it took longer."""
    settings = {**os.environ, "NO_COLOR": "1"}
    try:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=limit, env=settings
        )
    except subprocess.TimeoutExpired:
        return None


def _line_with(text: str, word: str) -> str:
    return next(line.strip() for line in text.splitlines() if word in line)[:200]


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was printed"])[-1][:200]


STAGES: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "tests-networks": partial(run_tests, path="tests/gpu/test_gpu_networks.py", quick="generator and float64"),
    "tests-gradients": partial(run_tests, path="tests/gpu/test_gpu_gradients.py", quick="flatten"),
    "tests-training": partial(run_tests, path="tests/gpu/test_gpu_training.py", quick="dlpack"),
    "sanitizer": sanitize,
    **{f"digits-{precision}": partial(train_digits, precision=precision) for precision in PRECISIONS},
    "kernels": measure,
    "step": compare_step,
}
