"""Trainings that several ranks must do as one process does: every model and every option that looks across the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gan_np as gn
from gan_np.ranks import ALONE, Ranks
from gan_np.training import Trainer

F64: dict[str, Any] = {"dtype": np.float64}
BATCH = 12


def own_critic() -> gn.GAN:
    """Minibatch standard deviation in D, layer normalisation beside it."""
    g = gn.Sequential(
        gn.Dense(8, activation="relu"), gn.BatchNorm(), gn.Dense(32, activation="tanh"), gn.Reshape(4, 4, 2)
    )
    d = gn.Sequential(
        gn.Conv2d(3, 3, padding=1, activation="leaky_relu"), gn.MinibatchStandardDeviation(), gn.Flatten(), gn.Dense(1)
    )
    return gn.GAN(
        gn.Network(g, (3,), seed=0, **F64), gn.Network(d, (4, 4, 2), seed=1, **F64), gn.models.Prior(3), "-1..1"
    )


def patches() -> gn.GAN:
    """A D that judges patches and drops out, a G that is normalised."""
    g = gn.Sequential(
        gn.Dense(8), gn.BatchNorm(activation="relu"), gn.Dense(32, activation="tanh"), gn.Reshape(4, 4, 2)
    )
    d = gn.Sequential(gn.Conv2d(3, 3, padding=1, activation="leaky_relu"), gn.Dropout(0.4), gn.Conv2d(1, 2))
    return gn.GAN(
        gn.Network(g, (3,), seed=0, **F64), gn.Network(d, (4, 4, 2), seed=1, **F64), gn.models.Prior(3), "-1..1"
    )


def level(**options: Any) -> gn.GAN:
    return gn.models.MODELS["laplacian-level"]((8, 8, 1), width=2, hidden_layers=1, g_norm="batch", **options, **F64)


def dcgan(**options: Any) -> gn.GAN:
    return gn.models.dcgan((8, 8, 1), 3, width=2, **options, **F64)


def made(name: str, *arguments: Any, **options: Any) -> Callable[[], gn.GAN]:
    return lambda: gn.models.MODELS[name](*arguments, **options, **F64)


SGD = {name: gn.SGD(0.02) for name in ("d_optimizer", "g_optimizer")}
"""For networks with parameters whose gradient is 0 but for rounding (a bias before batch normalisation; D's last bias where
scores are compared): Adam divides that rounding by its own size, down to ε, and so makes some 1e-12 of it in 50 steps."""
R1, WGAN = gn.penalties.R1, gn.penalties.WassersteinGradientPenalty
CASES: dict[str, tuple[Callable[[], gn.GAN], dict[str, Any]]] = {
    "dcgan": (dcgan, {}),
    "flip, instance noise, k=2": (dcgan, {"flip": True, "instance_noise": 0.2, "d_steps": 2}),
    "shared noise, least squares": (dcgan, {"share_noise": True, "objective": gn.objectives.LeastSquares()}),
    "packing": (lambda: dcgan(packing=2), {}),
    "augmentation": (lambda: dcgan(augment=("colour", "translation", "cutout"), augment_probability=0.7), {}),
    "uniform noise": (lambda: dcgan(latent="uniform"), {"objective": gn.objectives.Hinge()}),
    "spectral, R1": (lambda: dcgan(d_norm="spectral"), {"penalties": [R1(1.0)]}),
    "wasserstein penalty": (
        lambda: dcgan(d_norm="none"),
        {"objective": gn.objectives.Wasserstein(), "penalties": [WGAN(10.0)], "average_decay": 0.0},
    ),
    "clipped weights": (
        lambda: dcgan(d_norm="none"),
        {
            "objective": gn.objectives.Wasserstein(),
            "clip_weights": 0.1,
            "d_optimizer": gn.RMSprop(1e-3),
            "g_optimizer": gn.RMSprop(1e-3),
        },
    ),
    "relativistic": (dcgan, {"objective": gn.objectives.Relativistic()}),
    "relativistic average": (dcgan, {"objective": gn.objectives.RelativisticAverage(), **SGD}),
    "minibatch deviation, R1": (own_critic, {"penalties": [R1(1.0), gn.penalties.R2(0.5)]}),
    "patches, dropout": (patches, SGD),
    "clipped gradient": (dcgan, {"d_optimizer": gn.Adam(1e-3, clip_norm=0.1)}),
    "residual": (made("residual", (8, 8, 1), 3, width=2), {"objective": gn.objectives.Hinge(), **SGD}),
    "mlp on points": (made("mlp", (2,), 2, hidden=8), {}),
    "conditional": (made("conditional-dcgan", (8, 8, 1), 3, classes=3, width=2), {}),
    "infogan": (made("infogan", (8, 8, 1), 3, width=2, categories=3), {}),
    "gran": (made("gran", (8, 8, 1), 3, width=2, draw_steps=2), {}),
    "r3gan": (
        made("r3gan", (8, 8, 1), 3, width=2, classes=3, augment=("geometry", "hue"), augment_probability=0.7),
        {"objective": gn.objectives.Relativistic(), "penalties": [R1(1.0), gn.penalties.R2(0.5)], **SGD},
    ),
    "level": (level, {}),
    "level by label": (lambda: level(classes=3), {}),
}


def data_for(gan: gn.GAN) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = gan.data_shape
    images = rng.standard_normal((50, 2)) if len(shape) == 1 else rng.integers(0, 256, (50, *shape), np.uint8)
    return images, rng.integers(0, 3, 50)


def trained(case: str, ranks: Ranks = ALONE, steps: int = 50, **more: Any) -> dict[str, np.ndarray]:
    """All that a training leaves: θ, state, the average, the losses."""
    make, options = CASES[case]
    gan = make()
    images, labels = data_for(gan)
    options = {name: _fresh(value) for name, value in options.items()}
    rates = {"g_optimizer": gn.Adam(1e-3), "d_optimizer": gn.Adam(1e-3)}
    trainer = Trainer(
        gan, images, labels, batch_size=BATCH, ranks=ranks, seed=2, **(rates | {"average_decay": 0.9} | options | more)
    )
    losses = []
    for _ in range(steps):
        step = trainer.step()
        losses.append([step.d_loss, step.g_loss])
    found = {
        "G": gan.generator.parameters.values,
        "D": gan.discriminator.parameters.values,
        "state of G": gan.generator.state.values,
        "state of D": gan.discriminator.state.values,
        "losses": np.array(losses, float),
        "noise": np.array([trainer.noise.random(), trainer.dropout.random(), trainer.flips.random()]),
    }
    if gan.average is not None:
        found["average"] = gan.average.network.parameters.values
    return found


def _fresh(value: Any) -> Any:
    """An optimiser belongs to one training."""
    if isinstance(value, gn.Adam):
        return gn.Adam(1e-3, clip_norm=0.1)
    if isinstance(value, gn.SGD):
        return gn.SGD(0.02)
    return gn.RMSprop(1e-3) if isinstance(value, gn.RMSprop) else value
