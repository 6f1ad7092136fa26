"""Differentiable augmentation (Zhao et al. 2020; Karras et al. 2020): random changes of images that gradients pass through.

Given the random numbers each change is affine in the image, so its pullback is the adjoint of its linear part. Colour
changes y = r·x + (1 − r)·mean(x) are their own adjoints; a translation's is the opposite translation; a cutout's is itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, device_of, on_host, require_same
from gan_np.checks import choice
from gan_np.host import drawn
from gan_np.kernels import Into

from .pullback import Asked, Gradients, OperationPullback, asked, problem, require_rank
from .random_maps import colour_matrices, geometry_maps

POLICIES = ("colour", "translation", "cutout", "geometry", "hue")
"""The augmentations that there are, by name."""

Change = tuple[Callable[[Array], Array], Callable[[Array], Array], Array | None]
"""The linear part, its adjoint, and what is added after it (or None)."""


def diff_augment(
    x: Array,
    policy: Sequence[str],
    rng: np.random.Generator,
    *,
    probability: Callable[[], float] | None = None,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, OperationPullback]:
    """Each image of a batch changed at random, in the order of `policy`; the pullback gives (dx,).

    x: (N, H, W, C) floats. Random numbers are drawn on the host, one set for each image.
    "colour": brightness x + b, b ~ U(−½, ½); saturation about the pixel's mean, r ~ U(0, 2); contrast about the image's
        mean, r ~ U(½, 1½).
    "translation": by up to an eighth of the side along each axis, zeros move in.
    "cutout": a rectangle of half the side along each axis, anywhere (part of it may lie outside), set to 0.
    "geometry": translation, scale, rotation, stretching along any axis and translation again, with linear interpolation and
        zeros beyond the edges; "hue": luma flip and hue rotation (`random_maps`; Karras et al. 2020, Huang et al. 2024).
    probability: says, when it is asked, with which probability each image is changed; the others stay as they are. Each of
        the changes that "geometry" and "hue" consist of happens with this probability by itself. None: all are changed.
    """
    require_same("diff_augment", x=x)
    require_rank("diff_augment", "x", x, 4, "(N, height, width, channels)")
    groups: list[tuple[bool, list[Change]]] = []
    """Neighbouring changes that happen to the chosen images together, and those (True) with coins of their own."""
    for name in policy:
        own = choice("policy", name, POLICIES) in _WITH_COINS
        made = _WITH_COINS[name](x, rng, probability or _always) if own else _MAKERS[name](x, rng)
        if groups and groups[-1][0] == own:
            groups[-1][1].extend(made)
        else:
            groups.append((own, made))
    together = any(not own for own, _ in groups)
    chosen = _chosen(x, rng, probability) if together and probability is not None else None

    def forward(image: Array, *, linear: bool) -> Array:
        for own, changes in groups:
            before = image
            for change, _, offset in changes:
                image = change(image) if linear or offset is None else change(image) + offset
            image = image if own else _among(chosen, image, before)
        return image

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        for own, changes in reversed(groups):
            before = dy
            for _, adjoint, _ in reversed(changes):
                dy = adjoint(dy)
            dy = dy if own else _among(chosen, dy, before)
        return (dy,)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        changed = forward(tangent, linear=True)
        return changed, OperationPullback("diff_augment linearised", changed, (tangent,), wrt, compute)

    y, wanted = forward(x, linear=False), asked(wrt, (x,))
    if not any(wanted):
        groups = []
    return y, OperationPullback("diff_augment", y, (x,), wanted, compute, linear, by_example=True)


def _always() -> float:
    return 1.0


def _chosen(x: Array, rng: np.random.Generator, probability: Callable[[], float]) -> Array:
    """Which images are changed, (N, 1, 1, 1), on the images' device."""
    return drawn(lambda: (rng.random(len(x)) < probability()).reshape(-1, 1, 1, 1), device_of(x))


def _among(chosen: Array | None, changed: Array, same: Array) -> Array:
    """Changed images where they were chosen, else as they are."""
    return changed if chosen is None else array_module(changed).where(chosen, changed, same)


def _uniform(x: Array, rng: np.random.Generator, low: float, high: float) -> Array:
    """One number for each image, on the image's device."""
    return drawn(lambda: rng.uniform(low, high, (len(x), 1, 1, 1)).astype(x.dtype), device_of(x))


def _toward_mean(ratio: Array, axes: tuple[int, ...]) -> Change:
    """y = r·x + (1 − r)·mean(x): symmetric, since averaging is."""

    def mix(x: Array) -> Array:
        mixed: Array = ratio * x + (1 - ratio) * x.mean(axis=axes, keepdims=True)
        return mixed

    return mix, mix, None


def _same(x: Array) -> Array:
    return x


def _colour(x: Array, rng: np.random.Generator) -> list[Change]:
    return [
        (_same, _same, _uniform(x, rng, -0.5, 0.5)),
        _toward_mean(_uniform(x, rng, 0.0, 2.0), (3,)),
        _toward_mean(_uniform(x, rng, 0.5, 1.5), (1, 2, 3)),
    ]


def _translation(x: Array, rng: np.random.Generator) -> list[Change]:
    limits = [int(side / 8 + 0.5) for side in x.shape[1:3]]
    count = len(x)

    def draw() -> Array:
        return np.stack([rng.integers(-limit, limit, count, endpoint=True) for limit in limits], axis=1)

    shifts = drawn(draw, device_of(x))

    def move(images: Array, sign: int) -> Array:
        if not on_host(images):
            return _gathered(images, sign * shifts)
        moved = np.zeros(images.shape, images.dtype)
        for index, shift in enumerate(sign * shifts):
            (to_rows, from_rows), (to_columns, from_columns) = (
                _overlap(int(by), side) for by, side in zip(shift, images.shape[1:3], strict=True)
            )
            moved[index, to_rows, to_columns] = images[index, from_rows, from_columns]
        return moved

    return [(lambda images: move(images, 1), lambda dy: move(dy, -1), None)]


def _gathered(images: Array, shifts: Array) -> Array:
    """Images moved by shifts (N, 2) that lie on the device, where the host cannot read them: each pixel looks where it
    comes from, and is 0 where that is outside."""
    xp = array_module(images)
    count, height, width, _ = images.shape
    rows = (xp.arange(height) - shifts[:, :1])[:, :, None]
    columns = (xp.arange(width) - shifts[:, 1:])[:, None, :]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    from_rows, from_columns = xp.clip(rows, 0, height - 1), xp.clip(columns, 0, width - 1)
    gathered = images[xp.arange(count)[:, None, None], from_rows, from_columns]
    return xp.where(inside[..., None], gathered, images.dtype.type(0))


def _overlap(shift: int, side: int) -> tuple[slice, slice]:
    """Where pixels land and where they come from when an axis moves by `shift`."""
    return slice(max(shift, 0), side + min(shift, 0)), slice(max(-shift, 0), side + min(-shift, 0))


def _cutout(x: Array, rng: np.random.Generator) -> list[Change]:
    count, height, width, _ = x.shape
    dtype = x.dtype

    def draw() -> Array:
        mask = np.ones((count, height, width, 1), dtype)
        centres = rng.integers(0, (height + 1, width + 1), (count, 2))
        for index, (row, column) in enumerate(centres):
            top, left = max(row - height // 4, 0), max(column - width // 4, 0)
            mask[index, top : max(row + height // 4, 0), left : max(column + width // 4, 0)] = 0
        return mask

    held = drawn(draw, device_of(x))

    def cut(images: Array) -> Array:
        kept: Array = images * held
        return kept

    return [(cut, cut, None)]


_MAKERS: dict[str, Callable[[Array, np.random.Generator], list[Change]]] = {
    "colour": _colour,
    "translation": _translation,
    "cutout": _cutout,
}


def _geometry(x: Array, rng: np.random.Generator, probability: Callable[[], float]) -> list[Change]:
    count, size = len(x), (x.shape[1], x.shape[2])
    maps = drawn(lambda: geometry_maps(rng, count, size, probability).astype(x.dtype), device_of(x))
    kernel = kernels.select("affine_sample", problem(x))
    return [(lambda images: kernel.forward(images, maps), lambda dy: kernel.backward(dy, maps), None)]


def _hue(x: Array, rng: np.random.Generator, probability: Callable[[], float]) -> list[Change]:
    count, channels = len(x), x.shape[3]
    matrices = drawn(lambda: colour_matrices(rng, count, channels, probability).astype(x.dtype), device_of(x))

    def mix(images: Array, axis: int) -> Array:
        mixed: Array | float = 0
        for channel in range(channels):
            row = matrices[:, :, channel] if axis else matrices[:, channel]
            mixed = mixed + images[..., channel : channel + 1] * row[:, None, None, :]
        return mixed  # type: ignore[return-value]

    return [(lambda images: mix(images, 1), lambda dy: mix(dy, 0), None)]


_WITH_COINS: dict[str, Callable[[Array, np.random.Generator, Callable[[], float]], list[Change]]] = {
    "geometry": _geometry,
    "hue": _hue,
}
"""Those each of whose changes has a coin of its own."""
