"""`python -m gan_np.kernels.cpu.compile`: whether its small work meets every kernel of a dense layer."""

import inspect
import sys

import numpy as np
import pytest

pytest.importorskip("numba")

from gan_np import kernels
from gan_np.kernels.cpu import compile as command
from gan_np.kernels.cpu import dense, dense_layer, dense_skinny, pool, warm
from gan_np.kernels.cpu.functions import CompiledFunction


def parts(*modules):
    """The names of the functions that work is handed to: those of an index and a thread."""
    found = [item.py_func for module in modules for item in vars(module).values() if hasattr(item, "py_func")]
    here = {module.__name__ for module in modules}
    return {
        function.__name__
        for function in found
        if function.__module__ in here and list(inspect.signature(function).parameters)[:2] == ["index", "thread"]
    }


def met(monkeypatch):
    """The names of what the command's work on dense layers hands to the pool; nothing is compiled or computed."""
    names = set()
    monkeypatch.setattr(pool, "run", lambda part, *given, **named: names.add(part.py_func.__name__))
    monkeypatch.setattr(warm, "backwards", lambda dtype: iter(()))
    dense_cases = [*kernels.list_cases("dense"), *kernels.list_cases("dense_layer")]
    monkeypatch.setattr(command, "list_cases", lambda: dense_cases)
    with np.errstate(all="ignore"):
        for work in command._works():
            work()
    return names


def test_every_kernel_of_a_dense_layer_is_met(monkeypatch):
    wanted = parts(dense, dense_layer, dense_skinny)
    assert {"_few_forward", "_skinny_weight", "_few_outputs", "_few_inputs_back", "_backward_group"} <= wanted
    assert wanted - met(monkeypatch) == set()


def test_what_is_not_met_is_seen(monkeypatch):
    """The negative control: the cases for parity alone have no narrow layer."""
    monkeypatch.setattr(command, "_narrow", lambda: ())
    missing = parts(dense, dense_layer, dense_skinny) - met(monkeypatch)
    assert {"_few_forward", "_few_inputs", "_few_outputs", "_few_inputs_back", "_few_outputs_back"} <= missing


def test_every_kernel_that_python_calls_is_met(monkeypatch):
    """Those of a training step that the cases for parity do not have, `normalise` for one, are met, too."""
    names = set()

    def found(self, dtype):
        names.add(self.function)
        return lambda *given: None

    monkeypatch.setattr(CompiledFunction, "__getitem__", found)
    monkeypatch.setattr(pool, "run", lambda part, *given, **named: names.add(part.py_func))
    monkeypatch.setattr(pool, "compile_for_workers", lambda: names.add(pool._serve.py_func))
    with np.errstate(all="ignore"):
        for work in command._works():
            work()
    loaded = [module for name, module in sorted(sys.modules.items()) if name.startswith("gan_np.kernels.cpu.")]
    functions = {item.function for module in loaded for item in vars(module).values() if type(item) is CompiledFunction}
    assert len(functions) > 20
    assert functions - names == set()
    assert pool._serve.py_func in names
