"""A GAN of points of the plane at one moment of its training: samples, D's output as a field, G's map as a warped lattice.

A run of such points keeps one of these beside each drawing of its samples, `samples/plane-000250.npz`, some 20 KB whatever
the size of the networks, so that `gan-np explore` can play the training. Arrays, float32: samples (600, 2), of one seed;
real, at most as many points; box [x0, x1, y0, y1]; field (48, 48), D's logit over the box, y rising from row to row; lattice
(2 or 1, 21, 21, 2).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array, to_device, to_host
from gan_np.files import regular, write_atomically
from gan_np.models import GAN

SAMPLES, FIELD, LINES = 600, 48, 21
"""Points drawn; cells of the field along each side; lines of the lattice each way."""
MARGIN = 0.35
"""How far the box reaches beyond the real points on each side, as a share of their range."""
LARGEST = 1 << 20
"""Bytes of a file of one moment."""


def can_be_drawn(gan: Any) -> bool:
    """Whether a model is a GAN of points (2,) without labels."""
    return isinstance(gan, GAN) and gan.data_shape == (2,) and gan.classes is None


def box_around(points: Array, margin: float = MARGIN) -> tuple[float, float, float, float]:
    """(x0, x1, y0, y1) around points (N, 2) but for the outermost 0.5 % on each side, with a margin."""
    low, high = np.quantile(points, 0.005, axis=0), np.quantile(points, 0.995, axis=0)
    room = margin * np.maximum(high - low, 1e-3)
    (x0, y0), (x1, y1) = low - room, high + room
    return float(x0), float(x1), float(y0), float(y1)


def moment_of(
    gan: GAN, box: tuple[float, float, float, float] | None = None, *, average: bool = True
) -> dict[str, Array]:
    """Samples of seed 0, D's logits over a box (None: around the samples), and what G makes of equally spaced lines of the
    first two coordinates of z, the others being 0.

    Nothing is drawn from a training's generators, and no state moves.

    Raises:
        ValueError: not a GAN of points of the plane without labels.
    """
    if not can_be_drawn(gan):
        raise ValueError("plane: needs a model of points (2,) without labels")
    samples = gan.sample(SAMPLES, 0, average=average)
    x0, x1, y0, y1 = box_around(samples) if box is None else box
    x, y = np.meshgrid(np.linspace(x0, x1, FIELD), np.linspace(y0, y1, FIELD))
    cells = np.stack([x.ravel(), y.ravel()], axis=1).astype(samples.dtype)
    shown, _ = gan.examples(cells, None)
    if gan.packing > 1:
        shown = to_device(np.tile(to_host(shown), (1, gan.packing)), gan.discriminator.device)
    logits, _ = gan.heads(gan.discriminator(shown))
    lattice = gan.decode(lattice_of(gan), average=average).reshape(-1, LINES, LINES, 2)
    return {
        "samples": samples,
        "box": np.array([x0, x1, y0, y1]),
        "field": to_host(logits).reshape(FIELD, FIELD),
        "lattice": lattice,
    }


def lattice_of(gan: GAN) -> Array:
    """Points z of lines along the first coordinate, then along the second: (2·21·21, k), half of it where k = 1."""
    steps = np.linspace(-2, 2, LINES) if gan.prior.kind == "normal" else np.linspace(-0.98, 0.98, LINES)
    if gan.prior.kind == "uniform-unit-variance":
        steps = steps * 3**0.5
    first, second = np.meshgrid(steps, steps)
    z = np.zeros((2 if gan.prior.dim > 1 else 1, LINES, LINES, gan.prior.dim), gan.generator.dtype)
    z[0, ..., 0] = first
    if gan.prior.dim > 1:
        z[0, ..., 1] = second
        z[1] = z[0].swapaxes(0, 1)
    return z.reshape(-1, gan.prior.dim)


def thinned_points(real: Array) -> Array:
    """At most `SAMPLES` of real points (N, 2), evenly taken."""
    thinned: Array = real[:: max(1, len(real) // SAMPLES)][:SAMPLES]
    return thinned


def moment_file(run: Path, step: int) -> Path:
    """Where a run keeps the moment of a step."""
    return run / "samples" / f"plane-{step:06}.npz"


def save_moment(run: Path, step: int, gan: GAN, real: Array) -> Path:
    """Keep this moment with a run; real: points (N, 2), which give the box."""
    made = moment_of(gan, box_around(real)) | {"real": thinned_points(real)}
    written = io.BytesIO()
    arrays: dict[str, Any] = {name: array.astype(np.float32) for name, array in made.items()}
    np.savez_compressed(written, **arrays)
    return write_atomically(moment_file(run, step), written.getvalue())


def moments(run: Path) -> list[int]:
    """The steps of which a run has kept a moment, in order."""
    names = (path.stem[6:] for path in (run / "samples").glob("plane-*.npz"))
    return sorted(int(name) for name in names if name.isdecimal() and len(name) < 16)


def read_moment(run: Path, step: int) -> dict[str, Array]:
    """The moment of a step, as `save_moment` wrote it.

    Raises:
        FileNotFoundError: there is none. ValueError: it is damaged, or leads out of the run.
    """
    file = moment_file(run, step)
    if not file.resolve().is_relative_to(run.resolve()):
        raise ValueError(f"plane: that of step {step} is a link that leads out of the run")
    try:
        with np.load(regular(file, LARGEST), allow_pickle=False) as kept:
            found = {name: np.asarray(kept[name]) for name in ("samples", "real", "box", "field", "lattice")}
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive raises of many kinds
        raise ValueError(f"{file}: not the moment of a training that was kept here: {error}") from error
    expected = {
        "samples": (-1, 2),
        "real": (-1, 2),
        "box": (4,),
        "field": (FIELD, FIELD),
        "lattice": (-1, LINES, LINES, 2),
    }
    for name, shape in expected.items():
        given = found[name]
        if (
            given.dtype != np.float32
            or len(given.shape) != len(shape)
            or any(size not in (-1, own) for size, own in zip(shape, given.shape, strict=True))
        ):
            raise ValueError(f"{file}: {name} has {given.dtype} {given.shape}, expected float32 {shape}")
    return found
