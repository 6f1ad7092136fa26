"""Convolution in groups and with one tap, forward and both gradients, against PyTorch: the same arrays, taking turns.

PyTorch has channels last and channels first, and counts with the faster. With --processor-time both have one thread, and
what is compared is the time that the processor spent on it, which other programs on the machine hardly change.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Geometry
from gan_np.kernels.cases import convolution_geometry

from . import machine, peers, plots, report
from .timing import Spread, Timing, alternate

MUST, AIM = 1.0, 1.5
"""Times as fast as PyTorch."""
TOLERANCE = 1e-4
"""Of the largest number."""
CONTRACTIONS = ("forward", "image's gradient", "weights' gradient")


class Shape(NamedTuple):
    """A convolution of square images, channels to channels."""

    batch: int
    side: int
    channels: int
    groups: int
    kernel: int
    padding: int
    stride: int = 1

    def __str__(self) -> str:
        name = "dense" if self.groups == 1 else "depthwise" if self.groups == self.channels else f"{self.groups} groups"
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        return f"{self.kernel}×{self.kernel}{stride}, {self.channels} channels, {name}, {self.batch} at {self.side}²"

    @property
    def geometry(self) -> Geometry:
        """The sizes as kernels take them."""
        sizes = (self.kernel, self.kernel), (self.stride, self.stride), (self.padding, self.padding)
        return convolution_geometry(
            self.batch, (self.side, self.side, self.channels), self.channels, *sizes, self.groups
        )


SHAPES = (
    Shape(64, 7, 192, 24, 3, 1),
    Shape(64, 14, 192, 24, 3, 1),
    Shape(64, 28, 192, 24, 3, 1),
    Shape(32, 8, 1536, 96, 3, 1),
    Shape(32, 16, 1536, 96, 3, 1),
    Shape(32, 32, 1536, 96, 3, 1),
    Shape(64, 32, 64, 64, 3, 1),
    Shape(64, 14, 192, 192, 3, 1),
    Shape(64, 14, 192, 192, 5, 2),
    Shape(64, 32, 64, 64, 4, 1, 2),
    Shape(64, 14, 192, 192, 3, 1, 2),
    Shape(64, 4, 512, 512, 4, 0),
    Shape(64, 28, 192, 24, 1, 0),
    Shape(64, 28, 96, 1, 1, 0),
    Shape(64, 14, 192, 1, 1, 0),
    Shape(32, 16, 768, 1, 1, 0),
)
QUICK = (Shape(2, 6, 32, 4, 3, 1), Shape(2, 5, 16, 16, 3, 1), Shape(2, 4, 32, 1, 1, 0))


class Row(NamedTuple):
    """One contraction of one shape."""

    shape: Shape
    contraction: str
    kernel: str
    ours: Timing
    theirs: Timing | None
    difference: float
    """The largest, in the largest number of theirs."""

    @property
    def ratio(self) -> Spread | None:
        """How many times as fast as PyTorch."""
        return self.ours.speed_against(self.theirs) if self.theirs else None


def main(arguments: Sequence[str]) -> int:
    """0: the numbers agree with PyTorch's, or it is not there; 1: they do not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks grouped", description=__doc__)
    report.add_contest_options(parser)
    parser.add_argument("--repeats", type=int, help="turns of each (default 15)")
    parser.add_argument("--processor-time", action="store_true", help="one thread each, and its processor time")
    report.add_options(parser)
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
    except ValueError as error:
        parser.error(str(error))
    found = machine.describe()
    threads = 1 if options.processor_time else options.threads
    with_torch = options.peer == "torch" and peers.installed("torch")
    clock = time.thread_time if options.processor_time else time.perf_counter
    rows = []
    with machine.threads(threads) if threads else contextlib.nullcontext():
        for shape in QUICK if options.quick else SHAPES:
            report.status(str(shape))
            rows += list(_measure(shape, options.repeats or (3 if options.quick else 15), with_torch, threads, clock))
    report.status("")
    _print(rows, found, machine.load_average())
    if options.json:
        report.save_json(options.json, "grouped", arguments, found, rows=[_numbers(row) for row in rows])
    if options.plot:
        dots = [plots.Dot(str(row.shape), row.contraction, row.ours.spread.scaled(1e3), "") for row in rows]
        plots.save_dots(options.plot, "Convolution in groups", dots, found)
    return 0 if all(row.difference <= TOLERANCE for row in rows) else 1


def _measure(
    shape: Shape, repeats: int, with_torch: bool, threads: int | None, clock: Callable[[], float]
) -> Iterator[Row]:
    geometry, rng = shape.geometry, np.random.default_rng(0)
    large, small, weight = (
        _on_a_line(rng.standard_normal(size, np.float32))
        for size in (geometry.large_shape, geometry.small_shape, geometry.weight_shape)
    )
    problem = kernels.Problem("cpu", large.dtype, geometry.large_shape, geometry)
    chosen = kernels.choose("conv2d", problem)
    plan = chosen.implementation.plan(geometry)
    w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
    ours: tuple[Callable[[], Array], ...] = (
        lambda: plan.to_small(w, a),
        lambda: plan.to_large(w, b),
        lambda: plan.to_weight(a, b),
    )
    theirs = _in_torch(shape, large, small, weight, threads) if with_torch else [{}, {}, {}]
    for contraction, own, others in zip(CONTRACTIONS, ours, theirs, strict=True):
        result = own()
        difference = max((_difference(other(), result) for other in others.values()), default=0.0)
        runs = {"ours": own, **others}
        timings = alternate(runs, repeats=repeats, clock=clock)
        best = min((timings[name] for name in others), key=lambda timing: timing.spread.median, default=None)
        yield Row(shape, contraction, chosen.name, timings["ours"], best, difference)


def _on_a_line(array: Array) -> Array:
    """The same numbers from the beginning of a cache line on, as those that a kernel made lie, and PyTorch's."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    placed: Array = np.ndarray(array.shape, array.dtype, memory, -memory.ctypes.data % 64)
    placed[...] = array
    return placed


def _difference(theirs: Any, ours: Array) -> float:
    """Theirs is a tensor with channels first, of an image or of weights."""
    found = theirs.numpy()
    same = found.transpose(0, 2, 3, 1) if found.shape[0] == ours.shape[0] and _is_image(found, ours) else None
    found = found.transpose(2, 3, 1, 0) if same is None else same
    return float(np.abs(found - ours).max() / np.abs(found).max())


def _is_image(found: Array, ours: Array) -> bool:
    return found.transpose(0, 2, 3, 1).shape == ours.shape


def _in_torch(
    shape: Shape, large: Array, small: Array, weight: Array, threads: int | None
) -> list[dict[str, Callable[[], Any]]]:
    """The three contractions, in either layout."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    found: list[dict[str, Callable[[], Any]]] = [{}, {}, {}]
    for name, layout in (("channels last", torch.channels_last), ("channels first", torch.contiguous_format)):
        a, b = (
            torch.from_numpy(image).permute(0, 3, 1, 2).contiguous(memory_format=layout) for image in (large, small)
        )
        w = torch.from_numpy(weight).permute(3, 2, 0, 1).contiguous(memory_format=layout)
        padding, stride = [shape.padding] * 2, [shape.stride] * 2

        def forward(a: Any = a, w: Any = w) -> Any:
            with torch.no_grad():
                return torch.nn.functional.conv2d(a, w, padding=shape.padding, stride=shape.stride, groups=shape.groups)

        def backward(
            number: int, a: Any = a, b: Any = b, w: Any = w, padding: Any = padding, stride: Any = stride
        ) -> Any:
            asked = [number == place for place in range(3)]
            return torch.ops.aten.convolution_backward(
                b, a, w, None, stride, padding, [1, 1], False, [0, 0], shape.groups, asked
            )[number]

        found[0][name] = forward
        found[1][name] = lambda backward=backward: backward(0)
        found[2][name] = lambda backward=backward: backward(1)
    return found


def _print(rows: Sequence[Row], found: dict[str, Any], load: float | None) -> None:
    groups = []
    for shape in dict.fromkeys(row.shape for row in rows):
        own = [row for row in rows if row.shape == shape]
        lines = []
        for row in own:
            speed = shape.geometry.operations / row.ours.spread.median / 1e9
            ratio = row.ratio
            judged = (
                "" if ratio is None else "aim" if ratio.median >= AIM else "must" if ratio.median >= MUST else "below"
            )
            lines.append(
                [
                    f"  {row.contraction}", f"{1e3 * row.ours.spread.median:.2f}",
                    f"{1e3 * row.theirs.spread.median:.2f}" if row.theirs else "–", f"{speed:.0f}",
                    report.ratio(ratio.numbers()) if ratio else "–", judged,
                ]
            )  # fmt: skip
        groups.append(report.Group(f"{shape}: {own[0].kernel}", lines))
    columns = (("", 20), ("ms", 8), ("PyTorch ms", 10), ("GFLOP/s", 8), ("× PyTorch", 18), ("reached", 7))
    caption = (
        f"must: {MUST} times as fast as PyTorch, aim: {AIM}. Medians and quartiles, turn by turn.\n"
        f"{machine.one_line(found)}" + ("" if load is None else f", {load:.1f} at the end")
    )
    report.print_table("convolution in groups", columns, groups, caption)


def _numbers(row: Row) -> dict[str, Any]:
    return {
        **row.shape._asdict(),
        "contraction": row.contraction,
        "kernel": row.kernel,
        "milliseconds": row.ours.spread.scaled(1e3).numbers(),
        "torch_milliseconds": row.theirs.spread.scaled(1e3).numbers() if row.theirs else None,
        "times_as_fast": row.ratio.numbers() if row.ratio else None,
        "difference": row.difference,
    }
