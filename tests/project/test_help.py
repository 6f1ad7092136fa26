"""What `help` and editors show: every public class says what each argument of its constructor is."""

import inspect
import re
from typing import Any

import pytest

import gan_np as gn
from gan_np.layers import LAYERS
from gan_np.objectives import OBJECTIVES
from gan_np.optimizers import OPTIMIZERS
from gan_np.penalties import PENALTIES
from gan_np.runs import Config
from gan_np.schedules import SCHEDULES

PUBLIC = {
    f"{made.__module__}.{made.__name__}": made
    for made in [
        *(getattr(gn, name) for name in gn.__all__),
        *(registry[name] for registry in (LAYERS, OBJECTIVES, OPTIMIZERS, PENALTIES, SCHEDULES) for name in registry),
    ]
    if isinstance(made, type) and not issubclass(made, Exception) and made.__module__.split(".")[1] != "models"
}


def undescribed(made: type) -> list[str]:
    told = "\n".join(inspect.getdoc(one) or "" for one in made.__mro__[:-1])
    parameters: Any = inspect.signature(made).parameters
    return [name for name in parameters if not name.startswith("_") and not re.search(rf"\b{name}\b", told)]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_argument_is_described(name: str) -> None:
    assert undescribed(PUBLIC[name]) == []


def test_one_that_is_not_is_found() -> None:
    class Lacking:
        """Has a side."""

        def __init__(self, side: int, colour: str) -> None: ...

    assert undescribed(Lacking) == ["colour"]


def test_a_configuration_and_a_training_explain_their_settings() -> None:
    assert "    batch_size: Images in each batch. (default: 32)" in (Config.__doc__ or "").splitlines()
    shown = inspect.signature(gn.train).parameters
    assert shown["batch_size"].default == 32
    assert {"steps", "objective", "g_learning_rate", "precision"} <= set(shown)
