"""Running statistics on the GPU (`sources/running.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from .grids import over
from .launcher import contiguous, launch


class Running:
    """Both statistics in one launch."""

    def update(
        self,
        mean: Array,
        variance: Array,
        batch_mean: Array,
        batch_variance: Array,
        momentum: float,
        correction: float,
    ) -> None:
        """In place, so that both must be contiguous; the launcher refuses others."""
        of = mean.dtype.type
        arguments = (
            mean, variance, contiguous(batch_mean), contiguous(batch_variance), mean.size,
            of(1) - of(momentum), of(momentum), of(correction),
        )  # fmt: skip
        launch("running.cu", "update", *over(mean.size), arguments, dtype=mean.dtype)
