"""Running statistics of batch normalisation."""

from __future__ import annotations

from gan_np.arrays import Array


class Running:
    """old ← (1 − m)·old + m·new for both."""

    def update(
        self,
        mean: Array,
        variance: Array,
        batch_mean: Array,
        batch_variance: Array,
        momentum: float,
        correction: float,
    ) -> None:
        """In place."""
        of = mean.dtype.type
        share = of(momentum)
        mean[...] = (1 - share) * mean + share * batch_mean
        variance[...] = (1 - share) * variance + share * (batch_variance * of(correction))
