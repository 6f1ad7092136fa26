"""The generative adversarial metric: two GANs against each other (Im et al. 2016, Generating images with recurrent
adversarial networks).

Each discriminator judges the other's samples, and both judge real test images. With e the error rate (real called
generated, generated called real),

    r_test   = e(D₁(x_test)) / e(D₂(x_test)),        r_samples = e(D₁(G₂(z))) / e(D₂(G₁(z)))

Model 1 wins if r_samples < 1 (D₂ is fooled by G₁ more often than D₁ by G₂) while r_test ≈ 1 (neither discriminator is
simply the weaker one); model 2 wins if r_samples > 1 and r_test ≈ 1; anything else is undecided. The authors' script
divides accuracies instead of error rates, which turns the direction round.

The paper does not say how near to 1 r_test must be; here 1/1.5 to 1.5 by default. It is a comparison of two pairs, not
a scale: A over B and B over C says nothing of A and C. Needs 1,000 test images and samples, and error rates that are
not about 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, number

TOLERANCE = 1.5


class Errors(NamedTuple):
    """Where each discriminator erred, booleans: on the test images, and on the other one's samples."""

    first_on_test: Array
    second_on_test: Array
    first_on_second: Array
    second_on_first: Array

    def checked(self) -> Errors:
        """Itself, if all are booleans (N,), the first two and the last two of one length each."""
        for name, array in self._asdict().items():
            if array.dtype != np.bool_ or array.ndim != 1 or not len(array):
                raise ShapeError(f"{name}: expected booleans (N,), N ≥ 1, got {array.dtype} {array.shape}")
        if self.first_on_test.shape != self.second_on_test.shape:
            raise ShapeError("second_on_test: both discriminators judge the same test images")
        return self

    def take(self, test: Array, samples: Array) -> Errors:
        """Some of the test images and some of the samples."""
        return Errors(*(part[test] for part in self[:2]), *(part[samples] for part in self[2:]))


def battle_ratios(errors: Errors) -> dict[str, float]:
    """r_test and r_samples; NaN for 0/0, infinite where only the divisor is 0.

    >>> yes, no = np.array([True, True, True, False]), np.array([True, False, False, False])
    >>> battle_ratios(Errors(no, no, no, yes))        # D₂ takes three of G₁'s four for real, D₁ one of G₂'s
    {'r_test': 1.0, 'r_samples': 0.3333333333333333}
    """
    one, two, on_second, on_first = (float(part.mean()) for part in errors.checked())
    return {"r_test": _ratio(one, two), "r_samples": _ratio(on_second, on_first)}


def verdict(r_test: float, r_samples: float, tolerance: float = TOLERANCE) -> str:
    """ "first", "second" or "undecided"."""
    number("tolerance", tolerance, 1.0)
    if not 1 / tolerance <= r_test <= tolerance or np.isnan(r_samples) or r_samples == 1:
        return "undecided"
    return "first" if r_samples < 1 else "second"


def _ratio(above: float, below: float) -> float:
    if below:
        return above / below
    return float("nan") if not above else float("inf")
