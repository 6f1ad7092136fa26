"""Whether a generator copies its training pictures: a statistic beside every picture of neighbours.

T are the training pictures, H pictures of the same kind that training has not seen, Q samples of the generator, d(x, T)
the distance of x to its nearest picture of T. Three questions, each with a one-sided p-value that is small for a
copier:

nearer       Are samples nearer to T than held-out pictures are? Mann–Whitney's U of d(Q, T) against d(H, T), z ≪ 0 for
             a copier, z ≫ 0 for samples far from all real pictures (Meehan, Chaudhuri and Dasgupta 2020); of the whole
             space, and of the cells of a partition: their mean C_T = Σ_π P(π)·z_π / Σ_π P(π), P(π) the share of H in
             cell π.
nearest      How many samples are nearer to T than any held-out picture is? Were samples and held-out pictures
             exchangeable, the c least of all distances belonged to samples with probability Π_{i<c} (|Q| − i)/(|Q| +
             |H| − i).
whose        How often is a sample's nearest real picture, of T and H together, one of H? A generator that does not
             remember which pictures were in T finds one of H with probability |H|/(|T| + |H|); a copier hardly ever.
             Asked of all samples and of the tenth that is nearest to T and H together; the smaller p-value counts,
             twice (Bonferroni).

The first two are at the mercy of smoothness: blurred or simplified samples lie near everything, T and H alike. The
third is not, but needs enough held-out pictures, and is blind to a generator that copies only now and then. So a
generator is called a copier where the third and one of the others say so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import integer

from .cells import cell_of, k_means
from .moves import nearest_after_moves
from .ranks import binomial_below, mann_whitney, normal_below, run_below

LEVEL = 0.01
"""A p-value below this counts."""

CELL_COUNT = 10
"""Cells with fewer samples or held-out pictures than this are left out: the normal approximation fails there."""


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
    """Of every cell that counts: its share of H, how many samples and held-out pictures, z."""
    z_cells: float | None
    """C_T; None where no cell has enough on both sides."""
    p_cells: float | None
    """Of the worst cell, times the number of cells (Bonferroni)."""
    nearest_share: float
    """Share of samples nearer to T than any held-out picture is."""
    p_nearest: float
    whose_share: float
    """Share of samples whose nearest real picture is held out, equally near ones counted for H."""
    whose_expected: float
    p_whose: float

    @property
    def verdict(self) -> str:
        """ "copies", "near", "no sign" or "too few held-out pictures", see `explanation`."""
        near = min(self.p_nearer, self.p_nearest, 1.0 if self.p_cells is None else self.p_cells) < LEVEL
        if near and self.p_whose < LEVEL:
            return "copies"
        if not near:
            return "no sign"
        best = 2 * binomial_below(0, self.samples, self.whose_expected)
        return "near" if best < LEVEL else "too few held-out pictures"

    @property
    def explanation(self) -> str:
        """The verdict as a sentence."""
        near = "samples are nearer to training pictures than held-out ones are"
        return {
            "copies": f"copies: {near}, and nearer to those trained on than to those held out",
            "near": f"near: {near}, but as near to those held out as to those trained on. Smooth or simplified pictures "
            "are; so are those of a generator that copies only now and then: look at the nearest pairs",
            "no sign": "no sign of copies: samples are no nearer to training pictures than held-out ones are",
            "too few held-out pictures": f"undecided: {near}, and there are too few held-out pictures to tell copies "
            "from smooth pictures: give more samples or more held-out pictures",
        }[self.verdict]

    def to_mapping(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {**asdict(self), "verdict": self.verdict, "explanation": self.explanation}


def copying_test(
    training: Array,
    held_out: Array,
    samples: Array,
    *,
    shift: int = 0,
    mirror: bool = False,
    cells: int = 10,
    seed: int = 0,
) -> Copying:
    """Whether samples are copies of training pictures, see above.

    training, held_out, samples: pictures (N, H, W, C) or features (N, D), of one dtype; held_out must be of the kind
        that training is, and disjoint from it. Some hundreds of samples, and as many held-out pictures, at least.
    shift: pictures count as near if they are after moving up to so many pixels in each direction (all distances alike,
        so the tests stay valid): finds shifted copies, at (2·shift + 1)² times the cost.
    cells: of k-means on the training pictures; 0 for none.

    The p-values count samples as independent, given T and H; a generator that gives one picture again and again has
    fewer than it seems.

    Raises:
        ShapeError, TypeError, ValueError: sets of different kinds, or fewer than 10 samples or held-out pictures.
    """
    for name, part in (("held_out", held_out), ("samples", samples)):
        integer(f"number of {name}", len(part), CELL_COUNT)
    of_samples = nearest_after_moves(samples, training, shift, mirror).distances[:, 0]
    of_held_out = nearest_after_moves(held_out, training, shift, mirror).distances[:, 0]
    to_held_out = nearest_after_moves(samples, held_out, shift, mirror).distances[:, 0]
    z, p_nearer = mann_whitney(of_samples, of_held_out)
    table, z_cells, p_cells = _by_cells(training, held_out, samples, of_samples, of_held_out, cells, seed)
    nearest, whose = int((of_samples < of_held_out.min()).sum()), to_held_out <= of_samples
    expected = len(held_out) / (len(held_out) + len(training))
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
        whose_expected=expected,
        p_whose=_held_out_too_rarely(whose, np.minimum(of_samples, to_held_out), expected),
    )


def _held_out_too_rarely(whose: Array, distances: Array, expected: float) -> float:
    """The p-value of `whose`: of all samples, and of the tenth nearest to any real picture, whichever is smaller,
    twice.

    Which are nearest to T and H together does not depend on which is which, so the tenth is as good a set as any.
    """
    tenth = np.argsort(distances, kind="stable")[: max(1, len(distances) // 10)]
    return min(1.0, 2 * min(binomial_below(int(part.sum()), len(part), expected) for part in (whose, whose[tenth])))


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
