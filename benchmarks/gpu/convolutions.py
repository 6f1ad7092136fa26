"""Each convolution of a DCGAN on a GPU, forward and both gradients, against cuDNN through PyTorch.

Times are those of a CUDA graph of some calls, so that no launch counts; operands are stored as each side wants them before
(ours at bf16: as bf16; weights transposed), what is transposed within a call is counted. Every result of ours is compared
with the exact kernel's. Without a GPU the exit code is 2; --pretend tries the command on the stand-in for CuPy.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, peers, plots, report
from benchmarks.timing import Spread
from gan_np import kernels
from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.devices import DeviceError, cupy_for, scope
from gan_np.kernels import Geometry
from gan_np.kernels.cases import convolution_geometry

from . import pretended

CONTRACTIONS = {"to_small": "forward", "to_large": "input gradient", "to_weight": "weight gradient"}
"""As a convolution calls them; a transposed one has the first two exchanged."""
LAYERS = {
    "dcgan64": [(128, (64, 64, 3), 64), (128, (32, 32, 64), 128), (128, (16, 16, 128), 256), (128, (8, 8, 256), 512)],
    "dcgan128": [(64, (128, 128, 3), 64), (64, (64, 64, 64), 128), (64, (32, 32, 128), 256), (64, (16, 16, 256), 512)],
    "mnist": [(128, (28, 28, 1), 64), (128, (14, 14, 64), 128)],
}
"""(images, large image, channels of the small one) of 4×4 kernels, stride 2, padding 1: as `gpu_step`'s presets."""
ALLOWED = {"float32": 1e-5, "tf32": 3e-3, "bf16": 1e-2}
"""Differences from the exact kernel, of the largest entry."""
CALLS, ROUNDS = 10, 7

Runs = dict[str, Callable[[], Any]]


def main(arguments: Sequence[str]) -> int:
    """0: numbers agree; 1: they do not; 2: there is no such GPU."""
    parser = argparse.ArgumentParser("python -m benchmarks gpu_convolutions", description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", choices=(*LAYERS, "all"), default="all", help="whose layers")
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16", "all"), default="all")
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    parser.add_argument("--peer", choices=("torch", "none"), default="torch", help="the opponent, if installed")
    parser.add_argument("--pretend", action="store_true", help="on the stand-in for CuPy: to try this command")
    report.add_options(parser)
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
    except ValueError as error:
        parser.error(str(error))
    with pretended.asked_for(options.device, pretend=options.pretend) as place:
        try:
            cupy_for(place.device)
        except (DeviceError, ValueError) as error:
            report.say(f"gpu_convolutions: {error}")
            return 2
        with scope(place.device):
            return _run(options, place.device, arguments)


def _run(options: argparse.Namespace, device: str, arguments: Sequence[str]) -> int:
    presets = list(LAYERS) if options.preset == "all" else [options.preset]
    precisions = list(kernels.cuda.PRECISIONS) if options.precision == "all" else [options.precision]
    layers = [(preset, layer) for preset in presets for layer in LAYERS[preset]]
    if options.quick:
        layers = [("quick", (2, (6, 6, 3), 32)), ("quick", (2, (6, 6, 32), 40))]
    peer = options.peer == "torch" and not options.pretend and peers.installed("torch")
    rows = []
    for preset, (batch, large, channels) in layers:
        geometry = convolution_geometry(batch, large, channels, (4, 4), (2, 2), (1, 1))
        for precision in precisions:
            report.status(f"{preset}, {_named(geometry)}, {precision}")
            mine, errors = _ours(geometry, precision, device)
            theirs = _torch(geometry, precision, device) if peer else {}
            for name, run in mine.items():
                ours = _ours_timed(run, quick=options.quick or options.pretend)
                other = _torch_timed(theirs[name], precision) if theirs else None
                rows.append(
                    {
                        "preset": preset, "layer": _named(geometry), "precision": precision,
                        "contraction": CONTRACTIONS[name], "gan_np_us": ours, "torch_us": other,
                        "speed": None if other is None else other / ours, "error": errors[name],
                        "teraflops": geometry.operations / ours / 1e6, "wrong": not errors[name] <= ALLOWED[precision],
                    }
                )  # fmt: skip
    report.status("")
    found = {**machine.describe(), "gpu": machine.describe_device(device)}
    _print(rows, found)
    if options.json:
        report.save_json(options.json, "gpu_convolutions", arguments, found, quick=options.quick, runs=rows)
    if options.plot:
        _plot(options.plot, rows, found)
    return 1 if any(row["wrong"] for row in rows) else 0


def _named(g: Geometry) -> str:
    return f"{g.large[2]}→{g.small[2]} at {g.large[0]}×{g.large[1]}, batch {g.batch}"


def _ours(g: Geometry, precision: str, device: str) -> tuple[Runs, dict[str, float]]:
    """Calls of the kernel that this precision uses, and how far each result is from the exact kernel's."""
    rng = generator(0)
    host = [rng.standard_normal(shape, np.float32) for shape in (g.weight_shape, g.large_shape, g.small_shape)]
    arrays = [to_device(array, device) for array in host]
    exact = _contractions(kernels.entry("conv2d", "cuda").implementation.plan(g), arrays)
    runs = _contractions(kernels.entry("conv2d", kernels.cuda.PRECISIONS[precision]).implementation.plan(g), arrays)
    return runs, {name: _difference(runs[name](), exact[name]()) for name in runs}


def _contractions(plan: Any, arrays: Sequence[Array]) -> Runs:
    weight, large, small = (
        prepare(array)
        for prepare, array in zip((plan.prepare_weight, plan.prepare_large, plan.prepare_small), arrays, strict=True)
    )
    return {
        "to_small": lambda: plan.to_small(weight, large),
        "to_large": lambda: plan.to_large(weight, small),
        "to_weight": lambda: plan.to_weight(large, small),
    }


def _difference(found: Array, exact: Array) -> float:
    return float(to_host(abs(found - exact).max() / abs(exact).max()))


def _ours_timed(run: Callable[[], Any], *, quick: bool) -> float:
    """Microseconds of a call."""
    cuda: Any = importlib.import_module("cupy").cuda
    run()
    if quick:
        return 1.0
    stream = cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        for _ in range(CALLS):
            run()
        graph = stream.end_capture()
        times = []
        for _ in range(ROUNDS):
            start, end = cuda.Event(), cuda.Event()
            start.record(stream)
            graph.launch(stream)
            end.record(stream)
            end.synchronize()
            times.append(1e3 * cuda.get_elapsed_time(start, end) / CALLS)
    return statistics.median(times)


def _torch(g: Geometry, precision: str, device: str) -> Runs:
    """cuDNN's, channels last, with the fastest algorithms that it finds."""
    import torch

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layout = {"device": device, "dtype": kind}
    large, weight, small = (
        torch.randn(shape, **layout).to(memory_format=torch.channels_last)
        for shape in (
            (g.batch, g.large[2], *g.large[:2]), (g.small[2], g.large[2], *g.kernel), (g.batch, g.small[2], *g.small[:2])
        )
    )  # fmt: skip
    places = ([0], list(g.stride), list(g.padding), [1, 1], False, [0, 0], 1)

    backward = torch.ops.aten.convolution_backward
    return {
        "to_small": lambda: torch.conv2d(large, weight, stride=g.stride, padding=g.padding),
        "to_large": lambda: backward(small, large, weight, *places, [True, False, False]),
        "to_weight": lambda: backward(small, large, weight, *places, [False, True, False]),
    }


def _torch_timed(run: Callable[[], Any], precision: str) -> float:
    """Microseconds of a call, of a graph too."""
    import torch

    from benchmarks.peers.torch_modes import computing

    with computing(precision, "cuda"):
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):  # cuDNN's search
            for _ in range(3):
                run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(CALLS):
                run()
    times = []
    for _ in range(ROUNDS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(1e3 * start.elapsed_time(end) / CALLS)
    return statistics.median(times)


def _plot(path: Path, rows: Sequence[dict[str, Any]], found: dict[str, Any]) -> None:
    dots = []
    for row in rows:
        label = f"{row['layer'].partition(' at ')[0]} {row['contraction']}, {row['precision']}"
        for series, value in (("gan_np", row["gan_np_us"]), ("cuDNN", row["torch_us"])):
            if value is not None:
                dots.append(plots.Dot(label, series, Spread.of([value])))
    title = f"Convolutions on {found['gpu']['name']}, {datetime.date.today().isoformat()}"
    plots.save_dots(path, title, dots, found, quantity="microseconds of a call in a CUDA graph", unit="µs")


def _print(rows: Sequence[dict[str, Any]], found: dict[str, Any]) -> None:
    groups: dict[str, list[list[str]]] = {}
    for row in rows:
        speed = "" if row["speed"] is None else f"{row['speed']:.2f}"
        cells = [row["contraction"], f"{row['gan_np_us']:.1f}", f"{row['torch_us'] or float('nan'):.1f}", speed]
        cells += [f"{row['teraflops']:.0f}", f"{row['error']:.1e}" + (" WRONG" if row["wrong"] else "")]
        groups.setdefault(f"{row['preset']}: {row['layer']}, {row['precision']}", []).append(cells)
    columns = (("", 20), ("µs", 8), ("cuDNN µs", 8), ("× cuDNN", 8), ("TFLOP/s", 8), ("error", 10))
    caption = (
        "µs of a call in a CUDA graph of ten, medians.  × cuDNN: its time divided by ours; above 1 ours is faster.  error: "
        f"from the exact kernel, of the largest entry.\n{found['gpu']['name']}; {machine.one_line(found)}"
    )
    report.print_table(
        "convolutions on a GPU", columns, [report.Group(name, lines) for name, lines in groups.items()], caption
    )
