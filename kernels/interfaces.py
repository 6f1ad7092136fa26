"""What an implementation of each operation provides. Registration checks methods and argument names against these.

Arrays are C-contiguous or not, float32 or float64, all of one dtype on one device; none may be modified unless its
name is `out` or the docstring says so. M stands for all leading axes taken together, C for the last axis.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from gan_np.arrays import Array

from .geometry import Geometry

Number: TypeAlias = float | Array
"""A number, or on a GPU a 0-d array on the device (float64; int64 for a count): a step captured as a CUDA graph reads from
there what changes from update to update."""


class Activation(NamedTuple):
    """A pointwise function whose derivative follows from its output, so that nothing else need be kept.

    kind: "linear", "relu", "leaky_relu" (slope below 0 is `slope` > 0), "tanh" or "sigmoid".
    """

    kind: str = "linear"
    slope: float = 0.0


class Into(NamedTuple):
    """The array that a gradient is written into, overwriting it or, with `add`, adding to it."""

    array: Array
    add: bool


class Deferred:
    """Marks an implementation whose module is not imported yet; its methods have the protocol's signatures."""


class Dense(Protocol):
    """z = x·W for x (N, in_features) and W (in_features, out_features)."""

    def forward(self, x: Array, weight: Array) -> Array:
        """Return z = x·W, a new array (N, out_features)."""

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """Return dx = dz·Wᵀ, a new array (N, in_features)."""

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """Return dW = xᵀ·dz, written into `into` where that is given."""


class DenseLayer(Protocol):
    """y = f(x·W + b), the products of `Dense` and the epilogue of `BiasActivation` in one: for x (N, in_features)."""

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        """Return y, a new array (N, out_features)."""

    def backward(
        self,
        dy: Array,
        x: Array | None,
        y: Array | None,
        weight: Array,
        activation: Activation,
        wrt: tuple[bool, bool, bool],
        into_weight: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        """With dz = f′·dy: dx = dz·Wᵀ, dW = xᵀ·dz, db = Σ_N dz, as far as `wrt` asks.

        x is None if dW is not asked for, y if f is linear.
        """


class Plan(Protocol):
    """One way to compute the three derivatives of T(w, a, b) for one geometry: preparations and contractions.

    A prepared form is computed once and used in up to two contractions. `keeps_large` and `keeps_small` say whether
    the prepared form of a or b is worth keeping from forward to backward (else it is prepared again).
    """

    keeps_large: bool
    keeps_small: bool

    def prepare_weight(self, weight: Array) -> Any:
        """The form of w (kh, kw, C_a/groups, C_b) that the contractions read.

        If it has a method `release()`, that is called where what only `to_large` needs is not read again soon, and may be
        freed: after the input gradient of a convolution, and after a transposed convolution whose weights are being learnt.
        """

    def prepare_large(self, large: Array) -> Any:
        """The form of a (N, H_a, W_a, C_a)."""

    def prepare_small(self, small: Array) -> Any:
        """The form of b (N, H_b, W_b, C_b)."""

    def to_small(self, weight: Any, large: Any) -> Array:
        """∂T/∂b from prepared w and a: convolution."""

    def to_large(self, weight: Any, small: Any) -> Array:
        """∂T/∂a from prepared w and b: transposed convolution, and convolution's input gradient."""

    def to_weight(self, large: Any, small: Any, into: Into | None = None) -> Array:
        """∂T/∂w from prepared a and b: the weight gradient of both."""


class LargeWithEpilogue(Protocol):
    """What a plan may do beside `Plan`: the epilogue of ∂T/∂a on its way. Not used where `bias_activation` is forced."""

    def to_large_with_epilogue(self, weight: Any, small: Any, bias: Array | None, activation: Activation) -> Array:
        """f(∂T/∂a + bias), bias along the channels of a."""


class SmallWithEpilogue(Protocol):
    """The same for ∂T/∂b, convolution."""

    def to_small_with_epilogue(self, weight: Any, large: Any, bias: Array | None, activation: Activation) -> Array:
        """f(∂T/∂b + bias), bias along the channels of b."""


def methods(protocol: Any) -> dict[str, Callable[..., Any]]:
    """The methods that a protocol names."""
    return {n: found for n, found in inspect.getmembers(protocol, inspect.isfunction) if not n.startswith("_")}


OPTIONAL_OF_A_PLAN: dict[Any, tuple[str, ...]] = {
    protocol: tuple(methods(protocol)) for protocol in (LargeWithEpilogue, SmallWithEpilogue)
}
"""Protocol → its methods. Registration checks those that a plan has."""


def follows(plan: Any, protocol: Any) -> bool:
    """Return whether a plan has the methods of an optional protocol."""
    return all(hasattr(plan, method) for method in OPTIONAL_OF_A_PLAN[protocol])


def large_with_epilogue(plan: Any) -> LargeWithEpilogue | None:
    """The plan, if it does the epilogue of ∂T/∂a."""
    return plan if follows(plan, LargeWithEpilogue) else None


def small_with_epilogue(plan: Any) -> SmallWithEpilogue | None:
    """The plan, if it does the epilogue of ∂T/∂b."""
    return plan if follows(plan, SmallWithEpilogue) else None


class Conv2d(Protocol):
    """Convolution and transposed convolution, as a plan for a geometry."""

    def plan(self, geometry: Geometry) -> Plan:
        """The plan for one geometry; called once per forward, so it should be cheap."""


class BiasActivation(Protocol):
    """y = f(z + b), b along the last axis: the epilogue of dense and convolution layers, and every activation layer."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """y = f(z + b); with `in_place`, z's memory becomes y's."""

    def backward(
        self, dy: Array, y: Array, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """dz = f′·dy with f′ read from y, and db = Σ_M dz (None if not needed). dz may be dy itself.

        An implementation that declares the feature "backward_in_place" has a method of this name too: the same, bit for bit,
        but dy's memory becomes dz's.

        One that declares "signs" has a method signs(y), whose result takes the place of y here behind relu and leaky_relu
        and holds no more than whether each number is above 0: for an output that is kept for that alone. It may be y itself,
        where y is small. Where y is NaN the result is as where y is below 0.
        """


class BatchNorm(Protocol):
    """Batch normalisation over M for each channel, with its activation (Ioffe and Szegedy 2015)."""

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """y = f(γ·x̂ + β), x̂ = (x − μ)/√(σ² + ε); returns y, μ, σ² (biased) and 1/√(σ² + ε), each (C,) but y."""

    def backward(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        need_input: bool = True,
        into_scale: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array, Array]:
        """With dz = f′·dy: dβ = Σ dz, dγ = Σ dz·x̂, dx = γ/√(σ² + ε) · (dz − dβ/M − x̂·dγ/M); returns dx, dγ, dβ.

        An implementation may find f′ from x, γ and β instead of y: where f is linear on either side of 0, all that counts is
        the sign of z = γ·x̂ + β. So y, μ and 1/√(σ² + ε) come from its own forward, and γ and β are what they were then.
        dγ and dβ go into `into_scale` and `into_bias` where given; dx is made from this batch's sums, whatever lies there.

        An implementation that declares the feature "across_ranks" also does both passes in halves, between which several
        processes put together what each found of its part of the batch:

        statistics(x) → float64 (2, C), μ and σ² (biased) of this part.
        normalise(x, γ, β, μ, 1/√(σ² + ε), activation) → y, with the statistics of the whole batch.
        sums(dy, x, y, μ, 1/√(σ² + ε), activation) → float64 (2, C), Σ dz and Σ dz·x̂ of this part.
        pull(dy, x, y, γ, μ, 1/√(σ² + ε), activation, float64 (2, C)) → dx; the last are dβ/M and dγ/M of the whole batch.

        One that declares "recomputes" too promises that `normalise`, given forward's μ and 1/√(σ² + ε), makes forward's y
        bit for bit, and that no method reads y where the activation is linear. Then y is not kept for the backward pass.

        One that declares "slope_from_input" promises that backward reads y only behind tanh and sigmoid: behind relu and
        leaky_relu too it may be given x in the place of y.

        One that declares "backward_in_place" has a method of this name: as backward, bit for bit, but dy's memory becomes
        that of dx, where dx is needed.
        """


class Running(Protocol):
    """Running statistics of batch normalisation, channel by channel (Ioffe and Szegedy 2015)."""

    def update(
        self,
        mean: Array,
        variance: Array,
        batch_mean: Array,
        batch_variance: Array,
        momentum: float,
        correction: float,
    ) -> None:
        """mean ← (1 − m)·mean + m·μ; variance ← (1 − m)·variance + m·(σ²·correction). Both change in place.

        batch_mean μ, batch_variance σ² (biased); correction: M/(M − 1) for M values a channel makes σ² unbiased.
        """


class LayerNorm(Protocol):
    """Normalisation of each of M rows over its C features (Ba, Kiros and Hinton 2016); affine part left to the caller."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """x̂ = (x − μ)/√(σ² + ε) for x (M, C), and 1/√(σ² + ε) of shape (M, 1)."""

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """dx = (d − mean(d) − x̂·mean(d·x̂))/√(σ² + ε), means over C."""


class Maxout(Protocol):
    """Maximum over k linear pieces (Goodfellow et al. 2013): x (M, C·k) to y (M, C), pieces of a unit adjacent."""

    def forward(self, x: Array, pieces: int) -> tuple[Array, Array]:
        """y, and the index of the winning piece (first among equals) as uint8."""

    def backward(self, dy: Array, winner: Array, pieces: int) -> Array:
        """dx: dy at the winner, 0 elsewhere."""


class Dropout(Protocol):
    """y = x·m/(1 − rate), each element of m 0 with probability `rate`, else 1 (Srivastava et al. 2014, inverted form).

    m depends on a key alone, and is the same in any dtype and on any device. Its bits are those of `Normal`: element i, in C
    order, stays if word i mod 4 of block i div 4 is at least rate·2³² (rounded; at most 2³² − 1).
    """

    def forward(self, x: Array, rate: float, key: int, first: int = 0) -> tuple[Array, Array]:
        """y, and m as uint8, both of x's shape; y is 0 where m is, whatever x is there. 0 ≤ rate < 1, key of 64 bits.

        first: the block that the bits begin with; given to who declares the feature "first" alone.
        """

    def backward(self, dy: Array, kept: Array, rate: float) -> Array:
        """dx = dy·m/(1 − rate)."""


class AveragePool(Protocol):
    """Mean over disjoint windows: (N, H·kh, W·kw, C) to (N, H, W, C)."""

    def forward(self, x: Array, window: tuple[int, int]) -> Array:
        """The mean of each window."""

    def backward(self, dy: Array, window: tuple[int, int]) -> Array:
        """Each dy spread evenly over its window."""


class Upsample(Protocol):
    """Enlargement by integer factors: (N, H, W, C) to (N, H·fh, W·fw, C)."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged image."""

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return the adjoint applied to dy: each pixel's gradient is the sum over what was made of it."""


class Blur(Protocol):
    """The low-pass by two: a convolution of each channel with the outer product of [1, 3, 3, 1]/4, stride 2, padding 1.

    A[j, i] = [1, 3, 3, 1][j − 2·i + 1]/4 along either axis, i on the small and j on the large one; zeros beyond the edges.
    """

    def enlarge(self, small: Array, size: tuple[int, int], scale: float) -> Array:
        """scale·A·small·Bᵀ: (N, H, W, C) to (N, H', W', C), `size` = (H', W'), H' either 2·H or 2·H + 1."""

    def shrink(self, large: Array, scale: float) -> Array:
        """scale·Aᵀ·large·B: (N, H, W, C), sides of at least 2, to (N, ⌊H/2⌋, ⌊W/2⌋, C)."""


class AffineSample(Protocol):
    """Linear interpolation at places that an affine map gives for each image, zeros beyond the edges.

    k(t) = max(0, 1 − |t|); (r, s) = maps[n]·(i, j, 1), maps (N, 2, 3) of the images' dtype.
    """

    def forward(self, x: Array, maps: Array) -> Array:
        """y[n, i, j, c] = Σ_{h, w} k(r − h)·k(s − w)·x[n, h, w, c], of x's shape."""

    def backward(self, dy: Array, maps: Array) -> Array:
        """dx[n, h, w, c] = Σ_{i, j} k(r − h)·k(s − w)·dy[n, i, j, c], the same at every run."""


class ScaledSum(Protocol):
    """Sums in which example n, the n-th entry of the first axis, counts s[n] times; s (N,)."""

    def add(self, x: Array, y: Array, scale: Array | None) -> Array:
        """Return x + s ⊙ y for two arrays of one shape, a new array; x + y without s."""

    def total(self, x: Array, scale: Array, into: Into | None = None) -> Array:
        """Return Σ s ⊙ x over all axes but the last, (C,), written into `into` where that is given."""


class Normal(Protocol):
    """Independent N(0, 1) numbers of a key (Box and Muller 1958), the same in any dtype and on any device but for rounding.

    Their bits are those of Philox 4×32-10 (Salmon et al. 2011): block i, four words of 32 bits, is a function of the key
    and of i alone, so any thread can make any block.
    """

    def forward(self, key: int, out: Array, first: int = 0) -> None:
        """out[4i …] = r·cos 2πf, r·sin 2πf from words 0 and 1 of block i and again from words 2 and 3, r = √(−2 ln u).

        key: 64 bits, the lower half first; the counter of block i is (i mod 2³², i div 2³², 0, 0). u = (the upper 24 bits
        of the first word + 1)/2²⁴ lies in (0, 1], f = the upper 24 bits of the second/2²⁴ in [0, 1): both are exact in
        float32. With `first`, which is given to who declares the feature of this name alone, block i + first is taken for
        block i. No number is beyond ±√(48 ln 2) = ±5.77, outside which one in 10⁸ should lie. out is flat.
        """


class Images(Protocol):
    """Real images as D sees them: some of a data set's bytes, as floats."""

    def forward(
        self,
        images: Array,
        index: Array | None,
        mirrored: Array | None,
        low: float,
        high: float,
        dtype: np.dtype[Any],
    ) -> Array:
        """low + (high − low)·byte/255 for each byte of images[index], (n, H, W, C) of `dtype`.

        images: uint8 (N, H, W, C). index: int64 (n,), each in [0, N); None for all in order. mirrored: uint8 (n,), not 0
        for those whose left and right are exchanged, or None. The factor (high − low)/255 and `low` are rounded to `dtype`.
        """


class Softplus(Protocol):
    """softplus(s) = log(1 + eˢ), and its derivative the logistic sigmoid; exact at any finite s."""

    def forward(self, s: Array) -> Array:
        """Return softplus, log(1 + eˢ), of each score."""

    def derivative(self, s: Array) -> Array:
        """Return its derivative, the sigmoid 1/(1 + e⁻ˢ), of each score."""


class Logistic(Protocol):
    """weight·mean softplus(sign·s) over all of s, with its gradient: what objectives from logits are made of."""

    def forward(self, s: Array, sign: int, weight: float) -> tuple[Array, Array]:
        """The value, 0-d, and sign·weight·σ(sign·s)/N of s's shape, N = s.size; exact at any finite s. sign: 1 or −1."""


class Accuracy(Protocol):
    """The share of logits on the right side of a boundary: how often D is right."""

    def forward(self, s: Array, sign: int, boundary: float) -> Array:
        """The share of s with sign·(s − boundary) > 0, 0-d, in float64 whatever s is. sign: 1 or −1."""


class SoftmaxCrossEntropy(Protocol):
    """−log softmax(s)[label] for each row of s (N, classes), labels (N,) integers."""

    def forward(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        """The N losses, and the derivative softmax(s) − onehot(label) of each."""


class Sgd(Protocol):
    """Stochastic gradient descent with momentum over a flat θ.

    skip, here and below: a 0-d int32 array where the others lie; unless it is 0 no bit of them may change. On a GPU the
    device reads it, and the host does not wait. None: there is nothing to ask.
    """

    def step(
        self,
        theta: Array,
        gradient: Array,
        velocity: Array | None,
        learning_rate: Number,
        momentum: Number,
        nesterov: bool,
        skip: Array | None = None,
    ) -> None:
        """v ← m·v + g; θ ← θ − lr·v (Nesterov: θ ← θ − lr·(g + m·v)). θ and v change in place."""


class Adam(Protocol):
    """Adam (Kingma and Ba 2015) over a flat θ."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        first: Array,
        second: Array,
        count: int | Array,
        learning_rate: Number,
        beta1: Number,
        beta2: Number,
        epsilon: float,
        skip: Array | None = None,
    ) -> None:
        """m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − lr·m̂/(√v̂ + ε), with bias correction at step `count` ≥ 1.

        A finite g beyond ±2⁶³ (float64: ±2⁵¹¹) counts as that, so that no finite gradient makes v infinite and stops θ.
        """


class Rmsprop(Protocol):
    """RMSprop (Tieleman and Hinton 2012) over a flat θ."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        second: Array,
        velocity: Array | None,
        learning_rate: Number,
        smoothing: float,
        epsilon: float,
        momentum: Number,
        skip: Array | None = None,
    ) -> None:
        """v ← ρv + (1−ρ)g²; u = g/(√v + ε); θ ← θ − lr·u, or through the velocity w ← m·w + u; g cut as in Adam."""


class Average(Protocol):
    """Exponential moving average of a flat vector."""

    def step(self, average: Array, values: Array, decay: Number, skip: Array | None = None) -> None:
        """average ← decay·average + (1 − decay)·values, in place."""


class Finite(Protocol):
    """A flag that says whether numbers were finite: 0, or the code of the first look that found one which was not.

    On a GPU the host does not wait for the answer.
    """

    def look(self, values: Array, flag: Array, code: int) -> None:
        """flag ← code where it is 0 and an element of `values` is NaN or infinite.

        flag: one int32 where they lie, changed in place; code: above 0.
        """


class Report(Protocol):
    """Numbers that lie here and there, side by side in one array, so that one copy brings them to the host."""

    def collect(self, numbers: Sequence[Array], out: Array) -> None:
        """out[i] ← numbers[i], arrays of one number each: float32, float64, int32 or bool, whatever out's dtype is."""
