"""A model of your own: layers put together, registered under a name, trained and opened again.

    python examples/own_model.py --steps 300
    gan-np train --import examples/own_model.py --model smooth --channels 1 --steps 300

G enlarges with bilinear upsampling and convolutions, in place of transposed ones; D has no batch statistics, so
that R1 can be used.
"""

from __future__ import annotations

import argparse

import gan_np as gn


@gn.models.register("smooth")
def smooth(image_shape, latent_dim: int = 32, *, width: int = 16, seed: int = 0, device: str = "cpu"):
    """Upsampling in G, group normalisation in D.

    width: channels at full size.
    """
    height, wide, channels = image_shape
    if height % 4 or wide % 4:
        raise ValueError(f"image_shape: expected sides that are multiples of 4, got {height}×{wide}")
    g = gn.Sequential(
        gn.Dense(height // 4 * (wide // 4) * 2 * width, activation="relu"),
        gn.Reshape(height // 4, wide // 4, 2 * width),
        gn.Upsample2d(2, mode="bilinear"),
        gn.Conv2d(width, 3, padding=1, bias=False),
        gn.BatchNorm(activation="relu"),
        gn.Upsample2d(2, mode="bilinear"),
        gn.Conv2d(channels, 3, padding=1, activation="tanh"),
    )
    d = gn.Sequential(
        gn.Conv2d(width, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Conv2d(2 * width, 4, stride=2, padding=1),
        gn.GroupNorm(4, activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(1),
    )
    return gn.GAN(
        gn.Network(g, (latent_dim,), seed=2 * seed, device=device),
        gn.Network(d, image_shape, seed=2 * seed + 1, device=device),
        gn.models.Prior(latent_dim),
        "-1..1",
    )


def main() -> None:
    """Train, save, open, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    steps = parser.parse_args().steps
    images = gn.data.load("mnist-5k")
    gan = smooth(images.shape[1:])
    print(gan.summary())
    gn.train(gan, images, steps=steps, objective="relativistic", r1=1.0)
    gn.save(gan, "smooth.safetensors")
    again = gn.load("smooth.safetensors")
    gn.save_grid(again.sample(64, seed=1), "smooth.png")


if __name__ == "__main__":
    main()
