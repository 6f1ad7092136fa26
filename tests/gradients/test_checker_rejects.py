"""The checker is itself checked: every built-in gradient spoiled alone by 0.1 %, and other planted bugs, are rejected."""

import numpy as np
import pytest
from layer_cases import LAYERS
from operation_cases import OPERATIONS, arrays_of
from planted import Spoiled, spoil_operation

import gan_np as gn
from gan_np.kernels import reference
from gan_np.testing import GradientError, check_gradients, check_operation


def _targets():
    """Each gradient of each layer: its parameters by name, its inputs by number."""
    for case in LAYERS:
        inputs = len(case.input_shape) if isinstance(case.input_shape[0], tuple) else 1
        for target in (*range(inputs), *case.layer.build(case.input_shape).parameters):
            yield pytest.param(case, target, id=f"{case.name}: {target}")


@pytest.mark.parametrize(("case", "target"), list(_targets()))
def test_one_gradient_of_a_layer_off_by_a_tenth_of_a_percent(case, target):
    spoiled = Spoiled(case.layer, target)
    with pytest.raises(GradientError):
        check_gradients(spoiled, case.input_shape, batch=case.batch, training=case.training, directions=1)
    assert spoiled.spoilt


def test_an_unspoiled_wrapper_passes():
    """So that the rejections above are due to the spoiling."""
    for case in LAYERS[::7]:
        check_gradients(
            Spoiled(case.layer, 0, spoil=lambda gradient: gradient),
            case.input_shape,
            batch=case.batch,
            training=case.training,
        )


def _operation_targets():
    for case in OPERATIONS:
        for target in range(len(case.shapes)):
            yield pytest.param(case, target, id=f"{case.name}: {target}")


@pytest.mark.parametrize(("case", "target"), list(_operation_targets()))
def test_one_gradient_of_an_operation_off_by_a_tenth_of_a_percent(case, target, rng):
    with pytest.raises(GradientError):
        check_operation(spoil_operation(case.function, target), *arrays_of(case, rng), directions=1)


def _border_row(gradient):
    spoiled = gradient.copy()
    spoiled[:, 0] *= 1.001
    return spoiled


def _border_column(gradient):
    spoiled = gradient.copy()
    spoiled[:, :, -1] *= 1.001
    return spoiled


@pytest.mark.parametrize("spoil", [_border_row, _border_column])
@pytest.mark.parametrize(
    "layer",
    [
        gn.Conv2d(2, 3, padding=1),
        gn.Conv2d(2, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.ConvTranspose2d(2, 4, stride=2, padding=1),
        gn.Upsample2d(2, mode="bilinear"),
        gn.AveragePool2d(2),
        gn.BatchNorm(),
    ],
    ids=repr,
)
def test_one_border_row_of_dx(layer, spoil):
    with pytest.raises(GradientError):
        check_gradients(Spoiled(layer, 0, spoil), (6, 6, 2), batch=2)


def test_one_entry_of_a_weight_gradient():
    def one_entry(gradient):
        spoiled = gradient.copy()
        spoiled[0, -1, 0, 0] *= 1.01
        return spoiled

    with pytest.raises(GradientError):
        check_gradients(Spoiled(gn.Conv2d(3, 3), "weight", one_entry), (5, 5, 2))


class BatchNormWithout(reference.BatchNorm):
    """Batch normalisation that forgets how μ or σ depends on x."""

    def __init__(self, term):
        self.term = term

    def backward(
        self,
        dy,
        x,
        y,
        scale,
        bias,
        mean,
        inverse_deviation,
        activation,
        need_input=True,
        into_scale=None,
        into_bias=None,
    ):
        dz = reference.activation.deactivate(dy, y, activation)
        normalised = (x - mean) * inverse_deviation
        dscale, dbias = (dz * normalised).reshape(-1, x.shape[-1]).sum(0), dz.reshape(-1, x.shape[-1]).sum(0)
        count = x.size // x.shape[-1]
        dx = dz.copy()
        if self.term != "mean":
            dx -= dbias / count
        if self.term != "variance":
            dx -= normalised * dscale / count
        dx *= inverse_deviation * (1 if scale is None else scale)
        return dx, reference.placing.place(dscale, into_scale), reference.placing.place(dbias, into_bias)


@pytest.mark.parametrize("shape", [(4,), (3, 3, 2)])
@pytest.mark.parametrize("term", ["mean", "variance"])
def test_a_term_of_batch_normalisation_dropped(plant, term, shape):
    check_with = {"training": True, "batch": 6}
    with gn.use_kernels(batch_norm=plant("batch_norm", BatchNormWithout(None))):
        check_gradients(gn.BatchNorm(activation="tanh"), shape, **check_with)
    with gn.use_kernels(batch_norm=plant("batch_norm", BatchNormWithout(term))), pytest.raises(GradientError):
        check_gradients(gn.BatchNorm(activation="tanh"), shape, **check_with)


class Transposed(reference.conv2d.DirectPlan):
    """Convolution with the taps (0, 1) and (1, 0) exchanged in one of its contractions."""

    def __init__(self, geometry, contraction):
        super().__init__(geometry)
        self.contraction = contraction

    @staticmethod
    def _exchange(weight):
        exchanged = weight.copy()
        exchanged[0, 1], exchanged[1, 0] = weight[1, 0], weight[0, 1]
        return exchanged

    def to_small(self, weight, large):
        return super().to_small(self._exchange(weight) if self.contraction == "to_small" else weight, large)

    def to_large(self, weight, small):
        return super().to_large(self._exchange(weight) if self.contraction == "to_large" else weight, small)

    def to_weight(self, large, small, into=None):
        gradient = super().to_weight(large, small)
        if self.contraction == "to_weight":
            gradient = self._exchange(gradient)
        return reference.placing.place(gradient, into)


@pytest.mark.parametrize("layer", [gn.Conv2d, gn.ConvTranspose2d])
@pytest.mark.parametrize("contraction", [None, "to_small", "to_large", "to_weight"])
def test_a_tap_of_a_convolution_transposed(plant, layer, contraction):
    class Kernel:
        def plan(self, geometry):
            return Transposed(geometry, contraction)

    with gn.use_kernels(conv2d=plant("conv2d", Kernel())):
        if contraction is None:
            check_gradients(layer(2, 3, padding=1), (4, 4, 2), training=False)
            return
        with pytest.raises(GradientError):
            check_gradients(layer(2, 3, padding=1), (4, 4, 2), training=False)


CARELESS = ("reads x by rows", "reads x by examples")


def read_carelessly(array, how):
    """The array, read as kernels read that look at one stride and take the rest for granted."""
    if how == "reads x by rows":  # right if rows lie side by side, and for negative and Fortran strides
        fits, size = array.strides[-1] == array.itemsize, array.shape[-1]
    else:  # right if the inside of an example is in C order, and for negative and Fortran strides
        fits, size = array.strides[0] == array[0].nbytes, array[0].size
    if not fits:
        return array
    return np.lib.stride_tricks.as_strided(
        array, (array.size // size, size), (size * array.itemsize, array.itemsize)
    ).reshape(array.shape)


class Planted(gn.Layer):
    """y = x·w, entry by entry, with one thing wrong."""

    def __init__(self, bug=None):
        self.bug = bug

    def declare(self, input_shape):
        return gn.Declaration(
            input_shape,
            {"weight": gn.Parameter(input_shape, gn.Normal(1.0))},
            {"count": gn.State((1,), gn.ZEROS)},
        )

    def forward(self, variables, x, run):
        weight = variables["weight"]
        y = (read_carelessly(x, self.bug) if self.bug in CARELESS else x) * weight
        if self.bug == "modifies its input":
            x += 1e-13
        if self.bug == "works in its input":
            x *= weight
            y = x
        if self.bug == "moves state" and run.training:
            variables.set_state("count", variables.state["count"] + 1)

        def pullback(dy, wrt):
            if self.bug != "forgets its parameter" and (wrt.parameters or self.bug == "ignores wrt"):
                few = slice(8 if self.bug == "sums eight examples" else None)
                value = (dy * x)[few].sum(axis=0)
                if self.bug == "ignores Into.add":
                    variables.gradient("weight").array[...] = value
                elif self.bug == "always adds":
                    place = variables.gradient("weight").array
                    place += value
                else:
                    variables.add_gradient("weight", value)
            if self.bug == "needs both" and not (wrt.any_input and wrt.parameters):
                return 2 * dy * weight if wrt.any_input else None
            if self.bug == "modifies dy":
                dy += 1e-13
            if self.bug == "forgets the ninth example":
                dx = dy * weight
                dx[8:9] = 0
                return dx
            if self.bug == "wrong in float32" and dy.dtype == np.float32:
                return 1.001 * dy * weight
            if self.bug == "float64 in float32":
                return dy * weight.astype(np.float64)
            if self.bug == "reads dy by rows":
                return read_carelessly(dy, "reads x by rows") * weight
            if self.bug == "works in dy":
                dy *= weight
                return dy
            if self.bug == "shape":
                return (dy * weight)[:, :-1]
            if self.bug == "not finite":
                return dy * weight * np.inf
            return None if self.bug == "no input gradient" or not wrt.any_input else dy * weight

        return y, pullback


BUGS = {
    "modifies its input": "modified input",
    "works in its input": "Planted",
    "moves state": "state moved in a forward without update_state",
    "ignores wrt": "wrote parameter gradients that were not asked for",
    "forgets its parameter": "finite differences give",
    "needs both": "inputs asked for alone differ",
    "modifies dy": "wrote to dy",
    "works in dy": "Planted",
    "shape": "has shape",
    "not finite": "not finite",
    "no input gradient": "1 gradients for input, parameters",
    "ignores Into.add": "two pullbacks without spending the gradient in between must add up",
    "always adds": "finite differences give",
    "reads x by rows": "outputs for a sliced memory layout differ",
    "reads dy by rows": "gradients for a sliced memory layout differ",
    "reads x by examples": "outputs for a permuted memory layout differ",
    "sums eight examples": r"random direction of \(input, parameters\)",
    "forgets the ninth example": r"random direction of \(input, parameters\)",
    "wrong in float32": "the gradient of input in float32 is .* away from that in float64",
    "float64 in float32": "Planted.*: the input is float32 but the gradient from its pullback is float64",
}


def test_the_layer_without_a_bug_passes():
    for shape in ((4,), (2, 3, 2)):
        check_gradients(Planted(), shape)


def test_float32_can_be_left_out():
    check_gradients(Planted("wrong in float32"), (4,), float32=False)
    check_operation(lambda x: (1.5 * x, lambda dy: (np.array([1.5]) * dy,)), np.ones((2, 1)), float32=False)


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_layer_that_breaks_the_rules(bug):
    with pytest.raises(GradientError, match=BUGS[bug]):
        check_gradients(Planted(bug), (2, 3, 2) if bug == "reads x by examples" else (4,))


def test_a_layer_that_reads_memory_in_the_wrong_order():
    """Right on C-contiguous arrays only."""

    class Ravelled(gn.Layer):
        def forward(self, variables, x, run):
            flat = 2 * x.ravel(order="K")
            return flat.reshape(x.shape), lambda dy, wrt: 2 * dy

    with pytest.raises(GradientError, match="memory layout"):
        check_gradients(Ravelled(), (3, 2))


def test_an_operation_with_a_missing_gradient(rng):
    x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    with pytest.raises(GradientError, match="no gradient for array 1"):
        check_operation(lambda x, w: gn.ops.dense(x, w, wrt=(True, False, False)), x, w)

    def short(x, w):
        y, pullback = gn.ops.dense(x, w)
        return y, lambda dy: pullback(dy)[:1]

    with pytest.raises(GradientError, match="1 gradients for array 0, array 1"):
        check_operation(short, x, w)


def test_an_operation_that_is_wrong_in_float32(rng):
    def tripled(x):
        factor = x.dtype.type(3 if x.dtype == np.float64 else 3.01)
        return 3 * x, lambda dy: (factor * dy,)

    with pytest.raises(GradientError, match="the gradient of array 0 in float32"):
        check_operation(tripled, rng.standard_normal(5))
    with pytest.raises(GradientError, match="in float32: the output 0 is float64"):
        check_operation(lambda x: (x * np.ones(5), lambda dy: (dy * np.ones(5),)), rng.standard_normal(5))


@pytest.mark.parametrize("bug", ["overwrites", "adds"])
def test_an_operation_that_ignores_where_its_gradient_goes(plant, rng, bug):
    class Careless(reference.Dense):
        def weight_gradient(self, x, dz, into=None):
            return super().weight_gradient(x, dz, into and into._replace(add=bug == "adds"))

    x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    wrong = f"into a place, write {1 if bug == 'adds' else 2}, differ"
    with gn.use_kernels(dense=plant("dense", Careless())), pytest.raises(GradientError, match=wrong):
        check_operation(lambda x, w: gn.ops.dense(x, w), x, w)


def test_an_operation_that_modifies_an_array(rng):
    def doubled(x):
        y = 2 * x
        x += 1e-9
        return y, lambda dy: (2 * dy,)

    with pytest.raises(GradientError, match="modified array 0"):
        check_operation(doubled, rng.standard_normal(5))


def test_a_fused_activation_whose_derivative_is_of_another_slope(plant):
    class Steeper(reference.BiasActivation):
        def backward(self, dy, y, activation, need_bias, into=None):
            return super().backward(dy, y, activation._replace(slope=1.001 * activation.slope), need_bias, into)

    with gn.use_kernels(bias_activation=plant("bias_activation", Steeper)), pytest.raises(GradientError):
        check_gradients(gn.Dense(5, activation="leaky_relu"), (4,), batch=6)


def test_evaluation_and_training_are_both_checked():
    class WrongInEvaluation(gn.Layer):
        def forward(self, variables, x, run):
            return x * x, lambda dy, wrt: (2 if run.training else 2.002) * x * dy

    check_gradients(WrongInEvaluation(), (4,), training=True)
    with pytest.raises(GradientError, match="in evaluation"):
        check_gradients(WrongInEvaluation(), (4,))


def test_float32_is_refused(rng):
    with pytest.raises(TypeError, match="float64"):
        check_gradients(gn.Network(gn.Dense(2), (3,)))
    with pytest.raises(TypeError, match="float64"):
        check_operation(gn.ops.softplus, rng.standard_normal(3).astype(np.float32))


def test_arguments():
    with pytest.raises(TypeError, match="expected a Layer or a Network"):
        check_gradients("dense")
    with pytest.raises(ValueError, match="input_shape: needed to check a layer"):
        check_gradients(gn.Dense(2))


@pytest.mark.parametrize(
    ("shape", "words"), [(3, r"\(3,\), without the batch axis.*, got 3$"), ("3", "got '3'"), ((3.0,), r"got \(3\.0,\)")]
)
def test_a_shape_that_is_none(shape, words):
    for use in (lambda: check_gradients(gn.Dense(2), shape), lambda: gn.Network(gn.Dense(2), shape)):
        with pytest.raises(TypeError, match=f"input_shape: expected the shape of one example as a tuple .*{words}"):
            use()


def test_a_forward_that_cannot_be_repeated():
    moving = np.random.default_rng(0)

    def noisy(x):
        return x + moving.standard_normal(x.shape), lambda dy: (dy,)

    with pytest.raises(GradientError, match=r"forward gives another output 0 when it is called again .* run\.rng"):
        check_operation(noisy, np.ones((2, 3)))


def test_a_network_is_left_as_it_was():
    network = gn.Network(gn.Sequential(gn.Dense(3), gn.BatchNorm()), (2,), dtype=np.float64)
    theta, state = network.parameters.values.copy(), network.state.values.copy()
    check_gradients(network)
    np.testing.assert_array_equal(network.parameters.values, theta)
    np.testing.assert_array_equal(network.state.values, state)
    assert not network.gradient.started
