"""`Wrt`: what may be asked of a pullback, for one input or for several."""

import pytest

from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS, Wrt


def test_names():
    assert (ALL.any_input, ALL.parameters) == (True, True)
    assert (INPUTS.any_input, INPUTS.parameters) == (True, False)
    assert (PARAMETERS.any_input, PARAMETERS.parameters) == (False, True)
    assert not NOTHING.anything
    assert INPUTS.anything
    assert PARAMETERS.anything


def test_any_input_looks_inside():
    assert Wrt((False, (False, True))).any_input
    assert not Wrt((False, (False, False))).any_input


def test_of_inputs():
    assert list(Wrt(True).of_inputs(3)) == [True, True, True]
    assert list(Wrt((True, (False, True))).of_inputs(2)) == [True, (False, True)]
    with pytest.raises(ValueError, match="inputs has 2 entries, the input has 3"):
        Wrt((True, False)).of_inputs(3)


@pytest.mark.parametrize(
    ("asked", "bound", "expected"),
    [
        (ALL, ALL, True),
        (NOTHING, NOTHING, True),
        (INPUTS, ALL, True),
        (ALL, INPUTS, False),
        (ALL, PARAMETERS, False),
        (PARAMETERS, INPUTS, False),
        (Wrt((True, False)), ALL, True),
        (ALL, Wrt((True, False)), False),
        (ALL, Wrt((True, True)), True),
        (Wrt((False, True)), Wrt((True, False)), False),
        (Wrt((False, (True, False))), Wrt((False, (True, True))), True),
        (Wrt((False, True)), Wrt((False, (True, False))), False),
        (Wrt((False, False), False), NOTHING, True),
    ],
)
def test_within(asked, bound, expected):
    assert asked.within(bound) == expected
