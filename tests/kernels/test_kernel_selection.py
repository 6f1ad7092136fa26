"""The table: registering, names, signatures, and what the errors say."""

import runpy
from typing import Any, NamedTuple

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import Problem
from gan_np.kernels.selection import SMALL_CONVOLUTIONS

FLOAT32 = np.dtype(np.float32)


class Good:
    """An average in two passes."""

    def step(self, average, values, decay, skip=None):
        if skip is None or not skip:
            average *= decay
            average += (1 - decay) * values


def test_register_find_and_take_out():
    gn.register_kernel("average", "mine", Good)
    try:
        entry = kernels.entry("average", "mine")
        assert isinstance(entry.implementation, Good)
        assert entry in kernels.entries("average")
        assert kernels.entries("average")[0].name == "reference"
        gn.testing.check_kernel("average", "mine")
    finally:
        gn.unregister_kernel("average", "mine")
    assert "mine" not in [entry.name for entry in kernels.entries("average")]


def test_register_as_a_decorator_gives_the_class_back():
    decorated = gn.register_kernel("average", "mine")(Good)
    gn.unregister_kernel("average", "mine")
    assert decorated is Good


def test_an_object_with_constructor_arguments_is_registered_as_it_is(plant):
    instance = Good()
    name = plant("average", instance)
    assert kernels.entry("average", name).implementation is instance


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="'average' already has a kernel called 'reference'"):
        gn.register_kernel("average", "reference", Good)


@pytest.mark.parametrize("name", ["two words", "a-b", "", "1st"])
def test_names_are_identifiers(name):
    with pytest.raises(ValueError, match="name: expected letters, digits and underscores"):
        gn.register_kernel("average", name, Good)


def test_an_unknown_operation_is_named_and_the_nearest_proposed():
    with pytest.raises(ValueError, match=r"got 'convd' \(did you mean 'conv2d'\?\)"):
        gn.register_kernel("convd", "mine", Good)
    with pytest.raises(ValueError, match="operation: expected one of dense, dense_layer, conv2d"):
        kernels.entries("something else entirely")


def test_a_missing_method():
    class Nothing:
        pass

    with pytest.raises(ValueError, match="kernel 'mine' of 'average' has no method 'step'"):
        gn.register_kernel("average", "mine", Nothing)

    class HalfADense:
        def forward(self, x, weight):
            return x @ weight

    with pytest.raises(ValueError, match=r"has no method '(input|weight)_gradient'"):
        gn.register_kernel("dense", "mine", HalfADense)


def test_wrong_argument_names_and_defaults():
    class Swapped:
        def step(self, values, average, decay):
            pass

    wrong = r"step takes \(values, average, decay\), expected \(average, values, decay, skip=None\)"
    with pytest.raises(ValueError, match=wrong):
        gn.register_kernel("average", "mine", Swapped)

    class NoDefault:
        def forward(self, x, weight):
            pass

        def input_gradient(self, dz, weight):
            pass

        def weight_gradient(self, x, dz, into):
            pass

    with pytest.raises(ValueError, match=r"weight_gradient takes \(x, dz, into\), expected \(x, dz, into=None\)"):
        gn.register_kernel("dense", "mine", NoDefault)


def test_nothing_is_registered_by_a_failed_registration():
    before = kernels.entries("average")
    with pytest.raises(ValueError, match="no method"):
        gn.register_kernel("average", "mine", object())
    assert kernels.entries("average") == before


def test_the_reference_stays():
    with pytest.raises(ValueError, match="cannot be taken out"):
        gn.unregister_kernel("dense", "reference")


def test_unknown_kernels_are_listed_against_what_there_is():
    with pytest.raises(ValueError, match="'conv2d' has no kernel 'fastest'; it has reference, im2col"):
        kernels.entry("conv2d", "fastest")
    with pytest.raises(ValueError, match="has no kernel 'fastest'"):
        gn.unregister_kernel("conv2d", "fastest")
    with pytest.raises(ValueError, match="has no kernel 'fastest'"):
        gn.testing.check_kernel("conv2d", "fastest")


def test_available_asks_each_kernel_whether_it_can(plant):
    def only_long(problem):
        return None if problem.shape[0] > 100 else "too short"

    name = plant("average", Good, supports=only_long)
    short, long = (kernels.Problem("cpu", FLOAT32, (size,)) for size in (10, 1000))
    assert name not in [entry.name for entry in kernels.available("average", short)]
    assert name in [entry.name for entry in kernels.available("average", long)]


def test_a_kernel_that_supports_no_case_cannot_be_checked(plant):
    name = plant("average", Good, supports=lambda problem: "not today")
    with pytest.raises(ValueError, match="supports none of the cases"):
        gn.testing.check_kernel("average", name)


def test_the_folder_refuses_to_be_imported_under_its_bare_name():
    with pytest.raises(ImportError, match=r"ships as gan_np\.kernels"):
        runpy.run_path(kernels.__file__, run_name="kernels")


class TestFeatures:
    """A kernel is given nothing that it has not declared."""

    PLAIN = kernels.Geometry(2, (6, 6, 3), (4, 4, 5), (3, 3), (1, 1), (0, 0))

    @pytest.mark.parametrize(
        ("change", "feature"),
        [
            ({}, None),
            ({"small": (2, 2, 5), "stride": (2, 2)}, "stride"),
            ({"small": (6, 6, 5), "padding": (1, 1)}, "padding"),
            ({"small": (4, 4, 6), "groups": 3}, "groups"),
        ],
    )
    def test_of_a_geometry(self, plant, change, feature):
        name = plant("conv2d", kernels.reference.Conv2d, features=())
        geometry = self.PLAIN._replace(**change)
        reason = kernels.entry("conv2d", name).supports(Problem("cpu", FLOAT32, geometry.large_shape, geometry))
        assert reason is None if feature is None else repr(feature) in reason
        declared = plant("conv2d", kernels.reference.Conv2d, features=[feature] if feature else ())
        assert (
            kernels.entry("conv2d", declared).supports(Problem("cpu", FLOAT32, geometry.large_shape, geometry)) is None
        )

    def test_of_arrays(self, plant):
        supports = kernels.entry("average", plant("average", Good, features=())).supports
        assert supports(Problem("cpu", FLOAT32, (3,))) is None
        assert "'float64'" in supports(Problem("cpu", np.dtype(np.float64), (3,)))
        assert "'gpu'" in supports(Problem("cuda", FLOAT32, (3,)))

    def test_a_field_that_geometry_will_have_is_refused_by_every_kernel_of_today(self):
        fields = {**dict.fromkeys(kernels.Geometry._fields, Any), "dilation": Any}
        later = NamedTuple("Later", list(fields.items()))
        later.large_shape = later.small_shape = later.weight_shape = (1, 6, 6, 1)
        problem = Problem("cpu", FLOAT32, (2, 6, 6, 3), later(*self.PLAIN, dilation=(2, 2)))
        for entry in kernels.entries("conv2d"):
            assert entry.supports(problem) == "it has no dilation", entry.name

    def test_in_place_is_asked_of_kernels_that_declare_it(self, plant, rng):
        asked = []

        class Noting(kernels.reference.BiasActivation):
            def forward(self, z, bias, activation, in_place=False):
                asked.append(in_place)
                return super().forward(z, bias, activation, in_place)

        x, weight = (rng.standard_normal((3, 3)).astype(np.float32) for _ in range(2))
        for features in ((), ("in_place",)):
            with gn.use_kernels(bias_activation=plant("bias_activation", Noting, features=features), dense="reference"):
                gn.ops.dense(x, weight, activation=gn.ops.activation("tanh"))
        assert asked == [False, True]

    def test_unknown_names_and_texts_are_refused(self):
        with pytest.raises(ValueError, match=r"features.*'strides'"):
            gn.register_kernel("average", "mine", Good, features=["strides"])
        with pytest.raises(TypeError, match=r"features.*'stride'"):
            gn.register_kernel("average", "mine", Good, features="stride")


def test_a_convolution_plan_that_lacks_a_method_is_refused():
    class Plan:
        keeps_large = keeps_small = False

        def prepare_weight(self, weight):
            return weight

    class Incomplete:
        def plan(self, geometry):
            return Plan()

    with pytest.raises(ValueError, match=r"the plan of kernel 'mine'.*prepare_large"):
        gn.register_kernel("conv2d", "mine", Incomplete)


@pytest.mark.parametrize("arguments", ["weight, large, bias", "weight, large, bias, activation"])
def test_the_optional_methods_of_a_plan_are_checked_too(arguments):
    """Without the method the plan of the reference is accepted; with it, only if its arguments are the protocol's."""
    plan = type(kernels.entry("conv2d", "reference").implementation.plan(SMALL_CONVOLUTIONS[0]))
    scope = {}
    exec(f"def to_small_with_epilogue(self, {arguments}): ...", scope)
    own = type("Own", (plan,), {"to_small_with_epilogue": scope["to_small_with_epilogue"]})
    kernel = type("Kernel", (), {"plan": lambda self, geometry: own(geometry)})
    if arguments.endswith("activation"):
        gn.register_kernel("conv2d", "mine", kernel)
        gn.unregister_kernel("conv2d", "mine")
        assert kernels.small_with_epilogue(own(SMALL_CONVOLUTIONS[0])) is not None
        assert kernels.small_with_epilogue(plan(SMALL_CONVOLUTIONS[0])) is None
        return
    with pytest.raises(
        ValueError, match=r"the plan of kernel 'mine'.*to_small_with_epilogue takes \(weight, large, bias\)"
    ):
        gn.register_kernel("conv2d", "mine", kernel)
