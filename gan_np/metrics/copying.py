"""Whether a generator copies its training images: a statistic beside every sheet of neighbours.

T are the training images, H images of the same kind that training has not seen, Q samples of the generator, d(x, T)
the distance of x to its nearest image of T. Three questions, each with a one-sided p-value that is small for a
copier:

nearer       Are samples nearer to T than held-out images are? Mann–Whitney's U of d(Q, T) against d(H, T), z ≪ 0 for
             a copier, z ≫ 0 for samples far from all real images (Meehan, Chaudhuri and Dasgupta 2020); of the whole
             space, and of the cells of a partition: their mean C_T = Σ_π P(π)·z_π / Σ_π P(π), P(π) the share of H in
             cell π.
nearest      How many samples are nearer to T than any held-out image is? Were samples and held-out images
             exchangeable, the c least of all distances belonged to samples with probability Π_{i<c} (|Q| − i)/(|Q| +
             |H| − i).
whose        Of the real images, of T and H together, that are nearest to some sample: how many are of H? A generator that
             does not remember which images were in T finds them without regard to that, so of m different ones as many
             are of H as in m draws without replacement (hypergeometric); a copier hardly finds one of H. Each real image
             counts once, however many samples it is nearest to: a generator that draws few different images says little.
             Asked of all samples and of the half, the quarter and the eighth that are nearest to T and H together, for
             generators that copy now and then; the smallest p-value counts, times four (Bonferroni).

The first two are at the mercy of smoothness: blurred or simplified samples lie near everything, T and H alike. The
third is not, and it alone sees copies that were altered until they lie no nearer than other images do (moved, mirrored,
brightened); but it needs enough held-out images, and is nearly blind to a generator that copies only now and then. So a
generator is called a copier where the third question says so, and "near" where only the first two do. The p-values are
adjusted for being several (Holm 1979), so a generator that has no memory of T and draws like it is called one or the other
once in a hundred times at most.

All of it supposes that H could be T: that is tested first (`same_source.py`), and no verdict is given where it fails.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import integer
from gan_np.ranks import ALONE, Ranks

from .cells import cell_of, k_means
from .moves import nearest_after_moves
from .ranks import holm, hypergeometric_below, mann_whitney, normal_below, run_below
from .same_source import SameSource, same_source_test

LEVEL = 0.01
"""An adjusted p-value below this counts."""

PARTS = (1, 2, 4, 8)
"""The third question is asked of all samples, of the half nearest to real images, the quarter, the eighth."""

CELL_COUNT = 10
"""Cells with fewer samples or held-out images than this are left out: the normal approximation fails there."""


@dataclass(frozen=True)
class Copying:
    """What `copying_test` found. p-values are one-sided, small for a copier."""

    training: int
    held_out: int
    samples: int
    shift: int
    mirror: bool
    samples_to_training: dict[str, float]
    """Least, quarter, median, three quarters and mean of d(Q, T)."""
    held_out_to_training: dict[str, float]
    z: float
    p_nearer: float
    cells: list[dict[str, float]]
    """Of every cell that counts: its share of H, how many samples and held-out images, z."""
    z_cells: float | None
    """C_T; None where no cell has enough on both sides."""
    p_cells: float | None
    """Of the worst cell, times the number of cells (Bonferroni)."""
    nearest_share: float
    """Share of samples nearer to T than any held-out image is."""
    p_nearest: float
    whose_share: float
    """Share of samples whose nearest real image is held out, equally near ones counted for H."""
    whose_expected: float
    """|H|/(|T| + |H|)."""
    whose_images: int
    """How many different real images are nearest to some sample."""
    whose_images_share: float
    """Share of those that are held out."""
    p_whose: float
    source: SameSource
    """Whether T and H could come from one place."""

    @property
    def adjusted(self) -> dict[str, float]:
        """The p-values of the questions that were asked, adjusted for being several."""
        asked = {"nearer": self.p_nearer, "cells": self.p_cells, "nearest": self.p_nearest, "whose": self.p_whose}
        return holm({name: value for name, value in asked.items() if value is not None})

    @property
    def verdict(self) -> str:
        """ "other source", "copies", "near", "no sign" or "too few", see `explanation`."""
        if not self.source.holds:
            return "other source"
        p = self.adjusted
        if p.pop("whose") < LEVEL:
            return "copies"
        if min(p.values()) >= LEVEL:
            return "no sign"
        least = len(PARTS) * hypergeometric_below(0, self.whose_images, self.held_out, self.training + self.held_out)
        return "near" if least * (len(p) + 1) < LEVEL else "too few"

    @property
    def explanation(self) -> str:
        """The verdict as a sentence."""
        near = "samples are nearer to training images than held-out ones are"
        altered = min(self.adjusted[name] for name in self.adjusted if name != "whose") >= LEVEL
        copies = (
            "the real images that samples are nearest to were trained on too often for chance, though no nearer than other "
            "images are: altered copies (moved, mirrored, brightened) look so. Try moves, and look at the nearest pairs"
            if altered
            else f"{near}, and nearer to those trained on than to those held out"
        )
        return {
            "other source": "no verdict: the held-out images do not come from where the training images come from (p = "
            f"{self.source.p:.2g}, without any sample), so whatever resembles the training images would be called a copy. "
            "Hold out images of the same data, drawn at random before training. In features of a network that was trained "
            "on these training images this also happens where it knows them by heart: go by the pixels, or by the features "
            "of another network",
            "copies": f"copies: {copies}",
            "near": f"near: {near}, but as near to those held out as to those trained on. Smooth or simplified images "
            "are; so are those of a generator that copies only now and then: look at the nearest pairs",
            "no sign": "no sign of copies: samples are no nearer to training images than held-out ones are, nor to those "
            "trained on rather than to those held out",
            "too few": f"undecided: {near}, and there are too few held-out images or too few different samples to tell "
            "copies from smooth images: give more of either",
        }[self.verdict]

    def to_mapping(self) -> dict[str, Any]:
        """Return all that was found, as plain values for JSON."""
        return {
            **asdict(self),
            "adjusted": self.adjusted,
            "p_source": self.source.p,
            "verdict": self.verdict,
            "explanation": self.explanation,
        }


def copying_test(
    training: Array,
    held_out: Array,
    samples: Array,
    *,
    shift: int | None = None,
    mirror: bool = False,
    cells: int = 10,
    seed: int = 0,
    ranks: Ranks = ALONE,
) -> Copying:
    """Whether samples are copies of training images, see above.

    training, held_out, samples: images (N, H, W, C) or features (N, D), of one dtype; held_out must be of the kind
        that training is (it is tested), and disjoint from it. Some hundreds of samples, and as many held-out images, at
        least.
    shift: images count as near if they are after moving up to so many pixels in each direction (all distances alike,
        so the tests stay valid), at (2·shift + 1)² times the cost: an image beside itself, moved, is as far from it as
        another image. None: 1 for images, 0 for features.
    mirror: they also count as near if they are after mirroring.
    cells: of k-means on the training images; 0 for none.
    ranks: processes that were all given the same: each searches for the nearest images of a part, all find the same.

    The first two p-values count samples as independent, given T and H; a generator that gives one image again and again
    has fewer than it seems.

    Raises:
        ShapeError, TypeError, ValueError: sets of different kinds, fewer than 10 samples or held-out images, fewer than 2
            training images, values that are not finite.
    """
    for name, part in (("held_out", held_out), ("samples", samples)):
        integer(f"number of {name}", len(part), CELL_COUNT)
    if shift is None:
        shift = 1 if samples.ndim == 4 else 0
    source = same_source_test(training, held_out, seed=seed, ranks=ranks)
    in_training = nearest_after_moves(samples, training, shift, mirror, ranks=ranks)
    in_held_out = nearest_after_moves(samples, held_out, shift, mirror, ranks=ranks)
    of_samples, to_held_out = in_training.distances[:, 0], in_held_out.distances[:, 0]
    of_held_out = nearest_after_moves(held_out, training, shift, mirror, ranks=ranks).distances[:, 0]
    z, p_nearer = mann_whitney(of_samples, of_held_out)
    table, z_cells, p_cells = _by_cells(training, held_out, samples, of_samples, of_held_out, cells, seed)
    nearest, whose = int((of_samples < of_held_out.min()).sum()), to_held_out <= of_samples
    # Real images are numbered from 0, those held out from −1 downwards.
    images = np.where(whose, -1 - in_held_out.indices[:, 0], in_training.indices[:, 0])
    different = np.unique(images)
    return Copying(
        training=len(training),
        held_out=len(held_out),
        samples=len(samples),
        shift=shift,
        mirror=mirror,
        samples_to_training=_summary(of_samples),
        held_out_to_training=_summary(of_held_out),
        z=z,
        p_nearer=p_nearer,
        cells=table,
        z_cells=z_cells,
        p_cells=p_cells,
        nearest_share=nearest / len(samples),
        p_nearest=run_below(nearest, len(samples), len(held_out)),
        whose_share=float(whose.mean()),
        whose_expected=len(held_out) / (len(held_out) + len(training)),
        whose_images=len(different),
        whose_images_share=float((different < 0).mean()),
        p_whose=_held_out_too_rarely(images, np.minimum(of_samples, to_held_out), len(training), len(held_out)),
        source=source,
    )


def _held_out_too_rarely(images: Array, distances: Array, training: int, held_out: int) -> float:
    """The p-value of `whose`, from the number of each sample's nearest real image, below 0 where it is held out.

    Which samples are nearest to T and H together does not depend on which is which, so a part of them is as good a set as
    any.
    """
    order, least = np.argsort(distances, kind="stable"), 1.0
    for part in PARTS:
        different = np.unique(images[order[: max(1, len(order) // part)]])
        found = int((different < 0).sum())
        least = min(least, hypergeometric_below(found, len(different), held_out, training + held_out))
    return min(1.0, len(PARTS) * least)


def _by_cells(
    training: Array, held_out: Array, samples: Array, of_samples: Array, of_held_out: Array, cells: int, seed: int
) -> tuple[list[dict[str, float]], float | None, float | None]:
    if not integer("cells", cells, 0):
        return [], None, None
    centres = k_means(training, min(cells, len(training)), seed=seed)
    sample_cell, held_out_cell = cell_of(samples, centres), cell_of(held_out, centres)
    table = []
    for cell in range(len(centres)):
        ours, theirs = of_samples[sample_cell == cell], of_held_out[held_out_cell == cell]
        if min(len(ours), len(theirs)) >= CELL_COUNT:
            share = len(theirs) / len(held_out)
            table.append(
                {"share": share, "samples": len(ours), "held_out": len(theirs), "z": mann_whitney(ours, theirs)[0]}
            )
    if not table:
        return [], None, None
    mean = sum(row["share"] * row["z"] for row in table) / sum(row["share"] for row in table)
    return table, mean, min(1.0, len(table) * normal_below(min(row["z"] for row in table)))


def _summary(distances: Array) -> dict[str, float]:
    names = ("least", "quarter", "median", "three_quarters")
    values = np.quantile(distances, (0, 0.25, 0.5, 0.75))
    return {**dict(zip(names, map(float, values), strict=True)), "mean": float(distances.mean())}
