"""Kernels with a fault that few calls show, each a reference but for one thing: what `check_kernel` is held to.

`FAULTS` has for each its operation, what makes it, and what the check says.
"""

import functools
import inspect
import threading
from types import SimpleNamespace

import numpy as np

from gan_np import kernels
from gan_np.kernels import reference
from gan_np.kernels.reference.conv2d import DirectPlan

FAULTS = {}


def fault(label, operation, message):
    """Adds a class, or a function that makes an implementation, to `FAULTS`."""

    def add(make):
        FAULTS[label] = operation, make, message
        return make

    return add


def altered(operation, method, change, **attributes):
    """The reference of an operation with change(original, given) in place of one method; `given` has its arguments."""
    base = type(kernels.entry(operation, "reference").implementation)
    original = getattr(base, method)
    signature = inspect.signature(original)

    @functools.wraps(original)
    def replacement(self, *arguments, **options):
        bound = signature.bind(self, *arguments, **options)
        bound.apply_defaults()
        given = SimpleNamespace(**bound.arguments)
        return change(lambda: original(**vars(given)), given)

    return type(base.__name__, (base,), {method: replacement, **attributes})


def plant(label, operation, method, message):
    """As `fault`, of a function change(original, given) that replaces one method of the reference."""

    def add(change):
        FAULTS[label] = operation, lambda: altered(operation, method, change), message
        return change

    return add


def ignored(operation, method, name, value, message="differs by"):
    """A kernel that takes one argument for what it is in `list_cases`, whatever it is."""

    def change(original, given):
        setattr(given, name, value)
        return original()

    FAULTS[f"{operation} takes {name} for {value}"] = operation, lambda: altered(operation, method, change), message


# A number that is not read.
ignored("adam", "step", "beta1", 0.5)
ignored("adam", "step", "beta2", 0.999)
ignored("adam", "step", "epsilon", 1e-8)
ignored("adam", "step", "learning_rate", 1e-2)
ignored("adam", "step", "count", 3)
ignored("sgd", "step", "learning_rate", 0.1)
ignored("rmsprop", "step", "learning_rate", 1e-2)
ignored("rmsprop", "step", "smoothing", 0.9)
ignored("rmsprop", "step", "epsilon", 1e-6)
ignored("average", "step", "decay", 0.99)
ignored("running", "update", "momentum", 0.1)
ignored("running", "update", "correction", 64 / 63)
ignored("layer_norm", "forward", "epsilon", 1e-5)
ignored("batch_norm", "forward", "epsilon", 1e-5)
ignored("dropout", "forward", "key", kernels.cases.KEY)
ignored("normal", "forward", "key", kernels.cases.KEY)
ignored("images", "forward", "high", 1.0)


@plant("sgd takes momentum for 0.9", "sgd", "step", "differs by")
def _(original, given):
    given.momentum = 0.9 if given.momentum else 0.0
    original()


@plant("rmsprop takes momentum for 0.5", "rmsprop", "step", "differs by")
def _(original, given):
    given.momentum = 0.5 if given.momentum else 0.0
    original()


@plant("images knows two ranges", "images", "forward", "images differs by")
def _(original, given):
    given.low = -1.0 if given.low < 0 else 0.0
    return original()


@plant("logistic knows three weights", "logistic", "forward", "differs by")
def _(original, given):
    given.weight = given.weight if given.weight in (0.9, 1.0) else -1.0
    return original()


@plant("accuracy knows two boundaries", "accuracy", "forward", "share differs by")
def _(original, given):
    given.boundary = 0.5 if given.boundary else 0.0
    return original()


@plant("accuracy with a boundary for real scores alone", "accuracy", "forward", "share differs by")
def _(original, given):
    given.boundary *= given.sign > 0
    return original()


def _slope(operation, method):
    @plant(f"{operation}.{method} takes the slope for 0.2", operation, method, "differs by")
    def _(original, given):
        if given.activation.kind == "leaky_relu":
            given.activation = kernels.Activation("leaky_relu", 0.2)
        return original()


for _operation in ("bias_activation", "dense_layer"):
    for _method in ("forward", "backward"):
        _slope(_operation, _method)
_slope("batch_norm", "forward")


@plant("dropout reads the lower half of its key", "dropout", "forward", "differs by|kept")
def _(original, given):
    given.key = given.key & 0xFFFFFFFF | kernels.cases.KEY & ~0xFFFFFFFF
    return original()


@plant("normal reads the lower half of its key", "normal", "forward", "normal differs by")
def _(original, given):
    given.key = given.key & 0xFFFFFFFF | kernels.cases.KEY & ~0xFFFFFFFF
    return original()


# Some combination of arguments.
@plant("adam wrong at count 1", "adam", "step", "count=1, .*θ differs by")
def _(original, given):
    given.count += given.count == 1
    original()


def _tail(operation, *names, method="step"):
    @plant(f"{operation} drops the tail of a long vector", operation, method, "differs by")
    def _(original, given):
        size = getattr(given, names[0]).size
        if size > 1024:
            for name in names:
                if getattr(given, name) is not None:
                    setattr(given, name, getattr(given, name)[: size - size % 8])
        original()


_tail("adam", "theta", "gradient", "first", "second")
_tail("sgd", "theta", "gradient", "velocity")
_tail("rmsprop", "theta", "gradient", "second", "velocity")
_tail("average", "average", "values")


@plant("softplus drops the tail of a long vector", "softplus", "forward", "value differs by")
def _(original, given):
    value = original()
    if value.size > 1024 and value.size % 8:
        value[-(value.size % 8) :] = 0
    return value


@plant("sgd looks ahead twice where momentum is below a half", "sgd", "step", "θ differs by")
def _(original, given):
    original()
    if given.nesterov and 0 < given.momentum < 0.5:
        given.theta -= np.float32(given.learning_rate * 1e-3) * given.velocity


@plant("batch_norm takes γ only with β", "batch_norm", "forward", "y differs by")
def _(original, given):
    if given.bias is None:
        given.scale = None
    return original()


@plant("batch_norm without dx has another dγ", "batch_norm", "backward", "dγ differs by")
def _(original, given):
    dx, dscale, dbias = original()
    return dx, dscale if given.need_input else dscale * dscale.dtype.type(1.001), dbias


@plant("batch_norm gives dx when it was not asked", "batch_norm", "backward", "dx was not asked for")
def _(original, given):
    given.need_input = True
    return original()


@plant("dense_layer with dW alone", "dense_layer", "backward", "dW differs by")
def _(original, given):
    dx, dw, db = original()
    return dx, dw * 2 if given.wrt == (False, True, False) else dw, db


@plant("dense_layer gives db when it was not asked", "dense_layer", "backward", "db: not asked for")
def _(original, given):
    given.wrt = (*given.wrt[:2], given.wrt[2] or given.wrt == (True, True, False))
    return original()


@plant("dense of one row", "dense", "forward", "z differs by")
def _(original, given):
    z = original()
    return z * 2 if z.shape[0] == 1 and z.shape[1] > 8 else z


@plant("dense of one column", "dense", "input_gradient", "dx differs by")
def _(original, given):
    dx = original()
    return dx * 2 if given.dz.shape[1] == 1 else dx


@plant("softmax of many classes", "softmax_cross_entropy", "forward", "differs by")
def _(original, given):
    loss, derivative = original()
    return (loss * 1.001).astype(loss.dtype) if given.logits.shape[1] > 32 else loss, derivative


@plant("maxout of eight pieces", "maxout", "backward", "dx differs by")
def _(original, given):
    return original() * (given.pieces != 8)


@plant("layer_norm of one row", "layer_norm", "backward", "dx differs by")
def _(original, given):
    return original() * (2 if given.normalised.shape[0] == 1 else 1)


@plant("running of more than a block", "running", "update", "variance differs by")
def _(original, given):
    original()
    given.variance[1024:] *= 1.001


@plant("dropout at rate 0", "dropout", "forward", "differs by|expected")
def _(original, given):
    given.rate = given.rate or 0.001
    return original()


@plant("normal of a block that is not full", "normal", "forward", "normal differs by")
def _(original, given):
    original()
    if given.out.size % 4 == 3:
        given.out[-1] = 0


@plant("finite looks at the ends", "finite", "look", "flag differs by")
def _(original, given):
    given.values = given.values[[0, -1]]
    original()


@plant("finite writes 3 over 1", "finite", "look", "flag differs by")
def _(original, given):
    if given.code < 3:
        given.code = 3
    original()


@plant("report of more than 64 numbers", "report", "collect", "report differs by")
def _(original, given):
    original()
    given.out[64:] = 0


@plant("images mirrored, wider than a block", "images", "forward", "images differs by")
def _(original, given):
    if given.images.shape[2] > 64:
        given.mirrored = None
    return original()


def _border(operation, method, name, axis, least):
    @plant(f"{operation}.{method}: last column at width {least} and more", operation, method, f"{name} differs by")
    def _(original, given):
        image = original().copy()
        if image.shape[axis] >= least:
            image[(slice(None),) * axis + (-1,)] *= image.dtype.type(1.001)
        return image


_border("average_pool", "forward", "y", 2, 16)
_border("average_pool", "backward", "dx", 2, 16)
_border("upsample_nearest", "forward", "y", 2, 16)
_border("upsample_nearest", "backward", "dx", 2, 16)
_border("upsample_bilinear", "forward", "y", 2, 16)
_border("upsample_bilinear", "backward", "dx", 2, 16)
_border("affine_sample", "forward", "y", 2, 16)
_border("affine_sample", "backward", "dx", 2, 16)
_border("blur", "enlarge", "large", 2, 16)
_border("blur", "shrink", "small", 2, 16)
_border("images", "forward", "images", 2, 45)


class Plan(DirectPlan):
    """Tap by tap, with a fault in one of its contractions where a geometry is of some kind."""

    def __init__(self, geometry, wrong, spoil=lambda array: array * array.dtype.type(1.001), which="small"):
        super().__init__(geometry)
        self.wrong, self.spoil, self.which = wrong, spoil, which

    def to_small(self, weight, large):
        small = super().to_small(weight, large)
        return self.spoil(small) if self.which == "small" and self.wrong(self.geometry) else small

    def to_large(self, weight, small):
        large = super().to_large(weight, small)
        return self.spoil(large) if self.which == "large" and self.wrong(self.geometry) else large

    def to_weight(self, large, small, into=None):
        weight = super().to_weight(large, small)
        spoilt = self.which == "weight" and self.wrong(self.geometry)
        return reference.placing.place(self.spoil(weight) if spoilt else weight, into)


def convolution(make_plan):
    """A kernel whose plans are made by a function of the geometry."""

    class Kernel:
        def plan(self, geometry):
            return make_plan(geometry)

    return Kernel


def _wrong_where(label, wrong, spoil=None):
    for which in ("small", "large", "weight"):
        options = {} if spoil is None or which == "weight" else {"spoil": spoil}
        FAULTS[f"conv2d {label}: {which}"] = (
            "conv2d",
            lambda which=which, options=options: convolution(lambda g: Plan(g, wrong, which=which, **options)),
            f"{which} differs by",
        )


def _last_column(image):
    image = image.copy()
    image[:, :, -1] *= 1.001
    return image


_wrong_where("at batch 1 and stride 2", lambda g: g.batch == 1 and g.stride == (2, 2))
_wrong_where("at stride 3×3", lambda g: g.stride == (3, 3))
_wrong_where("at stride 2×1", lambda g: g.stride == (2, 1))
_wrong_where("of a 2×2 kernel at padding 2", lambda g: g.kernel == (2, 2) and g.padding == (2, 2))
_wrong_where("from 17 channels to 19", lambda g: (g.large[2], g.small[2]) == (17, 19))
_wrong_where("at width 16 and more, last column", lambda g: g.large[1] >= 16, _last_column)
_wrong_where("in groups at stride 2", lambda g: g.groups > 1 and g.stride == (2, 2))
_wrong_where("of one channel in each group", lambda g: g.groups == g.large[2] == g.small[2] > 1)


def _in_groups(label, image, weight):
    """Faults of what one group does to another's numbers; image and weight: (array, groups) → a wrong one."""
    for which in ("small", "large", "weight"):
        spoil = weight if which == "weight" else image
        FAULTS[f"conv2d {label}: {which}"] = (
            "conv2d",
            lambda which=which, spoil=spoil: convolution(
                lambda g: Plan(g, lambda g: g.groups > 1, lambda array: spoil(array, g.groups), which)
            ),
            f"{which} differs by",
        )


def _without_the_last_group(array, groups):
    """Of the last axis, on which the channels of all groups stand."""
    array = array.copy()
    array[..., array.shape[-1] // groups * (groups - 1) :] = 0
    return array


def _with_groups_exchanged(array, groups):
    """The first and the last."""
    parts = np.split(array, groups, axis=-1)
    return np.concatenate([parts[-1], *parts[1:-1], parts[0]], axis=-1)


_in_groups("drops the last group", _without_the_last_group, _without_the_last_group)
_in_groups("exchanges two groups", _with_groups_exchanged, _with_groups_exchanged)


# Flags and what lies in memory.
@plant(
    "in_place leaves z as it was",
    "bias_activation",
    "forward",
    "z was not overwritten although in_place=True was asked",
)
def _(original, given):
    given.in_place = False
    return original()


@plant("in_place leaves z as it was where relu has no bias", "bias_activation", "forward", "z was not overwritten")
def _(original, given):
    if given.bias is None and given.activation.kind == "relu":
        given.in_place = False
    return original()


@plant("in_place copies y to z", "bias_activation", "forward", "y is not in z's memory")
def _(original, given):
    z, wanted, given.in_place = given.z, given.in_place, False
    y = original()
    if wanted:
        z[...] = y
    return y


@plant("in_place adds the bias twice", "bias_activation", "forward", "in_place=True, linear with a bias: y differs")
def _(original, given):
    if given.in_place and given.bias is not None:
        given.z += given.bias
    return original()


@plant("db into place is not added for linear", "bias_activation", "backward", r"db \(linear\): .*adding")
def _(original, given):
    if given.into is not None and given.activation.kind == "linear":
        given.into = kernels.Into(given.into.array, False)
    return original()


@plant("adam writes behind its vectors", "adam", "step", "first: wrote before its first or behind its last value")
def _(original, given):
    original()
    if given.first.base is not None:
        given.first.base[-2] = 0


def _hiding(operation, method, name, message):
    @plant(f"{operation}.{method} hides NaN in {name}", operation, method, message)
    def _(original, given):
        changed = np.nan_to_num(getattr(given, name), nan=0.0)
        if getattr(given, "in_place", False):
            given.z[...] = changed
        else:
            setattr(given, name, changed)
        return original()


_hiding("dense", "forward", "x", "a NaN in x at .* is hidden in z")
_hiding("dense", "input_gradient", "dz", "a NaN in dz at .* is hidden in dx")
_hiding("dense", "weight_gradient", "dz", "a NaN in dz at .* is hidden in dw")
_hiding("dense_layer", "forward", "weight", "a NaN in weight at .* is hidden in y")
_hiding("bias_activation", "forward", "z", "a NaN in z at .* is hidden in y")
_hiding("batch_norm", "forward", "x", "a NaN in x at .* is hidden in")
_hiding("layer_norm", "forward", "x", "a NaN in x at .* is hidden in")
_hiding("maxout", "forward", "x", "a NaN in x at .* is hidden in y")
_hiding("average_pool", "forward", "x", "a NaN in x at .* is hidden in y")
_hiding("upsample_nearest", "backward", "dy", "a NaN in dy at .* is hidden in dx")
_hiding("softplus", "forward", "s", "a NaN in s at .* is hidden in value")
_hiding("logistic", "forward", "s", "a NaN in s at .* is hidden in")
_hiding("softmax_cross_entropy", "forward", "logits", "a NaN in logits at .* is hidden in")
_hiding("adam", "step", "gradient", "a NaN in gradient at .* is hidden in")
_hiding("sgd", "step", "gradient", "a NaN in gradient at .* is hidden in")
_hiding("rmsprop", "step", "gradient", "a NaN in gradient at .* is hidden in")
_hiding("average", "step", "values", "a NaN in values at .* is hidden in average")
_hiding("running", "update", "batch_mean", "a NaN in batch_mean at .* is hidden in mean")


@plant("softplus spreads NaN", "softplus", "forward", "a NaN in s at .* reaches value where it does not belong")
def _(original, given):
    return original() + 0 * given.s.max()


@fault("conv2d hides NaN", "conv2d", "a NaN in large at .* is hidden in small")
def _():
    class Hiding(DirectPlan):
        def to_small(self, weight, large):
            return super().to_small(weight, np.nan_to_num(large, nan=0.0))

    return convolution(Hiding)


# What one call leaves to another.
@plant("softplus hands one buffer out twice", "softplus", "forward", "one buffer is handed out twice")
def _(original, given):
    value = original()
    buffer = _BUFFERS.setdefault((value.shape, value.dtype), np.empty_like(value))
    buffer[...] = value
    return buffer


_BUFFERS = {}


@plant("average_pool hands memory out of turn", "average_pool", "backward", "differs from that without other work")
def _(original, given):
    """A call has the memory of the third before it: three calls in a row do not share any."""
    dx = original()
    ring = _RINGS.setdefault((dx.shape, dx.dtype), [np.empty_like(dx) for _ in range(3)])
    ring.append(ring.pop(0))
    ring[0][...] = dx
    return ring[0]


_RINGS = {}


@plant("dropout gives what it was given", "dropout", "backward", "y lies in the memory of x, which was only handed in")
def _(original, given):
    dx, keep = original(), given.dy
    return keep if np.array_equal(dx, keep) and keep.base is None else dx


@plant(
    "a sum whose order changes",
    "dense",
    "forward",
    r"z differs from the first call with the same input: \d+ of \d+ values",
)
def _(original, given):
    order = np.random.default_rng().permutation(given.x.shape[1])
    given.x, given.weight = given.x[:, order], given.weight[order]
    return original()


@plant("a gradient whose order of sums changes", "dense_layer", "backward", "differs from the first call")
def _(original, given):
    dx, dw, db = original()
    if db is not None and given.into_weight is given.into_bias is None and len(given.dy) > 8:
        order = np.random.default_rng().permutation(len(given.dy))
        dz = given.dy if given.y is None else reference.activation.deactivate(given.dy, given.y, given.activation)
        db = np.cumsum(dz[order], axis=0)[-1]
    return dx, dw, db


@fault("scratch shared by threads", "dense", "differs from that of one thread")
def _():
    scratch = {}

    def change(original, given):
        z = original()
        memory = scratch.setdefault((z.shape, z.dtype), np.empty_like(z))
        np.matmul(given.x, given.weight, out=memory)
        return memory.copy()

    return altered("dense", "forward", change)


@fault("scratch shared by threads in an update", "adam", "differs from that of one thread")
def _():
    scratch = {}

    def change(original, given):
        key = given.gradient.shape, given.gradient.dtype
        memory = scratch.setdefault(key, np.empty_like(given.gradient))
        np.copyto(memory, given.gradient)
        given.gradient = memory
        original()

    return altered("adam", "step", change)


@fault("a kernel of one thread", "softplus", "fails where another thread runs the same kernel: RuntimeError: not here")
def _():
    home = threading.get_ident()

    def change(original, given):
        if threading.get_ident() != home:
            raise RuntimeError("not here")
        return original()

    return altered("softplus", "forward", change)


@fault("scratch shared by two plans alive at once", "conv2d", "differs from that without other work")
def _():
    scratch = {}

    class Sharing(DirectPlan):
        keeps_large = True

        def prepare_large(self, large):
            kept = scratch.setdefault((large.shape, large.dtype), np.empty(large.shape, large.dtype))
            np.copyto(kept, large)
            return kept

    return convolution(Sharing)


@fault("one plan at a time", "conv2d", "differs from that without other work|raised ValueError")
def _():
    """The geometry of the last plan is everybody's."""

    class Last(DirectPlan):
        def __init__(self, geometry):
            type(self).geometry = geometry

    return convolution(Last)


@fault("what forward keeps for the next backward", "maxout", "differs from that without other work")
def _():
    kept = {}

    class Keeping(reference.Maxout):
        def forward(self, x, pieces):
            y, kept["winner"] = super().forward(x, pieces)
            return y, kept["winner"]

        def backward(self, dy, winner, pieces):
            return super().backward(dy, kept["winner"], pieces)

    return Keeping


@fault("a prepared form that serves once", "conv2d", "differs from the first contraction of the same prepared forms")
def _():
    class Consuming(DirectPlan):
        def prepare_large(self, large):
            return large.copy()

        def to_weight(self, large, small, into=None):
            weight = super().to_weight(large, small, into)
            large *= 2
            return weight

    return convolution(Consuming)


@fault("weights that only their own plan reads", "conv2d", "raised KeyError|an earlier plan")
def _():
    class Owning(DirectPlan):
        def prepare_weight(self, weight):
            self.prepared = {0: weight}
            return 0

        def to_small(self, weight, large):
            return super().to_small(getattr(self, "prepared", {})[weight], large)

        def to_large(self, weight, small):
            return super().to_large(getattr(self, "prepared", {})[weight], small)

    return convolution(Owning)


@fault("an epilogue without its bias", "conv2d", "to_small_with_epilogue, linear with a bias: small differs by")
def _():
    class Bare(DirectPlan):
        def to_small_with_epilogue(self, weight, large, bias, activation):
            small = self.to_small(weight, large)
            return reference.BiasActivation().forward(small, None, activation)

    return convolution(Bare)


@fault(
    "an epilogue of ∂T/∂a with another function",
    "conv2d",
    "to_large_with_epilogue, sigmoid with a bias: large differs by",
)
def _():
    class Tanh(DirectPlan):
        def to_large_with_epilogue(self, weight, small, bias, activation):
            if activation.kind == "sigmoid":
                activation = kernels.Activation("tanh")
            return reference.BiasActivation().forward(self.to_large(weight, small), bias, activation)

    return convolution(Tanh)


@fault(
    "a plan that lacks a method for some geometries",
    "conv2d",
    "the plan has no method 'to_weight'|raised AttributeError",
)
def _():
    class Lacking:
        keeps_large = keeps_small = False

        def __init__(self, geometry):
            plan = DirectPlan(geometry)
            for name in ("prepare_weight", "prepare_large", "prepare_small", "to_small", "to_large"):
                setattr(self, name, getattr(plan, name))
            if geometry.stride != (3, 2):
                self.to_weight = plan.to_weight

    return convolution(Lacking)
