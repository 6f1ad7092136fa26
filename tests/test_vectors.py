"""θ, gradient and state as vectors: read-only outside edit(), versions, overwrite then add, spent."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.vectors import Gradient, Layout, Vector

FLOAT = np.dtype(np.float32)


@pytest.fixture
def layout():
    return Layout([("w", (2, 3), "weight"), ("b", (3,), "bias"), ("g", (2,), "scale"), ("v", (3, 1), "weight")])


class TestLayout:
    def test_segments_follow_each_other(self, layout):
        assert [(s.name, s.start, s.stop, s.size) for s in layout.segments] == [
            ("w", 0, 6, 6),
            ("b", 6, 9, 3),
            ("g", 9, 11, 2),
            ("v", 11, 14, 3),
        ]
        assert layout.size == 14

    def test_view_is_a_part_in_its_own_shape(self, layout):
        vector = np.arange(14.0)
        view = layout.view(vector, "w")
        np.testing.assert_array_equal(view, [[0, 1, 2], [3, 4, 5]])
        assert np.shares_memory(view, vector)

    def test_ranges_by_tag_join_neighbours(self, layout):
        assert layout.ranges("weight") == [(0, 6), (11, 14)]
        assert layout.ranges("bias") == [(6, 9)]
        assert layout.ranges("state") == []
        assert Layout([("a", (2,), "weight"), ("b", (3,), "weight")]).ranges("weight") == [(0, 5)]

    def test_unknown_names_are_listed_against_what_there_is(self, layout):
        with pytest.raises(KeyError, match=r"no segment 'weight'; there are w, b, g, v"):
            layout["weight"]
        with pytest.raises(KeyError, match="there are none"):
            Layout([])["weight"]


class TestVector:
    def test_starts_as_zeros_of_its_dtype(self, layout):
        vector = Vector(layout, FLOAT)
        assert len(vector) == 14
        assert vector.values.dtype == FLOAT
        np.testing.assert_array_equal(vector.values, 0)
        assert vector.version == 0

    def test_is_one_contiguous_array(self, layout):
        vector = Vector(layout, FLOAT)
        assert vector.values.flags.c_contiguous
        assert np.shares_memory(vector["v"], vector.values)

    def test_is_read_only(self, layout):
        vector = Vector(layout, FLOAT)
        for array in (vector.values, vector["w"]):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
            with pytest.raises(ValueError, match="read-only"):
                array += 1

    def test_edit_writes_and_moves_the_version(self, layout):
        vector = Vector(layout, FLOAT)
        with vector.edit() as memory:
            memory[:] = 3
        np.testing.assert_array_equal(vector["g"], 3)
        assert vector.version == 1

    def test_one_edit_at_a_time(self, layout):
        vector = Vector(layout, FLOAT)
        with vector.edit(), pytest.raises(RuntimeError, match="already open"), vector.edit():
            pytest.fail("entered")
        with vector.edit():
            pass  # closed again

    def test_an_error_inside_an_edit_still_counts_as_an_edit(self, layout):
        vector = Vector(layout, FLOAT)
        with pytest.raises(ZeroDivisionError), vector.edit() as memory:
            memory[0] = 1 / 0
        assert vector.version == 1
        with vector.edit():
            pass

    def test_assign(self, layout, rng):
        vector = Vector(layout, FLOAT)
        values = rng.standard_normal(14).astype(FLOAT)
        vector.assign(values)
        np.testing.assert_array_equal(vector.values, values)
        values[:] = 0
        assert vector.values.any(), "a copy"
        with pytest.raises(gn.ShapeError, match=r"values: expected shape \(14,\), got \(13,\)"):
            vector.assign(np.zeros(13, FLOAT))
        with pytest.raises(TypeError, match="values: expected float32, got float64; convert explicitly"):
            vector.assign(np.zeros(14))
        assert vector.version == 1

    def test_assign_segment(self, layout):
        vector = Vector(layout, FLOAT)
        vector.assign_segment("b", np.ones(3, FLOAT))
        np.testing.assert_array_equal(np.flatnonzero(vector.values), [6, 7, 8])
        assert vector.version == 1
        with pytest.raises(gn.ShapeError, match=r"b: expected shape \(3,\), got \(1, 3\)"):
            vector.assign_segment("b", np.ones((1, 3), FLOAT))
        with pytest.raises(TypeError, match="b: expected float32"):
            vector.assign_segment("b", np.ones(3))
        with pytest.raises(KeyError, match="no segment 'c'"):
            vector.assign_segment("c", np.ones(3, FLOAT))


class TestGradient:
    def test_first_write_overwrites_later_ones_add(self, layout):
        gradient = Gradient(layout, FLOAT)
        for expected in (False, True, True):
            array, add = gradient.slot("w")
            assert array.shape == (2, 3)
            assert add == expected
        assert gradient.slot("b").add is False

    def test_spend_starts_anew(self, layout):
        gradient = Gradient(layout, FLOAT)
        array, _ = gradient.slot("w")
        array[...] = 5
        assert gradient.started
        gradient.spend()
        assert not gradient.started
        assert gradient.slot("w").add is False

    def test_what_nothing_wrote_to_is_zero(self, layout):
        gradient = Gradient(layout, FLOAT)
        for name in ("w", "b", "g", "v"):
            gradient.slot(name).array[...] = 7
        assert (gradient.values == 7).all()
        gradient.spend()
        gradient.slot("b").array[...] = 2
        np.testing.assert_array_equal(gradient["b"], 2)
        for name in ("w", "g", "v"):
            np.testing.assert_array_equal(gradient[name], 0)

    def test_reading_and_then_adding(self, layout):
        """Reading settles what is zero: a later write adds to it."""
        gradient = Gradient(layout, FLOAT)
        np.testing.assert_array_equal(gradient.values, 0)
        assert not gradient.started, "reading is not writing"
        array, add = gradient.slot("w")
        assert add
        array += 1
        np.testing.assert_array_equal(gradient["w"], 1)

    def test_no_memory_before_it_is_needed(self, layout):
        gradient = Gradient(layout, FLOAT)
        assert gradient._memory is None
        assert gradient.values.dtype == FLOAT


def test_two_contributions_add_in_a_network(rng):
    network = gn.Network(gn.Dense(2), (3,), dtype=np.float64)
    batches = rng.standard_normal((2, 4, 3))
    dy = rng.standard_normal((4, 2))
    parts = []
    for x in batches:
        network.forward(x)[1](dy)
        parts.append(network.gradient.values.copy())
        network.gradient.spend()
    for x in batches:
        network.forward(x)[1](dy)
    np.testing.assert_allclose(network.gradient.values, parts[0] + parts[1], rtol=1e-13)


def test_a_list_is_refused_for_its_dtype_and_not_for_being_one():
    network = gn.Network(gn.Dense(2), (1,))
    with pytest.raises(TypeError, match=r"0?\.?weight: expected float32, got float64; convert explicitly"):
        network.parameters.assign_segment("weight", [[1.0, 2.0]])


def test_a_spent_gradient_lets_go_of_its_memory(layout):
    gradient = Gradient(layout, FLOAT)
    gradient.slot("w").array[...] = 7
    gradient.release()
    assert gradient["w"].tolist() == [[7, 7, 7], [7, 7, 7]], "what is not spent stays"
    held = gradient.values
    gradient.spend()
    assert gradient.spent is held
    gradient.release()
    assert gradient.spent is None
    into = gradient.slot("b")
    assert not into.add
    into.array[...] = 3
    assert gradient.values is not held
    assert gradient.values.tolist() == [0] * 6 + [3] * 3 + [0] * 5
    assert held[0] == 7
