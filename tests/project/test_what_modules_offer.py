"""Completion offers what a public module is for, and not what its file imports."""

import types

import pytest

import gan_np as gn

MODULES = [name for name in gn.__all__ if isinstance(getattr(gn, name), types.ModuleType)]
FILES = ("averaging", "devices", "objectives", "optimizers", "penalties", "schedules")


@pytest.mark.parametrize("name", FILES)
def test_a_file_offers_what_it_defines(name):
    module = getattr(gn, name)
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert defined <= set(module.__all__)
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, key) for key in module.__all__)


def home_of(value):
    """The module where a value was made, as far as it says."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    return getattr(value, "__module__", None) or "gan_np"


@pytest.mark.parametrize("name", MODULES)
def test_no_module_offers_what_comes_from_elsewhere(name):
    """Types aside, which have the name of the module of their kind."""
    module = getattr(gn, name)
    offered = {key: home_of(getattr(module, key)) for key in dir(module) if not key.startswith("_")}
    own = ("gan_np", "typing", "types", "collections.abc", "numpy")
    assert [key for key, home in offered.items() if not home.startswith(own)] == []
