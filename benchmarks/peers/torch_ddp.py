"""PyTorch's DistributedDataParallel on processors (gloo), one of several processes under mpiexec; asked by `distributed.py`.

Its batch normalisation takes the statistics of each process's own part: SyncBatchNorm is for GPUs alone. D's pass in G's
step goes round the wrapper, as D is frozen there and has no gradient to add up.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from benchmarks import children, setups

from .torch_gan import Draws, TorchGAN, Variant, _softplus

WARM_UP = 3


class TogetherGAN(TorchGAN):
    """Both players wrapped, if there are several processes."""

    def wrap(self) -> None:
        """Add up gradients over all processes from now on."""
        self.whole_d = self.d
        if distributed.is_initialized():
            self.g, self.d = (DistributedDataParallel(one, broadcast_buffers=False) for one in (self.g, self.d))

    def _generator_loss(self, draws: Draws, fake: torch.Tensor) -> torch.Tensor:
        if draws.g_noise is not None:
            fake = self.g(draws.g_noise)
        return _softplus(-self.whole_d(fake))


def main(request: dict[str, Any]) -> None:
    """Milliseconds of a step on this process's part of the batch."""
    size, rank = (int(os.environ.get(name, default)) for name, default in (("PMI_SIZE", "1"), ("PMI_RANK", "0")))
    torch.set_num_threads(request["threads"])
    setup = setups.Setup(**{**request["setup"], "image_shape": tuple(request["setup"]["image_shape"])})
    setup = setup._replace(batch_size=setup.batch_size // size)
    images = setup.model == "dcgan"
    if size > 1:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(request["port"])}
        distributed.init_process_group("gloo", rank=rank, world_size=size)
    trainer = setups.make_trainer(setup, np.dtype(request["dtype"]))
    order = torch.channels_last if images else torch.contiguous_format
    side = TogetherGAN(trainer, Variant(order, "fused", images))
    side.wrap()
    side.random.manual_seed(rank)
    for _ in range(WARM_UP):
        side.step(side.draw())
    seconds = []
    for _ in range(request["steps"]):
        started = time.perf_counter()
        side.step(side.draw())
        seconds.append(time.perf_counter() - started)
    if size > 1:
        distributed.barrier()
    if rank == 0:
        children.answer(
            {"milliseconds": statistics.median(seconds) * 1e3, "ranks": size, "threads": request["threads"]}
        )
    if size > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
