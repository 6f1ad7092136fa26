"""What `python -m benchmarks kernels` is asked for: options, and the cases that follow from them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gan_np import kernels
from gan_np.kernels import Case
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case

from . import kernel_compare, machine, report
from .kernel_peers import PEERS

QUICK_BATCH = 2
QUANTITIES = ("batch", "side", "channels", "out_channels", "threads")
"""What a case can be swept over."""


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The options, with defaults that depend on --quick filled in."""
    options = parser.parse_args(arguments)
    repeats, seconds, options.turn = (2, 0.5, 0.0) if options.quick else (12, 0.35, 0.005)
    options.repeats = repeats if options.repeats is None else options.repeats
    options.seconds = seconds if options.seconds is None else options.seconds
    options.threads = options.threads or machine.default_threads(options.quick)
    options.in_step = not (options.quick or options.shape) if options.in_step is None else options.in_step
    options.deadline = time.monotonic() + (options.budget or float("inf"))
    options.own_from = 1 + max(entry.serial for name in kernels.OPERATIONS for entry in kernels.entries(name))
    if options.gate is not None and not (options.compare or options.commits or options.against):
        parser.error("gate: needs --compare, --commits or --against, something to be slower than")
    return options


def check_names(options: argparse.Namespace, operations: set[str]) -> None:
    """Refuse a name that none of the operations has a kernel of."""
    known = {entry.name for operation in operations for entry in kernels.entries(operation)}
    for name in options.kernels or ():
        if name not in known:
            raise ValueError(f"kernels: none called {name!r} here; there are {', '.join(sorted(known))}")


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The cases to measure.

    Raises:
        ValueError: an unknown operation, or a shape that fits none.
    """
    operations = options.operation or list(kernels.OPERATIONS)
    if options.shape:
        if len(operations) != 1:
            raise ValueError("shape: belongs to one --operation, conv2d or dense")
        yield _own_case(operations[0], options)
        return
    for operation in operations:
        kernels.entries(operation)  # refuses an unknown name
        for case in kernels.list_cases(operation, size="dcgan"):
            yield _smaller(case) if options.quick else case


def sweep(text: str) -> tuple[str, list[int]]:
    """ "batch=1,4,16" as ("batch", [1, 4, 16]), for argparse."""
    name, equals, values = text.partition("=")
    try:
        numbers = [int(value) for value in values.split(",")] if equals else []
    except ValueError:
        numbers = []
    if name not in QUANTITIES or not numbers or min(numbers) < 1:
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(QUANTITIES)} and sizes, as batch=1,4,16; got {text!r}"
        )
    return name, sorted(set(numbers))


def _own_case(operation: str, options: argparse.Namespace) -> Case:
    """A case of the shape given on the command line."""
    shape = options.shape
    if options.out_channels is None:
        raise ValueError("shape: needs --out-channels too")
    text = "×".join(map(str, shape))
    if operation == "dense" and len(shape) == 2:
        return dense_case(f"{text} → {options.out_channels}", shape[0], shape[1], options.out_channels)
    if operation != "conv2d" or len(shape) != 4:
        raise ValueError("shape: expected N,height,width,channels for conv2d or N,features for dense")
    (kernel, stride, padding) = ((sizes[0], sizes[-1]) for sizes in (options.kernel, options.stride, options.padding))
    geometry = convolution_geometry(shape[0], tuple(shape[1:]), options.out_channels, kernel, stride, padding)
    if min(geometry.small) < 1:
        raise ValueError(f"shape: a kernel of {kernel} does not fit into {shape[1]}×{shape[2]} with padding {padding}")
    label = f"{text} → {options.out_channels}, {kernel[0]}×{kernel[1]}, stride {stride[0]}, padding {padding[0]}"
    return conv2d_case(label, geometry)


def _smaller(case: Case) -> Case:
    """The same convolution with few images; other cases are short as they are."""
    if case.geometry is None:
        return case
    return conv2d_case(f"{case.label}, {QUICK_BATCH} images", case.geometry._replace(batch=QUICK_BATCH))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks kernels",
        usage="%(prog)s [options]; --help explains them",
        description=description,
    )
    parser.add_argument("--operation", action="append", help="only this operation (may be given several times)")
    parser.add_argument(
        "--kernels", type=lambda text: text.split(","), metavar="A,B", help="only these, and the reference"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--repeats", type=int, help="rounds (default 12)")
    parser.add_argument("--seconds", type=float, help="no new round of a method after this long (default 0.35)")
    parser.add_argument("--threads", type=int, help="default: all cores (with --quick one, if threadpoolctl is there)")
    parser.add_argument(
        "--import", dest="user_code", metavar="MINE", help="a module or a .py file that registers kernels"
    )
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="run gn.testing.check_kernel on every kernel but the reference first (default: on those that --import brings)",
    )
    parser.add_argument(
        "--peer", choices=("all", *PEERS, "none"), default="all", help="other libraries beside it, if installed"
    )
    parser.add_argument(
        "--budget",
        type=float,
        default=75.0,
        metavar="SECONDS",
        help="three rounds of each method alone after this long (default 75; 0: never)",
    )
    parser.add_argument("--cold", action="store_true", help="sweep the caches before each call")
    parser.add_argument(
        "--in-step",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="time the kernels inside a training step too (default: yes, without --quick and --shape)",
    )
    others = parser.add_argument_group("several measurements")
    others.add_argument(
        "--compare", nargs=2, type=Path, metavar=("OLD.json", "NEW.json"), help="two results, measured before"
    )
    others.add_argument("--commits", nargs=2, metavar=("A", "B"), help="measure two commits of the library in turn")
    others.add_argument("--turns", type=int, default=3, help="turns of each commit (default 3)")
    others.add_argument("--against", type=Path, metavar="OLD.json", help="compare this measurement with an older one")
    others.add_argument(
        "--gate",
        type=kernel_compare.share,
        metavar="5%",
        help="end with 1 where something takes longer by more than this",
    )
    others.add_argument(
        "--sweep",
        type=sweep,
        metavar="QUANTITY=A,B,C",
        help="a case over batch, side, channels, … or threads",
    )
    shape = parser.add_argument_group("a shape of your own (conv2d, dense)")
    shape.add_argument("--shape", type=_numbers, metavar="N,H,W,C", help="the image; N,features for dense")
    shape.add_argument("--out-channels", type=int, help="channels (features for dense) that come out")
    shape.add_argument("--kernel", type=_numbers, default=[4], metavar="K", help="size: K, or height,width (default 4)")
    shape.add_argument("--stride", type=_numbers, default=[2], metavar="S", help="default 2")
    shape.add_argument("--padding", type=_numbers, default=[1], metavar="P", help="default 1")
    report.add_options(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE.csv", help="write the table to FILE.csv")
    parser.add_argument("--markdown", type=Path, metavar="FILE.md", help="write the table to FILE.md, with its command")
    parser.add_argument(
        "--roofline", type=Path, metavar="FILE.png", help="draw the rates under the machine's peaks (needs matplotlib)"
    )
    return parser
