"""Both players move at once, as in the authors' code of the first GAN and of PacGAN: one graph, one fake batch.

`gan_np.training` alternates instead (D moves, then G learns from D's new weights, on fresh noise), as Algorithm 1 says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.layers import ALL, PARAMETERS
from gan_np.networks import Network
from gan_np.objectives import NonSaturating
from gan_np.optimizers import Optimizer

SURE = -60.0
"""D's logit below which σ(s), the factor that the shared backward pass carries, comes near float32's smallest numbers."""


@dataclass
class Simultaneous:
    """Two networks and their optimisers; the non-saturating game.

    generator: z (N·m, k) → points; discriminator: (N, …) → logits (N, 1), row by row (no batch statistics).
    d_weight: of D's loss; ½ in Goodfellow et al.'s code, where it halves D's learning rate.
    """

    generator: Network
    discriminator: Network
    d_optimizer: Optimizer
    g_optimizer: Optimizer
    d_weight: float = 1.0

    def step(self, real: Array, z: Array, rng: np.random.Generator | None = None) -> tuple[float, float]:
        """One update of both from the same weights: (L_D, L_G) before it.

        real: as D sees it (N, …); G's output is reshaped to that, so m points in a row of D are a pack.
        rng: where dropout draws; D(G(z)) has one set of masks for both players.

        Real and fake rows pass D as one batch. D's output is one logit a row, so row n's input gradient is a multiple of
        ∂s_n/∂x_n: what D's loss sent back, σ(s)·∂s/∂x, times −σ(−s)/σ(s) is what G's loss would, and one backward pass
        serves both. Where D is so sure that σ(s) is lost in float32, a second pass is made instead.
        """
        g, d, objective = self.generator, self.discriminator, NonSaturating()
        fake, g_pullback = g.forward(z, training=True, update_state=True, wrt=PARAMETERS, rng=rng)
        both = np.concatenate([real, fake.reshape(real.shape)])
        logits, pullback = d.forward(both, training=True, wrt=ALL, rng=rng)
        count = len(real)
        of_real, of_fake = objective.real(logits[:count]), objective.fake(logits[count:])
        of_g = objective.generator(logits[count:])
        upstream = np.concatenate([of_real.gradient, of_fake.gradient]) * logits.dtype.type(self.d_weight)
        sure = float(logits[count:].min()) < SURE
        back = pullback(upstream, keep=sure)[count:]
        if sure:
            back = pullback(np.concatenate([0 * of_real.gradient, of_g.gradient]), parameters=False)[count:]
        else:
            ratio = of_g.gradient / upstream[count:]
            back = back * ratio.reshape(-1, *(1,) * (back.ndim - 1))
        g_pullback(back.reshape(fake.shape))
        self.d_optimizer.step(d.parameters, d.gradient)
        self.g_optimizer.step(g.parameters, g.gradient)
        return self.d_weight * float(of_real.value + of_fake.value), float(of_g.value)
