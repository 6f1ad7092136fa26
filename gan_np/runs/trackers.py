"""Callbacks that send a training's losses, settings and samples to Weights & Biases, MLflow or Trackio.

Each is an extra that is imported when a callback is made: `python -m pip install "gan_np[wandb]"`, `[mlflow]`, `[trackio]`.

    with gn.runs.Trackio("digits") as tracker:
        gn.train(gan, images, callbacks=[tracker])
"""

from __future__ import annotations

import importlib
import weakref
from types import TracebackType
from typing import Any, ClassVar, Self

from gan_np.arrays import Array
from gan_np.checks import integer
from gan_np.data.images import enlarged, grid
from gan_np.training.algorithm import Trainer
from gan_np.training.step import Step

from .folder import SAMPLE_SEED
from .loop import settings_of


class Tracker:
    """A callback of `gn.train` that writes to a service; a subclass says how.

    every: after how many steps numbers are written (0: never). images_every: after how many a grid of samples of a fixed z
    (0: never; of vectors never). samples: how many images it has. settings: what is written of the training beside its
    configuration, by name.

    The service's run begins with the first step and ends with the `with` block, or with `close()`. Each further stage of a
    model of several, or another training with the same callback, writes to the same run, its names behind stage-1/,
    stage-2/, …, its steps counted on.

    Raises:
        ModuleNotFoundError: the service's package is not installed; the message names the extra.
    """

    package: ClassVar[str]
    extra: ClassVar[str]

    def __init__(
        self, *, every: int = 50, images_every: int = 500, samples: int = 36, settings: dict[str, Any] | None = None
    ) -> None:
        self.every, self.images_every = integer("every", every, 0), integer("images_every", images_every, 0)
        self.samples, self.settings = integer("samples", samples, 1), dict(settings or {})
        self.service = _imported(self.package, self.extra)
        self._begun = False
        self._trainer: weakref.ref[Trainer] | None = None
        self._stage, self._before, self._last = -1, 0, 0

    def __call__(self, trainer: Trainer, step: Step) -> None:
        """After a step of training."""
        if self._trainer is None or self._trainer() is not trainer:
            self._trainer, self._before = weakref.ref(trainer), self._last
            self._stage += 1
        if not self._begun:
            self.begin(settings_of(trainer) | self.settings)
            self._begun = True
        prefix = f"stage-{self._stage}/" if self._stage else ""
        self._last = self._before + step.number
        if self.every and step.number % self.every == 0:
            numbers = {name: value for name, value in step.numbers().items() if name != "step"}
            self.log({prefix + name: float(value) for name, value in numbers.items()}, self._last)
        drawn = len(trainer.gan.data_shape) == 3
        if drawn and self.images_every and step.number % self.images_every == 0:
            sheet = enlarged(grid(trainer.gan.sample(self.samples, SAMPLE_SEED)))
            self.log_image(f"{prefix}samples", sheet[:, :, 0] if sheet.shape[2] == 1 else sheet, self._last)

    def close(self) -> None:
        """End the service's run."""
        if self._begun:
            self._begun = False
            self.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def begin(self, settings: dict[str, Any]) -> None:
        """Begin a run of the service. settings: the training's, plain values by name."""
        raise NotImplementedError(f"{type(self).__name__} has no begin")

    def log(self, numbers: dict[str, float], step: int) -> None:
        """Write numbers of a step."""
        raise NotImplementedError(f"{type(self).__name__} has no log")

    def log_image(self, name: str, image: Array, step: int) -> None:
        """Write a grid, uint8 (H, W) or (H, W, 3 or 4)."""
        raise NotImplementedError(f"{type(self).__name__} has no log_image")

    def end(self) -> None:
        """End the run."""
        raise NotImplementedError(f"{type(self).__name__} has no end")


class WeightsAndBiases(Tracker):
    """To Weights & Biases (extra `wandb`). project: where the run belongs. name: what it is called; None: a name of the
    service's. init: more arguments of `wandb.init`, as in {"mode": "offline"}. The rest as in `Tracker`."""

    package, extra = "wandb", "wandb"

    def __init__(
        self, project: str, *, name: str | None = None, init: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.project, self.name, self.init = project, name, dict(init or {})
        self._run: Any = None

    def begin(self, settings: dict[str, Any]) -> None:
        """`wandb.init`."""
        self._run = self.service.init(project=self.project, name=self.name, config=settings, **self.init)

    def log(self, numbers: dict[str, float], step: int) -> None:
        """`run.log`."""
        self._run.log(numbers, step=step)

    def log_image(self, name: str, image: Array, step: int) -> None:
        """`run.log` of a `wandb.Image`."""
        self._run.log({name: self.service.Image(image)}, step=step)

    def end(self) -> None:
        """`run.finish`."""
        self._run.finish()


class MLflow(Tracker):
    """To MLflow (extra `mlflow`; its tracking server is what MLFLOW_TRACKING_URI says). experiment: where the run belongs.
    name: what it is called; None: a name of the service's. The rest as in `Tracker`."""

    package, extra = "mlflow", "mlflow"

    def __init__(self, experiment: str, *, name: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.experiment, self.name = experiment, name

    def begin(self, settings: dict[str, Any]) -> None:
        """`start_run` in the experiment, `log_params`."""
        self.service.set_experiment(self.experiment)
        self.service.start_run(run_name=self.name)
        self.service.log_params(settings)

    def log(self, numbers: dict[str, float], step: int) -> None:
        """`log_metrics`."""
        self.service.log_metrics(numbers, step=step)

    def log_image(self, name: str, image: Array, step: int) -> None:
        """`log_image`, into the run's artefacts."""
        self.service.log_image(image, artifact_file=f"{name}/step-{step:06}.png")

    def end(self) -> None:
        """`end_run`."""
        self.service.end_run()


class Trackio(Tracker):
    """To Trackio (extra `trackio`), which keeps runs on this machine. project: where the run belongs. name: what it is
    called; None: a name of the service's. init: more arguments of `trackio.init`. The rest as in `Tracker`."""

    package, extra = "trackio", "trackio"

    def __init__(
        self, project: str, *, name: str | None = None, init: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.project, self.name, self.init = project, name, dict(init or {})

    def begin(self, settings: dict[str, Any]) -> None:
        """`trackio.init`."""
        self.service.init(project=self.project, name=self.name, config=settings, **self.init)

    def log(self, numbers: dict[str, float], step: int) -> None:
        """`trackio.log`."""
        self.service.log(numbers, step=step)

    def log_image(self, name: str, image: Array, step: int) -> None:
        """`trackio.log` of a `trackio.Image`."""
        self.service.log({name: self.service.Image(image)}, step=step)

    def end(self) -> None:
        """`trackio.finish`."""
        self.service.finish()


def _imported(package: str, extra: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ModuleNotFoundError(
            f'callbacks: this one needs the package {package}: python -m pip install "gan_np[{extra}]"'
        ) from error
