"""Whether what is shown was in the training data: the nearest training images, and the verdict of the test for copies."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from gan_np.arrays import Array
from gan_np.evaluation.memorisation import memory_of
from gan_np.evaluation.trained_on import training_data
from gan_np.metrics import nearest_neighbours
from gan_np.runs import load_gan
from gan_np.runs.folder import read_config

from .sprite import to_show

SAMPLES = 300


class Memory:
    """The training data of a run, opened when they are first asked for."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._images: Array | None = None
        self._lock = threading.Lock()

    def images(self) -> Array:
        """What the run was trained on.

        Raises:
            FileNotFoundError, ValueError: the data are not where they were, or are others now.
        """
        with self._lock:
            if self._images is None:
                self._images = training_data(self.run, read_config(self.run)).data
            return self._images

    def nearest(self, image: Array, count: int) -> tuple[Array, list[float], list[int]]:
        """The training images nearest to one (1, H, W, C), the nearest first.

        Returns them as they are shown, (count, H, W, C), their distances (root mean square of values from 0 to 1) and their
        numbers.
        """
        training = self.images()
        found = nearest_neighbours(image, training, min(count, len(training)))
        size = image[0].size ** 0.5
        numbers = [int(number) for number in found.indices[0]]
        return to_show(training[numbers]), [float(distance) / size for distance in found.distances[0]], numbers


def verdict_of(run: str) -> dict[str, Any]:
    """What `gan-np neighbours` says of a run's samples, in pixels, with fewer of them and without moves.

    Returns "explanation", and where there was a test "verdict" and "p", its adjusted p-values.
    """
    memory = memory_of(
        run, load_gan(run), count=SAMPLES, held_out_count=500, show=1, nearest=1, shift=0, cells=0, trunk=False
    )
    if not memory.tests:
        return {"explanation": memory.untested or "no test"}
    test = next(iter(memory.tests.values()))
    return {"verdict": test.verdict, "explanation": test.explanation, "p": test.adjusted}


def verdict_apart(run: str) -> dict[str, Any]:
    """The same in a process of its own, so that images can be made meanwhile."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        return apart.submit(verdict_of, run).result()
