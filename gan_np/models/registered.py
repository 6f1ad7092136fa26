"""Models by name: functions that make them, and the classes of what they make."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

from gan_np.checks import shown
from gan_np.registry import Registry, describe

from .model import Model

Made = TypeVar("Made", bound=Callable[..., Any])

MODELS = Registry("model")
"""Functions (image_shape, latent_dim, *, …) → model by the names that configurations use."""
HIDDEN: set[str] = set()
"""Those that are parts of other models, and no choice of a user."""
GANS = Registry("gan")
"""Classes of models by the names that checkpoints use."""

NOT_STRUCTURE = ("seed", "dtype", "device")
"""Arguments that say nothing about the structure that a function makes."""


class Training:
    """A base for the settings that the training of one model has of its own: a frozen dataclass whose fields they are.

    Its docstring explains each (`name: what it is`), for help. They join the configuration of a run, and `stage_settings`
    says what they change.
    """

    changeable: ClassVar[tuple[str, ...]] = ()
    """Those that may be others when a run goes on."""

    def stage_settings(self, number: int) -> dict[str, Any]:
        """The settings (fields of `gan_np.runs.Config`) that stage `number` has in place of the run's."""
        return {}


TRAINING: dict[str, type[Training]] = {}
"""Name of a model → the settings that only its training has."""


def register(
    name: str | None = None, *, hidden: bool = False, training: type[Training] | None = None
) -> Callable[[Made], Made]:
    """A decorator for models of one's own.

    A function that makes a model can be trained by its name, `gan-np train --import FILE --model NAME`; its keyword-only
    arguments are the model's options, and what it makes remembers the call (`recipe`). A subclass of `GAN` with fields of
    its own, or of `Stages`, is registered so that runs can name it. hidden: leave it out of the list that the command line
    shows. training: settings that training this model has beside those of any other, a subclass of `Training`.

    >>> import gan_np as gn
    >>> @gn.models.register("tiny")
    ... def tiny(image_shape, latent_dim=2, *, width=4, seed=0, dtype="float32", device="cpu"):
    ...     return gn.models.dense_gan(image_shape, latent_dim, hidden=width, seed=seed, dtype=dtype, device=device)
    >>> tiny((2, 2, 1)).recipe
    {'model': 'tiny', 'image_shape': [2, 2, 1], 'latent_dim': 2, 'width': 4}
    >>> gn.models.MODELS.unregister("tiny")

    Raises:
        TypeError: `training` is no such class.
    """
    if training is not None and not (isinstance(training, type) and issubclass(training, Training)):
        raise TypeError(f"training: expected a subclass of gan_np.models.Training, got {training!r}")

    def put(made: Made) -> Made:
        if isinstance(made, type):
            return cast(Made, GANS.register(name)(made))
        signature, own = inspect.signature(made), name or made.__name__

        @functools.wraps(made)
        def remembered(*arguments: Any, **named: Any) -> Any:
            gan = made(*arguments, **named)
            if not hidden and not isinstance(gan, Model):
                raise TypeError(f"model: {own!r} is to return a model such as a gan_np.GAN, got {shown(gan)}")
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            values = {key: value for key, value in bound.arguments.items() if key not in NOT_STRUCTURE}
            gan.recipe = {"model": own, **{key: describe(value, key) for key, value in values.items()}}
            return gan

        if training is not None:
            TRAINING[own] = training
        if hidden:
            HIDDEN.add(own)
        return cast(Made, MODELS.register(own)(remembered))

    return put


def listed() -> list[str]:
    """The names of the models that a user chooses from."""
    return [name for name in MODELS if name not in HIDDEN]
