"""What GAN objectives are made of."""

from __future__ import annotations

from gan_np.arrays import Array

from .losses import Softplus


class Logistic:
    """The mean of softplus over scores, from its value and its derivative."""

    def forward(self, s: Array, sign: int, weight: float) -> tuple[Array, Array]:
        """Return weight·mean softplus(sign·s), and its derivative."""
        share = s.dtype.type(weight / s.size)
        kernel, signed = Softplus(), sign * s
        return kernel.forward(signed).sum() * share, kernel.derivative(signed) * (sign * share)


class Accuracy:
    """The accuracy of D's scores, by a comparison and a mean."""

    def forward(self, s: Array, sign: int, boundary: float) -> Array:
        """Return the share of scores on the right side of 0."""
        limit = s.dtype.type(boundary)
        share: Array = (s > limit if sign > 0 else s < limit).mean()
        return share
