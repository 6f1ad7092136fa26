"""Small models of every kind, their numbers stirred."""

import numpy as np

import gan_np as gn
from gan_np import Fork, Identity, Residual


def stirred(network, seed=0):
    """A network with other biases, scales and statistics than it began with, so that none of them can be left out."""
    rng = np.random.default_rng(seed)
    theta, state = network.parameters, network.state
    theta.assign((theta.values + 0.2 * rng.standard_normal(len(theta))).astype(theta.values.dtype))
    if len(state):
        values = state.values * (0.2 + rng.random(len(state))) + 0.1 * np.abs(rng.standard_normal(len(state)))
        state.assign(values.astype(state.values.dtype))
    return network


def stir(gan):
    for stage in gan.stages:
        stirred(stage.generator)
        stirred(stage.discriminator)
    return gan


def cut(gan, images):
    """Images in the range of a model, as samples are."""
    return images.clip(*gan.image_range)


IMAGES = {
    "dcgan": lambda: gn.models.dcgan((16, 16, 3), 6, width=4),
    "dcgan-5x5-odd": lambda: gn.models.dcgan((15, 18, 2), 5, width=2, kernel_size=5),
    "dcgan-spectral": lambda: gn.models.dcgan((16, 16, 1), 5, width=2, d_norm="spectral", augment=("colour",)),
    "dcgan-packed": lambda: gn.models.dcgan((8, 8, 2), 5, width=2, packing=2),
    "conditional": lambda: gn.models.conditional_dcgan((16, 16, 1), 5, classes=3, width=2),
    "conditional-embedding": lambda: gn.models.conditional_dcgan(
        (8, 8, 1), 5, classes=3, width=2, condition="embedding"
    ),
    "conditional-projection": lambda: gn.models.conditional_dcgan(
        (8, 8, 1), 5, classes=3, width=2, condition="projection"
    ),
    "residual": lambda: gn.models.residual_gan((16, 16, 3), 5, width=2, minibatch_deviation=True),
    "r3gan": lambda: gn.models.r3gan((12, 13, 3), 5, width=4),
    "r3gan-conditional": lambda: gn.models.r3gan((8, 8, 1), 5, classes=3, width=4),
    "infogan": lambda: gn.models.infogan((16, 16, 1), 5, width=2, categories=3),
    "gran": lambda: gn.models.gran((16, 16, 1), 5, draw_steps=3, width=2, code=6),
    "mlp": lambda: gn.models.mlp((6, 6, 2), 5, hidden=12, maxout_units=7),
    "dense": lambda: gn.models.dense_gan((6, 6, 2), 5, hidden=12),
    "dense-conditional": lambda: gn.models.dense_gan((6, 6, 2), 5, hidden=12, classes=3),
}
VECTORS = {
    "mlp": lambda: gn.models.mlp((5,), 4, hidden=12, maxout_units=7),
    "dense": lambda: gn.models.dense_gan((5,), 4, hidden=12),
    "dense-conditional": lambda: gn.models.dense_gan((5,), 4, hidden=12, classes=3),
}

LAYERS = {
    "activations": (
        gn.Sequential(
            gn.ReLU(), gn.LeakyReLU(0.3), gn.Softplus(), gn.Dense(6, activation=gn.Activation("leaky_relu", 0.1)),
            gn.Tanh(), gn.Dense(6), gn.Sigmoid(), gn.Maxout(3), gn.Dropout(0.5),
        ),
        (5,),
    ),
    "maxout of maps": (gn.Sequential(gn.Conv2d(6, (3, 2), stride=(2, 1), padding=(1, 0)), gn.Maxout(2)), (7, 6, 2)),
    "transposed": (gn.ConvTranspose2d(3, (3, 4), stride=(2, 3), padding=(1, 0), output_padding=(1, 2)), (4, 3, 2)),
    "groups": (
        gn.Sequential(
            gn.Conv2d(6, 3, padding=1, groups=2, bias=False), gn.BatchNorm(),
            gn.ConvTranspose2d(9, 2, stride=2, groups=3, bias=False), gn.BatchNorm(activation="relu"),
            gn.SpectralNorm(gn.ConvTranspose2d(6, 2, groups=3)), gn.Conv2d(6, 3, groups=6),
        ),
        (4, 3, 4),
    ),
    "layer norm": (gn.LayerNorm(activation="tanh"), (4, 3, 2)),
    "layer norm of features": (gn.LayerNorm(scale=False), (6,)),
    "group norm": (gn.GroupNorm(2, activation="relu"), (4, 3, 6)),
    "group norm of features": (gn.GroupNorm(2, bias=False), (6,)),
    "instance norm": (gn.Sequential(gn.InstanceNorm(), gn.InstanceNorm(affine=True)), (4, 3, 2)),
    "batch norm": (gn.Sequential(gn.BatchNorm(affine=False), gn.BatchNorm(scale=False, epsilon=0.1)), (4, 3, 2)),
    "low-pass": (gn.Sequential(gn.BlurUpsample2d((True, False)), gn.BlurUpsample2d(), gn.BlurDownsample2d()), (4, 3, 2)),
    "maps": (gn.Sequential(gn.WeightedSum(), gn.Dense(6), gn.Basis(3, 2)), (4, 3, 2)),
    "product": (gn.Sequential(Fork(gn.Dense(4), gn.Dense(4)), gn.InnerProduct()), (3,)),
    "nearest": (gn.Upsample2d((2, 3)), (4, 3, 2)),
    "bilinear": (gn.Sequential(gn.Upsample2d((2, 3), mode="bilinear"), gn.AveragePool2d((4, 1))), (4, 3, 2)),
    "shapes": (
        gn.Sequential(
            gn.Reshape(2, 6, 2), gn.Conv2d(3, 1), gn.Flatten(), gn.Dense(8), gn.Reshape(2, 4), gn.Maxout(2),
            gn.Reshape(1, 1, 4), gn.Flatten(),
        ),
        (4, 3, 2),
    ),
    "spectral": (
        gn.Sequential(gn.SpectralNorm(gn.ConvTranspose2d(3, 2)), gn.SpectralNorm(gn.Conv2d(2, 2, bias=False))), (4, 3, 2),
    ),
    "branches": (
        gn.Sequential(
            Fork(gn.Conv2d(3, 1), Identity()), gn.Concatenate(), Fork(Identity(), gn.Conv2d(5, 1)), gn.Add(),
            Residual(gn.Conv2d(5, 3, padding=1)), Residual(gn.Conv2d(2, 1), gn.Conv2d(2, 1)),
        ),
        (4, 3, 2),
    ),
    "loop": (gn.Loop(gn.Sequential(gn.Dense(4), gn.BatchNorm(activation="tanh")), 3), (4,)),
}  # fmt: skip
"""Structures, and the shape of their input."""
