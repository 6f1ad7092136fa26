"""How a time grows: t = a·xᵖ, fitted by least squares to log t over log x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class PowerLaw(NamedTuple):
    """t = factor · x^exponent."""

    factor: float
    exponent: float
    r_squared: float | None
    """Share of the variance of log t that it explains; None for two points, through which a law always passes."""

    def at(self, x: float) -> float:
        """Return the time t that the law gives at x."""
        return float(self.factor * x**self.exponent)

    def text(self, quantity: str) -> str:
        """For a table: "∝ batch^0.98 (R² 0.999)"."""
        quality = "two points" if self.r_squared is None else f"R² {self.r_squared:.3f}"
        return f"∝ {quantity}^{self.exponent:.2f} ({quality})"


def fit(x: Sequence[float], t: Sequence[float]) -> PowerLaw | None:
    """The law through positive numbers; None for fewer than two different x."""
    if len(set(x)) < 2:
        return None
    log_x, log_t = np.log(x), np.log(t)
    exponent, intercept = np.polyfit(log_x, log_t, 1)
    left = float(np.sum((log_t - intercept - exponent * log_x) ** 2))
    total = float(np.sum((log_t - log_t.mean()) ** 2))
    quality = None if len(x) == 2 else 1.0 if total == 0 else 1 - left / total
    return PowerLaw(float(np.exp(intercept)), float(exponent), quality)
