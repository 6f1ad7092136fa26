"""Every layer in every variant against finite differences, and that no layer was forgotten."""

import inspect

import pytest
from layer_cases import LAYERS

import gan_np as gn
from gan_np import layers, networks


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_gradients(case):
    gn.testing.check_gradients(case.layer, case.input_shape, batch=case.batch, training=case.training, directions=2)


def test_every_layer_has_a_case():
    classes = {
        name
        for module in (layers, networks)
        for name, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, gn.Layer)
    }
    compositions = {"Fork", "Loop", "Parallel", "Residual", "Sequential"}  # test_gradients_of_networks.py
    assert classes - compositions - {"Layer"} == {type(case.layer).__name__ for case in LAYERS}
