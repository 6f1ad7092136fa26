"""Walks: points of z in equal steps along a path, to be drawn one after the other as frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer
from gan_np.models import CodePrior
from gan_np.models.prior import Prior

from .decoding import Decoder
from .factors import Along, Category, Factor, Label, check_factor
from .paths import linear, spherical

AT_ONCE = 64
"""About so many images are made at once."""


def between(prior: Prior, first: Array, second: Array, shares: Array) -> Array:
    """From one point z (k,) to another, for every t in shares (T,): (T, k), staying where p(z) has its points.

    Normal noise along the great circle (`spherical`), uniform noise and the codes of an InfoGAN in a straight line.
    """
    straight = linear(first, second, shares)
    if prior.kind != "normal":
        return straight
    begin, end = (prior.noise_of(point[None])[0] for point in (first, second))
    if np.linalg.norm(begin) > 0 and np.linalg.norm(end) > 0:
        prior.noise_of(straight)[...] = spherical(begin, end, shares)
    return straight


def through(prior: Prior, stops: Array, frames: int, *, closed: bool = True) -> Array:
    """Points (frames, k) on the path through stops (S, k), in equal shares of the way from each to the next.

    closed: the last stop goes back to the first, and a frame after the last would be the first one again; else the first
    and the last point are the first and the last stop. One stop alone stays.

    >>> import numpy as np, gan_np as gn
    >>> corners = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> gn.latent.through(gn.models.Prior(2), corners, 4).round(3) + 0
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ],
           [0.707, 0.707]])

    Raises:
        ShapeError: not points of this z. ValueError: no frame.
    """
    integer("frames", frames, 1)
    if stops.ndim != 2 or not len(stops) or stops.shape[1] != prior.dim:
        raise ShapeError(f"stops: expected (S, {prior.dim}) with S ≥ 1, got {stops.shape}")
    found = np.empty((frames, prior.dim), stops.dtype)
    number, share = places(len(stops), frames, closed=closed)
    for stop in range(len(stops)):
        here = number == stop
        if here.any():
            found[here] = between(prior, stops[stop], stops[(stop + 1) % len(stops)], share[here])
    return found


def places(stops: int, frames: int, *, closed: bool = True) -> tuple[Array, Array]:
    """Behind which stop each frame is, and the share of the way to the next that it has gone: (frames,) each."""
    whole = stops if closed and stops > 1 else stops - 1
    way = np.arange(frames) * (whole / (frames if closed else max(frames - 1, 1)))
    number = np.minimum(way.astype(np.int64), stops - 1)
    return number, way - number


def along(factor: Factor, start: Array, frames: int, *, closed: bool = True) -> list[tuple[Array, Array | None]]:
    """A factor changed frame by frame: for each frame points (1, k) and labels (1,), or None where it changes none.

    A direction goes from its lowest place to its highest and, closed, back again, slower at the ends. A category or a label
    has each of its places for equally many frames.

    Raises:
        ShapeError: start is not one point (k,).
    """
    integer("frames", frames, 1)
    if start.ndim != 1:
        raise ShapeError(f"start: expected one point (k,), got {start.shape}")
    return [factor.apply(start[None], None, place) for place in places_of(factor, frames, closed=closed)]


def places_of(factor: Factor, frames: int, *, closed: bool = True) -> list[Any]:
    """Where a factor is in each frame, see `along`."""
    check_factor("factor", factor)
    if isinstance(factor, Along):
        if not closed:
            return factor.places(frames)
        middle, half = (factor.low + factor.high) / 2, (factor.high - factor.low) / 2
        return [float(middle - half * np.cos(2 * np.pi * frame / frames)) for frame in range(frames)]
    held = factor.places(steps_of(factor) or frames)
    return [held[frame * len(held) // frames] for frame in range(frames)]


def steps_of(factor: Factor) -> int | None:
    """How many places a factor has; None for one that may be anywhere."""
    if isinstance(factor, Label):
        return factor.classes
    return factor.prior.categories if isinstance(factor, Category) else None


def between_classes(decoder: Decoder, start: Array, classes: Sequence[int], frames: int, *, closed: bool = True) -> Any:
    """One z on its way from class to class: an iterator of images (1, H, W, C), one for each frame.

    start: z (k,). classes: numbers of classes 0…K−1 of a conditional model, or categories of an InfoGAN. Between two classes
    their one-hot vectors are mixed, (1 − t)·e_i + t·e_j, slower near each class; G saw none of these mixtures in training.

    Raises:
        ValueError: a model without classes, or one of several stages.
    """
    gan = decoder.gan
    integer("frames", frames, 1)
    number, share = places(len(classes), frames, closed=closed)
    share = share * share * (3 - 2 * share)
    count = gan.prior.categories if isinstance(gan.prior, CodePrior) else gan.classes
    if count is None or decoder.model is not gan:
        raise ValueError("classes: need a conditional model of one stage, or an infogan, whose classes can be mixed")
    mixed = np.zeros((frames, count), start.dtype)
    chosen = np.array([integer("classes", one, 0, count - 1) for one in classes])
    np.add.at(mixed, (np.arange(frames), chosen[number]), 1 - share)
    np.add.at(mixed, (np.arange(frames), chosen[(number + 1) % len(chosen)]), share)

    def images() -> Iterator[Array]:
        for begin in range(0, frames, AT_ONCE):
            part = mixed[begin : begin + AT_ONCE]
            z, context = np.repeat(start[None], len(part), axis=0), part
            if isinstance(gan.prior, CodePrior):
                gan.prior.codes_of(z)[0][...] = part
                made = decoder(z)
            else:
                made = gan.encoding.decode(gan.generate(z, context, average=decoder.average))
            yield from made[:, None]

    return images()


def walk(decoder: Decoder, z: Array, labels: Any = None) -> Iterator[Array]:
    """The images (N, H, W, C) of each frame, for points z (frames, N, k): N walks at once, made a few frames at a time.

    labels: of a conditional model, one for all, one for each walk (N,), or one for each walk of each frame (frames, N).

    >>> import gan_np as gn
    >>> gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=16)
    >>> decoder = gn.latent.Decoder(gan)
    >>> path = gn.latent.through(gan.prior, decoder.points(3, seed=0), frames=30)
    >>> [images.shape for images in gn.latent.walk(decoder, path[:, None])][:2]
    [(1, 8, 8, 1), (1, 8, 8, 1)]

    Raises:
        ShapeError: not points of this z. ValueError, TypeError: labels that the model has not.
    """
    dim = decoder.gan.prior.dim
    if z.ndim != 3 or z.shape[2] != dim or not z.size:
        raise ShapeError(f"z: expected (frames, N, {dim}), got {z.shape}")
    frames, count = z.shape[:2]
    if labels is not None:
        if decoder.gan.labels is None:
            raise ValueError("labels: this model is not conditional, it takes none")
        decoder.gan.labels.asked(labels)
        labels = np.broadcast_to(np.asarray(labels), (frames, count))

    def images() -> Iterator[Array]:
        together = max(1, AT_ONCE // count)
        for begin in range(0, frames, together):
            part = z[begin : begin + together]
            chosen = None if labels is None else labels[begin : begin + together].reshape(-1)
            made = decoder(part.reshape(-1, dim), chosen)
            yield from made.reshape(len(part), count, *made.shape[1:])

    return images()
