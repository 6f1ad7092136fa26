"""Several processes train one DCGAN on digits, and all hold the same generator in the end.

    mpiexec -n 2 python examples/many_processes.py --steps 500      (extras `mpi` and `demo`)

Started without `mpiexec` it trains in one process, with the same batches; `many-processes.png` is drawn by rank 0.
"""

from __future__ import annotations

import argparse

import numpy as np

import gan_np as gn
from gan_np.distributed import chosen_ranks


def main() -> None:
    """Train together, compare the weights, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--width", type=int, default=16)
    given = parser.parse_args()

    ranks = chosen_ranks()  # those that mpiexec or Slurm started together; one where nobody did
    images = ranks.first_here(lambda: gn.data.load("mnist-5k"))
    gan = gn.models.dcgan(images.shape[1:], width=given.width, seed=0)
    # Each rank has its part of every batch of 64, and its gradient is added to those of the others.
    trainer = gn.train(gan, images, steps=given.steps, batch_size=64, ranks=ranks, progress=ranks.rank == 0)

    everyone = ranks.exchange(gan.generator.parameters.values)
    if ranks.rank == 0:
        same = all(np.array_equal(one, everyone[0]) for one in everyone)
        print(f"{trainer.steps} steps by {ranks.size} processes; all have the same weights: {same}")
        gn.save_grid(gan.sample(64, seed=1), "many-processes.png")


if __name__ == "__main__":
    main()
