"""Images with a label that is chosen: a conditional DCGAN on digits (extra `demo`).

    python examples/conditional.py --steps 400

draws `by-label.png`, a row for each digit.
"""

from __future__ import annotations

import argparse

import numpy as np

import gan_np as gn


def main() -> None:
    """Train and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()

    digits = gn.data.open("mnist-5k")
    gan = gn.models.conditional_dcgan(digits.image_shape, latent_dim=32, classes=10, width=options.width)
    gn.train(gan, digits, steps=options.steps)
    labels = np.repeat(np.arange(10), 8)
    gn.save_grid(gan.sample(80, seed=1, labels=labels), "by-label.png", columns=8)


if __name__ == "__main__":
    main()
