"""A table of numbers: rows like those of a file, and how good they are.

    python examples/table.py --steps 2000          # on a table that it makes itself
    python examples/table.py --data people.csv     # on yours: numbers, a line of names at the top

writes `rows.csv`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gan_np as gn


def make_table(path: Path) -> None:
    """Height, weight (goes with the height) and income (skewed) of 3,000 people that there are not."""
    rng = np.random.default_rng(0)
    height = rng.normal(172, 9, 3000)
    weight = 0.9 * (height - 100) + rng.normal(0, 8, 3000)
    income = rng.lognormal(7.8, 0.5, 3000)
    rows = np.stack([height, weight, income], axis=1)
    np.savetxt(path, rows, delimiter=",", header="height,weight,income", comments="")


def main() -> None:
    """Read, train, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    path = options.data or Path("people.csv")
    if options.data is None:
        make_table(path)

    table = gn.data.open(path)
    gan = gn.models.mlp(table.data.shape[1:], latent_dim=16, hidden=128)
    gn.train(gan, table, steps=options.steps, batch_size=128)
    rows = gan.sample(2000, seed=1)  # in the units of the data
    np.savetxt("rows.csv", rows, delimiter=",", header=",".join(table.columns or ()), comments="")
    for name, real, drawn in zip(table.columns or (), table.data.T, rows.T, strict=False):
        print(
            f"{name:>10}: data {real.mean():9.1f} ± {real.std():8.1f}, generated {drawn.mean():9.1f} ± {drawn.std():8.1f}"
        )
    print("correlation of the first two:", *(f"{np.corrcoef(some[:, :2].T)[0, 1]:.2f}" for some in (table.data, rows)))


if __name__ == "__main__":
    main()
