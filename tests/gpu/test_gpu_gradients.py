"""The gradient-check suite on a GPU, in float64: every layer and every operation, with the kernels that a GPU chooses."""

import sys
from pathlib import Path

import pytest

import gan_np as gn

sys.path.insert(0, str(Path(__file__).parents[1] / "gradients"))

from layer_cases import LAYERS
from operation_cases import OPERATIONS, arrays_of

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_layers(case):
    gn.testing.check_gradients(
        case.layer, case.input_shape, batch=case.batch, training=case.training, directions=2, device="cuda"
    )


@pytest.mark.parametrize("case", OPERATIONS, ids=lambda case: case.name)
def test_operations(case, rng):
    gn.testing.check_operation(case.function, *arrays_of(case, rng), device="cuda")
