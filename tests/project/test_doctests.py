"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import gan_np
import gan_np.kernels


def modules() -> list[str]:
    found = ["gan_np"]
    for package in (gan_np, gan_np.kernels):
        found += [info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return sorted(set(found))


WITH_EXAMPLES = [
    name for name in modules() if any(t.examples for t in doctest.DocTestFinder().find(importlib.import_module(name)))
]


def test_there_are_examples() -> None:
    assert len(WITH_EXAMPLES) >= 8


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted > 0
