"""Arguments that a launcher packs as words arrive at a part as they were given, and others are refused."""

from collections import namedtuple

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import typeof
from numba.core import types

from gan_np.kernels.cpu import packed, pool
from gan_np.kernels.cpu.compiled import inner

Pair = namedtuple("Pair", ("values", "start"))


@inner
def write_all(index, thread, number, flag, real, pair, nested, result):
    """Set result to what the arguments are, after the index."""
    place = index * result.shape[1]
    flat = result.reshape(-1)
    flat[place] = number
    flat[place + 1] = 1 if flag else 0
    flat[place + 2] = real
    flat[place + 3] = pair.values[pair.start, 1]
    flat[place + 4] = pair.values.shape[1]
    flat[place + 5] = nested[1][0] + nested[0].size


def arguments(number=-7, flag=True, real=0.1):
    values = np.arange(12, dtype=np.float64).reshape(3, 4)
    return number, flag, real, Pair(values, 2), (np.ones(5), (6, 7)), np.zeros((3, 6))


EXPECTED = [-7, 1, 0.1, 9, 4, 11]


@pytest.mark.parametrize(
    "given",
    [arguments(), arguments(np.int64(-7), np.bool_(True), np.float64(0.1))],
    ids=["of Python", "of NumPy"],
)
def test_arguments_arrive_as_they_were_given(given):
    for _ in range(2):
        given[-1][:] = 0
        pool.run(write_all, "float64", 3, given)
        np.testing.assert_array_equal(given[-1], [EXPECTED] * 3)


def test_arguments_of_other_types_are_refused():
    pool.run(write_all, "float64", 3, arguments())
    right = list(arguments())
    for place, wrong in (
        (0, 1.5),
        (1, 1),
        (2, 3),
        (3, Pair(right[3].values, 2.0)),
        (3, Pair(right[3].values.astype(">f8"), 2)),
        (3, Pair(right[3].values.T, 2)),
        (3, (right[3].values, 2, 0)),
        (4, (np.ones(5, np.float32), (6, 7))),
        (4, (np.ones((5, 1)), (6, 7))),
        (5, None),
        (5, "text"),
    ):
        given = [*right[:place], wrong, *right[place + 1 :]]
        with pytest.raises(TypeError, match="key: write_all was first run with other argument types"):
            pool.run(write_all, "float64", 3, tuple(given))


def test_what_cannot_be_packed():
    whole = (types.int64, types.int64)
    assert packed.can_unpack((*whole, typeof(arguments())))
    assert not packed.can_unpack((*whole, typeof(np.ones((4, 4))[:, ::2])))
    assert not packed.can_unpack((*whole, types.none))
    assert not packed.can_unpack((*whole, types.UniTuple(types.int64, packed.MOST)))
    assert not packed.can_unpack((types.float64, types.int64))
