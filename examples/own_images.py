"""A folder of images of yours: train, draw, and find out how good it is and whether it copies.

    python examples/own_images.py my/images --steps 500

Without a folder it makes one of 400 discs. The run folder is `runs/own-images`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gan_np as gn


def make_discs(folder: Path, count: int, side: int = 32) -> None:
    """Images of discs of any colour, place and size."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    for number in range(count):
        radius = rng.uniform(4, 10)
        row, column = rng.uniform(radius, side - radius, 2)
        inside = np.hypot(rows - row, columns - column)[..., None] < radius
        image = np.where(inside, rng.integers(100, 256, 3), 20).astype(np.uint8)
        gn.data.save_image(image, folder / f"{number:03}.png")


def main() -> None:
    """Read, train, draw, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--count", type=int, default=200, help="samples that are judged")
    parser.add_argument("--discs", type=int, default=400, help="images that are made where no folder is given")
    options = parser.parse_args()
    folder = options.folder
    if folder is None:
        folder = Path("discs")
        make_discs(folder, options.discs)

    found = gn.data.open(folder, image_size=32)  # cut to squares, resized, kept in the cache folder
    print(found)
    gan = gn.models.dcgan(found.image_shape, latent_dim=32, width=16, augment=("translation",))
    trainer = gn.train(gan, found, steps=options.steps, hold_out=0.2, out="runs/own-images")
    gn.save_grid(gan.sample(64, seed=1), "own-images.png")

    training = trainer.images
    held_out = np.array([image for image in found.images if not (training == image).all(axis=(1, 2, 3)).any()])
    samples = gan.sample(options.count, seed=2)
    figures = gn.metrics.precision_recall_density_coverage(
        held_out.reshape(len(held_out), -1) / 255.0, samples[: len(held_out)].reshape(len(held_out), -1) / 255.0
    )
    print(figures)
    print("copies?", gn.metrics.copying_test(training, held_out, samples).verdict)


if __name__ == "__main__":
    main()
