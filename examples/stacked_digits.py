"""Triples of digits in the three colours of an image, for `gan-np train --preset r3gan-stacked-mnist`: a thousand modes.

    python examples/stacked_digits.py --data mnist --count 60000 --out stacked.npz
    gan-np train --preset r3gan-stacked-mnist --data stacked.npz

An .npz of images (N, 28, 28, 3), uint8, and labels 100·red + 10·green + blue.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gan_np as gn


def main() -> None:
    """Draw three digits for each image, with replacement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-5k", help="labelled digits: a name or a path")
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("stacked.npz"))
    options = parser.parse_args()
    digits = gn.data.open(options.data)
    assert digits.labels is not None, "labelled digits are needed"
    index = np.random.default_rng(options.seed).integers(0, len(digits), (options.count, 3))
    images = np.concatenate([digits.images[index[:, colour]] for colour in range(3)], axis=-1)
    np.savez(options.out, images=images, labels=digits.labels[index] @ [100, 10, 1])


if __name__ == "__main__":
    main()
