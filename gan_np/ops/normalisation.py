"""Batch normalisation (over the batch, or with given statistics); layer and group normalisation of each example alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, Shape, array_module, require_same
from gan_np.checks import ShapeError, integer
from gan_np.kernels import Activation, Into
from gan_np.ranks import ALONE, Ranks

from .affine import LINEAR, PIECEWISE_LINEAR, through, through_both
from .pullback import Asked, Gradients, Linearised, OperationPullback, asked, placed, problem, require_shape
from .recomputable import Recomputable

BATCH_REFUSES = (
    "it makes the slope of one example depend on all others of its batch; use layer, group, instance or spectral "
    "normalisation, which have one"
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and biased variance of each channel of one batch, and the number of values behind each."""

    mean: Array
    variance: Array
    count: int


def update_running(mean: Array, variance: Array, batch: Statistics, momentum: float) -> None:
    """Move running statistics towards those of a batch, in place: running ← (1 − m)·running + m·batch.

    The batch's variance enters unbiased, σ²·M/(M − 1) for M values a channel, as in PyTorch.
    """
    require_same("update_running", mean=mean, variance=variance, batch_mean=batch.mean, batch_variance=batch.variance)
    unbiased = batch.count / (batch.count - 1)
    kernel = kernels.select("running", problem(batch.mean))
    kernel.update(mean, variance, batch.mean, batch.variance, momentum, unbiased)


def batch_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
    ranks: Ranks = ALONE,
) -> tuple[Array, OperationPullback, Statistics]:
    """Batch normalisation with the batch's own statistics (Ioffe and Szegedy 2015), channels last.

    y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε),  μ and σ² (biased) over all axes but the last.

    x: (N, C) or (N, H, W, C).  scale γ, bias β: (C,) or None.
    ranks: the processes that have the rest of the batch (`gan_np.ranks`).
    Returns y, the pullback to (dx, dγ, dβ), and the statistics, for running averages:
    with dz = f′·dy, dβ = Σ dz, dγ = Σ dz·x̂, dx = γ/√(σ² + ε)·(dz − dβ/M − x̂·dγ/M), M values a channel.

    Raises:
        ShapeError: fewer than two values a channel (x̂ would be 0 whatever x is), or shapes do not meet.
        TypeError: dtypes or devices differ.
    """
    require_same("batch_norm", x=x, scale=scale, bias=bias)
    count = x.size // x.shape[-1] * ranks.size
    if count < 2:
        raise ShapeError(f"batch_norm: x {x.shape} has {count} value a channel, batch statistics need at least 2")
    for name, array in (("scale", scale), ("bias", bias)):
        require_shape("batch_norm", name, array, x.shape[-1:])
    if ranks.size > 1:
        return _over_ranks(x, scale, bias, epsilon, activation, asked(wrt, (x, scale, bias)), ranks)
    chosen = kernels.choose("batch_norm", problem(x))
    kernel = chosen.implementation
    y, mean, variance, inverse = kernel.forward(x, scale, bias, epsilon, activation)
    wanted = asked(wrt, (x, scale, bias))
    reads = activation.kind not in (PIECEWISE_LINEAR if "slope_from_input" in chosen.features else ("linear",))
    kept = _Kept(chosen, x, y, scale, bias, mean, inverse, activation, reads) if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...], over: bool = False) -> Gradients:
        assert kept is not None
        _, into_scale, into_bias = (place if wanted else None for place, wanted in zip(into, wrt, strict=True))
        backward = kernel.backward_in_place if over and "backward_in_place" in chosen.features else kernel.backward
        with kept.arrays() as arrays:
            given = (*arrays, scale, bias, mean, inverse, activation)
            dx, dscale, dbias = backward(dy, *given, wrt[0], into_scale, into_bias)
        return dx, dscale if wrt[1] else None, dbias if wrt[2] else None

    pullback = _pullback(y, (x, scale, bias), wanted, compute, kept, writes_over=True)
    return y, pullback, Statistics(mean, variance, count)


class _Kept:
    """x and y for the backward pass; x alone where the kernel can compute y again from it.

    y is as large as x, and the next layer would keep the same array: of both layers' memory this is half or more.
    reads: whether the kernel's own backward reads y.
    """

    def __init__(
        self,
        chosen: Any,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse: Array,
        activation: Activation,
        reads: bool,
    ) -> None:
        self._x, self._reads = x, reads
        self._y: Array | None = y
        self.recomputable: Recomputable | None = None
        if "recomputes" in chosen.features:
            kernel = chosen.implementation
            self.recomputable = Recomputable(
                y, lambda: kernel.normalise(x, scale, bias, mean, inverse, activation), twice=reads
            )
            self._y = None

    @contextlib.contextmanager
    def arrays(self) -> Iterator[tuple[Array, Array]]:
        """x and y; x in y's place where y is not read and would have to be computed."""
        output = self.recomputable
        if output is None:
            assert self._y is not None
            yield self._x, self._y
            return
        try:
            yield self._x, output.get() if self._reads else self._x
        finally:
            output.release()


def _pullback(
    y: Array,
    arrays: tuple[Array | None, ...],
    wanted: Asked,
    compute: Any,
    kept: _Kept | None,
    writes_over: bool = False,
) -> OperationPullback:
    recomputable = None if kept is None else kept.recomputable
    return OperationPullback(
        *("batch_norm", y, arrays, wanted, compute),
        refusal=BATCH_REFUSES,
        recomputable=recomputable,
        writes_over=writes_over,
    )


def _over_ranks(
    x: Array,
    scale: Array | None,
    bias: Array | None,
    epsilon: float,
    activation: Activation,
    wanted: Asked,
    ranks: Ranks,
) -> tuple[Array, OperationPullback, Statistics]:
    """`batch_norm` of a batch of which each rank has n values a channel, M = N·n.

    One message forward, with both statistics of a rank, and one backward, with both sums: what comes next needs them.
    """
    chosen = kernels.choose("batch_norm", problem(x))
    if "across_ranks" not in chosen.features:
        return _over_ranks_with_whole_passes(x, scale, bias, epsilon, activation, wanted, ranks)
    kernel, rows = chosen.implementation, x.size // x.shape[-1]
    (parts,) = ranks.all_gather(kernel.statistics(x)[None], what="batch statistics")
    exact, spread = _statistics_of_all(parts)
    mean, variance = exact.astype(x.dtype), spread.astype(x.dtype)
    inverse = (1 / array_module(x).sqrt(spread + epsilon)).astype(x.dtype)
    y = kernel.normalise(x, scale, bias, mean, inverse, activation)
    reads = activation != LINEAR
    kept = _Kept(chosen, x, y, scale, bias, mean, inverse, activation, reads) if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert kept is not None
        with kept.arrays() as arrays:
            own = kernel.sums(dy, *arrays, mean, inverse, activation)
            dx = None
            if wrt[0]:
                means = ranks.total(own, "batch statistics") / (rows * ranks.size)
                dx = kernel.pull(dy, *arrays, scale, mean, inverse, activation, means)
        dbias, dscale = own.astype(x.dtype)
        return dx, placed(dscale, into[1]) if wrt[1] else None, placed(dbias, into[2]) if wrt[2] else None

    pullback = _pullback(y, (x, scale, bias), wanted, compute, kept)
    return y, pullback, Statistics(mean, variance, rows * ranks.size)


def _statistics_of_all(parts: Array) -> tuple[Array, Array]:
    """μ = mean μᵣ and σ² = mean(σᵣ² + (μᵣ − μ)²) over the ranks, in float64, of μᵣ and σᵣ² of each, (N, 2, C)."""
    exact = parts[:, 0].mean(axis=0)
    return exact, (parts[:, 1] + (parts[:, 0] - exact) ** 2).mean(axis=0)


def _over_ranks_with_whole_passes(
    x: Array,
    scale: Array | None,
    bias: Array | None,
    epsilon: float,
    activation: Activation,
    wanted: Asked,
    ranks: Ranks,
) -> tuple[Array, OperationPullback, Statistics]:
    """The same with a kernel that does not stop half way, whose passes over this rank's values alone are corrected.

    With the statistics μᵣ and σᵣ² of each rank's values, μ = mean μᵣ and σ² = mean(σᵣ² + (μᵣ − μ)²) over the ranks. The
    kernel's backward gives each rank's own Σ dz and Σ dz·x̂, and dx with these over n; dx of the whole batch has the sums
    over all ranks over M, so that it differs from that by γ/√(σ² + ε)·(a + x̂·b), with a = (Σ dz)ᵣ/n − (Σ dz)/M and b alike.
    """
    xp, real = array_module(x), x.dtype.type
    rows = x.size // x.shape[-1]
    kernel = kernels.select("batch_norm", problem(x))
    y, own_mean, own_variance, own_inverse = kernel.forward(x, None, None, epsilon, LINEAR)
    (all_of_them,) = ranks.all_gather(xp.stack([own_mean, own_variance])[None], what="batch statistics")
    exact, spread = _statistics_of_all(all_of_them.astype("float64"))
    mean, variance = exact.astype(x.dtype), spread.astype(x.dtype)
    inverse = (1 / xp.sqrt(spread + epsilon)).astype(x.dtype)
    factor = inverse if scale is None else inverse * scale
    # From what each rank's own statistics gave: γ·x̂ + β = y·factor/own + (own mean − mean)·factor + β.
    y *= factor / own_inverse
    shift = (own_mean - mean) * factor
    chosen = kernels.choose("bias_activation", problem(y))
    epilogue, in_place = chosen.implementation, "in_place" in chosen.features
    y = epilogue.forward(y, shift if bias is None else shift + bias, activation, in_place=in_place)
    kept = (x, y) if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert kept is not None
        given = (*kept, scale, bias, mean, inverse, activation)
        dx, dscale, dbias = kernel.backward(dy, *given, wrt[0], None, None)
        if wrt[0]:
            own = xp.stack([dbias, dscale])
            whole = ranks.total(own, "batch statistics")
            shift, slope = (own / real(rows) - whole / real(rows * ranks.size)) * factor
            moved = kept[0] - mean
            moved *= slope * inverse
            moved += shift
            dx += moved
        return dx, placed(dscale, into[1]) if wrt[1] else None, placed(dbias, into[2]) if wrt[2] else None

    pullback = OperationPullback("batch_norm", y, (x, scale, bias), wanted, compute, refusal=BATCH_REFUSES)
    return y, pullback, Statistics(mean, variance, rows * ranks.size)


def batch_norm_inference(
    x: Array,
    mean: Array,
    variance: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Batch normalisation with given statistics: y = f(γ·(x − μ)/√(σ² + ε) + β), one affine map a channel.

    So no image depends on its batch-mates. The pullback gives (dx, dγ, dβ); μ and σ² are constants.
    """
    require_same("batch_norm_inference", x=x, mean=mean, variance=variance, scale=scale, bias=bias)
    for name, array in (("mean", mean), ("variance", variance), ("scale", scale), ("bias", bias)):
        require_shape("batch_norm_inference", name, array, x.shape[-1:])
    mean = mean.copy()  # running statistics may move before the pullback is called
    inverse = 1 / array_module(x).sqrt(variance + x.dtype.type(epsilon))
    factor = inverse if scale is None else inverse * scale
    shift = -mean * factor if bias is None else bias - mean * factor
    chosen = kernels.choose("bias_activation", problem(x))
    kernel = chosen.implementation
    y = kernel.forward(x * factor, shift, activation, in_place="in_place" in chosen.features)
    wanted = asked(wrt, (x, scale, bias))
    gate = y if any(wanted) else None
    kept = x if wanted[1] else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, dbias = kernel.backward(dy, gate, activation, wrt[2], into[2])
        dscale = None
        if wrt[1]:
            normalised = kept - mean
            normalised *= inverse
            dscale = placed(kernels.reference.activation.sum_leading(dz * normalised), into[1])
        return dz * factor if wrt[0] else None, dscale, dbias

    return y, OperationPullback("batch_norm_inference", y, (x, scale, bias), wanted, compute, refusal=BATCH_REFUSES)


def layer_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Layer normalisation (Ba, Kiros and Hinton 2016): each example over all its features.

    y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε),  μ and σ² over all axes but the first.

    x: (N, …).  scale, bias: of the shape of one example, or None. The pullback gives (dx, dγ, dβ); see `_each_group`.
    """
    require_same("layer_norm", x=x, scale=scale, bias=bias)
    for name, array in (("scale", scale), ("bias", bias)):
        require_shape("layer_norm", name, array, x.shape[1:])
    return _each_group("layer_norm", x, _Whole(x.shape), scale, bias, epsilon, activation, wrt)


def group_norm(
    x: Array,
    groups: int,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Group normalisation (Wu and He 2018): each example's channels in `groups` groups, each over all its pixels.

    y = f(γ·x̂ + β),  x̂ = (x − μ)/√(σ² + ε),  μ and σ² (biased) of the example's group.

    x: (N, …, C).  scale γ, bias β: (C,) or None.  As many groups as channels are instance normalisation.
    The pullback gives (dx, dγ, dβ); see `_each_group`.

    Raises:
        ShapeError: the channels do not divide into groups; a group has one value (x̂ would be 0 whatever x is).
    """
    require_same("group_norm", x=x, scale=scale, bias=bias)
    groups_of(x.shape[1:], groups)
    for name, array in (("scale", scale), ("bias", bias)):
        require_shape("group_norm", name, array, x.shape[-1:])
    return _each_group("group_norm", x, _Channels(x.shape, groups), scale, bias, epsilon, activation, wrt)


def groups_of(shape: Shape, groups: int) -> int:
    """The number of values of one example, of this shape, in each of its groups of channels.

    Raises:
        ShapeError: the channels do not divide into groups; a group has one value.
    """
    integer("groups", groups, 1)
    if shape[-1] % groups:
        raise ShapeError(f"groups: {shape[-1]} channels do not divide into {groups} groups")
    values = math.prod(shape) // groups
    if values < 2:
        raise ShapeError(
            f"groups: an example {shape} has {values} value in each of {groups} groups, which needs at least 2"
        )
    return values


class _Whole:
    """Each example as a row."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def rows(self, x: Array) -> Array:
        """Return x (N, …) as (N, values), one row for each example."""
        return x.reshape(len(x), -1)

    def back(self, rows: Array) -> Array:
        """Return rows (N, values) as (N, …) again, the inverse of `rows`."""
        return rows.reshape(self.shape)


class _Channels:
    """Each group of an example's channels as a row."""

    def __init__(self, shape: Shape, groups: int) -> None:
        self.shape, self.apart = shape, (shape[0], math.prod(shape[1:-1]), groups, shape[-1] // groups)

    def rows(self, x: Array) -> Array:
        """Return x (N, …, C) as (N·groups, values), one row for each group of channels of each example."""
        count, pixels, groups, channels = self.apart
        return x.reshape(self.apart).transpose(0, 2, 1, 3).reshape(count * groups, pixels * channels)

    def back(self, rows: Array) -> Array:
        """Return rows as (N, …, C) again, the inverse of `rows`."""
        count, pixels, groups, channels = self.apart
        return rows.reshape(count, groups, pixels, channels).transpose(0, 2, 1, 3).reshape(self.shape)


def _each_group(
    name: str,
    x: Array,
    layout: _Whole | _Channels,
    scale: Array | None,
    bias: Array | None,
    epsilon: float,
    activation: Activation,
    wrt: Sequence[bool] | bool,
) -> tuple[Array, OperationPullback]:
    """y = f(z), z = γ·x̂ + β, with x̂ the rows of `layout`, each less its mean and over its deviation.

    With dz = f′·dy, dβ = Σ dz and dγ = Σ dz·x̂. With r = 1/√(σ² + ε) of a row, and means over that row,

        J = ∂x̂/∂x:   Jv = r·(v − mean(v) − x̂·mean(v·x̂))    which is symmetric, so that dx = J(γ·dz).

    Linearised, ẋ goes to t = Jẋ, ż = γ·t and ẏ = f′·ż. Since ∂r/∂x = −r²·x̂/n for a row of n values and ∂x̂/∂x = J, a
    gradient dẏ gives, with dż = f′·dẏ and u = γ·dż,

        dẋ = Ju,   dγ = Σ dż·t,   dx = −J(r·(mean(x̂·ẋ)·u + mean(x̂·u)·ẋ)) − r·mean(u·t)·x̂

    and, through f′, dz = (f″/f′)·ẏ·dẏ, which goes on as above.
    """
    rows, back = layout.rows, layout.back
    flat = rows(x)
    kernel = kernels.select("layer_norm", problem(flat))
    flat, inverse = kernel.forward(flat, epsilon)
    y = back(flat)
    if scale is not None:
        y = y * scale
    if bias is not None:
        y = y + bias
    chosen = kernels.choose("bias_activation", problem(y))
    epilogue = chosen.implementation
    if activation != LINEAR:
        own = scale is not None or bias is not None  # else y may be the memory of x̂
        y = epilogue.forward(y, None, activation, in_place=own and "in_place" in chosen.features)
    wanted = asked(wrt, (x, scale, bias))
    gate = y if activation != LINEAR and any(wanted) else None
    kept: Any = flat if wanted[0] or wanted[1] else None

    def scaled(dz: Array) -> Array:
        return rows(dz if scale is None else dz * scale)

    def total(values: Array) -> Array:
        """Σ over what one entry of γ and β reaches."""
        examples = isinstance(layout, _Whole)
        summed: Array = values.sum(axis=0) if examples else kernels.reference.activation.sum_leading(values)
        return summed

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, _ = through(epilogue, activation, gate, dy, False, None)
        dbias = placed(total(dz), into[2]) if wrt[2] else None
        dscale = placed(total(dz * back(kept)), into[1]) if wrt[1] else None
        dx = back(kernel.backward(scaled(dz), kept, inverse)) if wrt[0] else None
        return dx, dscale, dbias

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, Linearised]:
        along = rows(tangent)
        turned = kernel.backward(along, kept, inverse)
        moved = back(turned)
        if scale is not None:
            moved = moved * scale
        moved, _ = through(epilogue, activation, gate, moved, False, None)
        curved = activation.kind not in PIECEWISE_LINEAR
        held = moved if curved else None

        def mean(left: Any, right: Any) -> Array:
            """Return the mean of the product of two arrays, for each row."""
            average: Array = (left * right).mean(axis=1, keepdims=True)
            return average

        def pull(dmoved: Array, dy: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
            turning, _ = through(epilogue, activation, gate, dmoved, False, None)
            dz = None
            if held is not None or dy is not None:
                dz, _ = through_both(epilogue, activation, gate, held, dmoved, dy, False, None)
            dscale = dbias = dtangent = dx = None
            if wrt[1]:
                products = turning * back(turned)
                dscale = placed(total(products if dz is None else products + dz * back(kept)), into[1])
            if wrt[2] and dz is not None:
                dbias = placed(total(dz), into[2])
            if wrt[0]:
                u = scaled(turning)
                dtangent = back(kernel.backward(u, kept, inverse))
                bent = -inverse * (mean(kept, along) * u + mean(kept, u) * along)
                if dz is not None:
                    bent += scaled(dz)
                dx = back(kernel.backward(bent, kept, inverse) - inverse * mean(u, turned) * kept)
            return dtangent, dx, dscale, dbias

        return moved, Linearised(name, moved, wrt, (True, True, curved), pull)

    return y, OperationPullback(name, y, (x, scale, bias), wanted, compute, linear)
