"""A fresh process, one of several under mpiexec or alone, that trains some steps; asked by `distributed.py`.

Rank 0 answers.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from gan_np.distributed import chosen_ranks
from gan_np.kernels import threads
from gan_np.ranks import Ranks
from gan_np.runs import Config
from gan_np.runs.build import build_trainer

from . import children, setups

WARM_UP = 3


def main(request: dict[str, Any]) -> None:
    """Steps, or messages, or weights after a few steps, as asked."""
    ranks = chosen_ranks()
    found = messages(ranks, request["sizes"]) if request["what"] == "messages" else training(ranks, request)
    ranks.barrier()
    if ranks.rank == 0:
        children.answer(found)


def training(ranks: Ranks, request: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of a step, and what this rank sent in it."""
    setup = setups.Setup(**{**request["setup"], "image_shape": tuple(request["setup"]["image_shape"])})
    config = Config(batch_size=setup.batch_size, average_decay=0.0)
    gan = setups.make_gan(setup, np.dtype(request["dtype"]))
    trainer = build_trainer(gan, setups.some_images(setup), config, ranks=ranks)
    if request.get("weights"):
        for _ in range(request["steps"]):
            trainer.step()
        if ranks.rank == 0:
            np.savez(request["weights"], g=gan.generator.parameters.values, d=gan.discriminator.parameters.values)
        return {}
    for _ in range(WARM_UP):
        trainer.step()
    before = {what: (one.calls, one.sent) for what, one in ranks.traffic.items()}
    ranks.barrier()
    seconds: list[float] = []
    waited: dict[str, list[float]] = {}
    for _ in range(request["steps"]):
        waits = {what: one.seconds for what, one in ranks.traffic.items()}
        started = time.perf_counter()
        trainer.step()
        seconds.append(time.perf_counter() - started)
        for what, one in ranks.traffic.items():
            waited.setdefault(what, []).append(one.seconds - waits.get(what, 0.0))
    sent = {}
    for what, one in ranks.traffic.items():
        calls, size = before.get(what, (0, 0))
        if one.calls > calls and what != "agreement":
            share = 1 / request["steps"]
            sent[what] = {
                "messages": (one.calls - calls) * share,
                "bytes": (one.sent - size) * share,
                "milliseconds": statistics.median(waited[what]) * 1e3,
            }
    return {
        "milliseconds": statistics.median(seconds) * 1e3,
        "ranks": ranks.size,
        "threads": threads.count(),
        "sent": sent,
        "parameters": [len(gan.discriminator.parameters), len(gan.generator.parameters)],
    }


def messages(ranks: Ranks, sizes: list[int]) -> dict[str, Any]:
    """Seconds of an all-reduce of arrays of these sizes in bytes: the median of many."""
    found = {}
    for size in sizes:
        array = np.zeros(max(1, size // 4), np.float32)
        seconds = []
        for _ in range(200 if size < 1 << 18 else 20):
            ranks.barrier()
            started = time.perf_counter()
            ranks.all_reduce(array)
            seconds.append(time.perf_counter() - started)
        found[str(size)] = statistics.median(seconds)
    return {"seconds": found}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
