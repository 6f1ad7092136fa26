"""A GAN on points of the plane, by hand: two networks, two optimisers, one loop.

    python examples/points.py --steps 2000

draws `points.png`: real points in grey, generated ones in blue (extra `plot`).
"""

from __future__ import annotations

import argparse

import numpy as np

import gan_np as gn


def main() -> None:
    """Train and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    steps = parser.parse_args().steps

    rng = np.random.default_rng(0)
    angles = rng.integers(0, 8, 4000) * np.pi / 4
    points = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.1 * rng.standard_normal((4000, 2))
    points = points.astype(np.float32)

    hidden = gn.Dense(96, activation="relu"), gn.Dense(96, activation="relu")
    g = gn.Network(gn.Sequential(*hidden, gn.Dense(2)), (2,), seed=0)
    hidden = gn.Dense(96, activation="leaky_relu"), gn.Dense(96, activation="leaky_relu")
    d = gn.Network(gn.Sequential(*hidden, gn.Dense(1)), (2,), seed=1)
    g_adam, d_adam, objective = gn.Adam(1e-3), gn.Adam(1e-3), gn.objectives.NonSaturating()

    for step in range(1, steps + 1):
        real = points[rng.integers(0, len(points), 128)]
        fake = g(rng.standard_normal((128, 2)).astype(np.float32))
        s_real, from_real = d.forward(real, training=True, wrt=gn.Wrt(inputs=False))
        s_fake, from_fake = d.forward(fake, training=True, wrt=gn.Wrt(inputs=False))
        d_loss = objective.discriminator(s_real, s_fake)
        from_real(d_loss.real_gradient)
        from_fake(d_loss.fake_gradient)
        d_adam.step(d.parameters, d.gradient)

        z = rng.standard_normal((128, 2)).astype(np.float32)
        fake, into_g = g.forward(z, training=True, wrt=gn.Wrt(inputs=False))
        s_fake, into_fake = d.forward(fake, training=True, wrt=gn.Wrt(parameters=False))
        g_loss = objective.generator(s_fake)
        into_g(into_fake(g_loss.gradient))
        g_adam.step(g.parameters, g.gradient)
        if step % max(1, steps // 10) == 0:
            print(f"step {step}: L_D {float(d_loss.value):.3f}, L_G {float(g_loss.value):.3f}")

    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5))
    axes = figure.subplots()
    axes.scatter(*points[:1000].T, s=3, color="lightgrey")
    axes.scatter(*g(rng.standard_normal((1000, 2)).astype(np.float32)).T, s=3)
    figure.savefig("points.png")


if __name__ == "__main__":
    main()
