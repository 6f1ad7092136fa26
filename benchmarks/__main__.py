"""`python -m benchmarks NAME [options]`; without a name, what there is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from gan_np.checks import choice
from gan_np.distributed import started_by

BENCHMARKS = {
    "kernels": "every kernel of the table, and your own, method by method: time, rates, share of the roof, error",
    "fit_costs": "the constants by which a convolution's kernel is chosen, fitted again on this machine",
    "train_step": "one step of Algorithm 1 as gn.train runs it, against PyTorch where it is installed",
    "grouped": "convolution in groups and with one tap, forward and both gradients, against PyTorch where installed",
    "generate": "images from G, against PyTorch and onnxruntime where they are installed",
    "memory": "what training takes at its peak and what a step allocates, against PyTorch where it is installed",
    "distributed": "one step by several processes, against threads of one and PyTorch's DDP; a model to 1,024 ranks",
    "reading": "a step on items that take time to read: read in the step, read ahead in a thread, in memory",
    "cold_start": "from the command to the first training step: kernels to compile, kernels compiled before, PyTorch",
    "explore": "the page of gan-np explore: how long a drag waits, and what it takes from a training beside it",
    "gpu_report": "on a GPU: tests, kernels, steps, sanitizers and trainings, in stages that can be resumed",
    "gpu_step": "on a GPU: one training step at each precision, captured and not, against PyTorch, with floors",
    "gpu_convolutions": "on a GPU: every convolution of a DCGAN, forward and both gradients, against cuDNN",
    "scaling": "how a step's time grows with batch, width, side and threads, and the power laws fitted to it",
    "copying": "how often the test for copies errs: misses and false alarms by kind of generator and size of data",
    "equal_minutes": "DCGAN against R3GAN, or any presets, at equal minutes: recognised share, distances, coverage",
    "papers": "rows of the papers' tables, ours beside theirs: Parzen, modes, InfoGAN, 1-NN, minimax, stacked MNIST",
}
"""Name → one line. Each is a module with `main(arguments) -> exit code`; `gpu_step` is `benchmarks.gpu.step`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark that is named; 0 done, 1 numbers that disagree, 2 a wrong command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    started = started_by()
    together = (
        given[:1] == ["papers"] and "--page" not in given and any(not word.startswith("-") for word in given[1:2])
    )
    if started is not None and not together:
        if started.rank:
            return 0
        print(f"one process does this; of the {started.size} that were started the others do nothing", file=sys.stderr)
    if not given or given[0] in ("-h", "--help"):
        print("usage: python -m benchmarks NAME [options]     (NAME --help lists its options)\n")
        for name, line in BENCHMARKS.items():
            print(f"  {name:<17}{line}")
        return 0
    try:
        name = choice("benchmark", given[0], BENCHMARKS)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return int(importlib.import_module("benchmarks." + name.replace("gpu_", "gpu.", 1)).main(given[1:]))


if __name__ == "__main__":
    sys.exit(main())
