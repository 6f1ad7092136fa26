"""The settings that any training has: their defaults, what they are for, and what their values may be."""

# The functions that make fields give immutable defaults.
# ruff: noqa: RUF009

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from gan_np.bounds import COUNT, Check, maybe, real, whole
from gan_np.data.hold_out import LARGEST_SHARE
from gan_np.schedules import Schedule

Scalar: TypeAlias = float | Schedule
"""A number, or a schedule; in a file and on the command line a schedule is text (`gan_np.expressions`)."""


def _option(default: Any, group: str, help: str, shown: str | None = None, *, some_data: bool = False) -> Any:
    """shown: the default in words, where it depends on other fields. some_data: it is for images, for vectors or for
    several processes alone, so a configuration that leaves it at its default does not mention it."""
    return dataclasses.field(
        default=default, metadata={"group": group, "help": help, "shown": shown, "some_data": some_data}
    )


@dataclass(frozen=True, init=False)
class Fields:
    """Fields of `Config`, in the groups and the order in which the command line lists them."""

    data: str = _option(
        "",
        "Data",
        "mnist-5k, mnist, fashion-mnist, cifar10, or the path of a folder or archive (.zip, .tar, .tar.gz) of images, an "
        ".npy, .npz, IDX, .parquet or .csv file.",
        shown="mnist-5k",
    )
    labels: str = _option(
        "",
        "Data",
        "A file of labels in place of the data's own: for images in a folder or archive a .csv of file names and labels, or "
        "StyleGAN's dataset.json; for others a .csv with a label for each row, in order.",
    )
    image_size: int | str | None = _option(
        None, "Data", "Resize images to squares of this side, or to HEIGHTxWIDTH, as in 48x32."
    )
    fit: Literal["crop", "pad", "stretch"] = _option(
        "crop", "Data", "Images of other proportions: cut the sides, fill up with black, or stretch.", some_data=True
    )
    channels: Literal[1, 3, 4] | None = _option(None, "Data", "Convert images to grey (1), RGB (3) or RGBA (4).")

    value_range: str | None = _option(
        None,
        "Data",
        "LOW..HIGH: the values that are black and white, as in 0..4095 (bytes: as they are; others: by a rule).",
    )
    data_dtype: Literal["uint8", "float32"] = _option(
        "uint8",
        "Data",
        "float32: images of 16 bits or floats keep all they have, as floats from 0 to 1.",
        some_data=True,
    )
    layout: Literal["NHWC", "NCHW"] | None = _option(
        None,
        "Data",
        "Arrays of images: channels last (NHWC) or first (NCHW); none: last, and doubtful shapes are refused.",
    )
    standardise: bool = _option(
        True,
        "Data",
        "Vectors: show the networks each column with mean 0 and deviation 1; samples have the data's units.",
        some_data=True,
    )
    split: Literal["train", "all"] = _option(
        "train", "Data", "all: folders called train, test, … are no parts of the data set but classes."
    )
    hold_out: float = _option(
        0.0,
        "Data",
        "Keep this share of the data back from training (0.1: a tenth, of each label its share), for evaluate and "
        "neighbours; the same part whatever the seed.",
    )
    skip_broken: bool = _option(False, "Data", "Leave out image files that cannot be read, with a warning.")
    flip: bool = _option(False, "Data", "Mirror each real image left to right with probability one half.")
    model: str = _option(
        "dcgan", "Model", "The pair of networks; its own options are listed by --model NAME --help.", shown="dcgan"
    )
    init_from: str = _option(
        "", "Model", "Start with the networks of this run or checkpoint, in place of new ones; all else starts afresh."
    )
    objective: Any = _option("non-saturating", "Game", "What the players minimise; with arguments: NAME(…).")
    d_steps: int = _option(1, "Game", "k: updates of D for each update of G.")
    r1: Scalar = _option(
        0.0, "Game", "γ of the penalty γ/2·E‖∇D(x)‖² on real images; needs a D without batch statistics."
    )
    penalties: Any = _option("", "Game", "Penalties on D's slope, as in: r1(10), r2(10), wasserstein(10).")
    clip_weights: Scalar | None = _option(None, "Game", "Keep every weight of D within ± this (wasserstein: 0.01).")
    instance_noise: Scalar = _option(
        0.0, "Game", "Gaussian noise of this deviation on all that D sees, falling to 0 over the training."
    )
    instance_noise_steps: int | None = _option(
        None,
        "Game",
        "Steps over which instance noise falls to 0, if other than steps (a run that goes on for longer keeps its own).",
    )
    share_noise: bool = _option(False, "Game", "G learns from D's last fake batch instead of a fresh one (faster).")

    optimizer: str = _option("adam", "Optimiser", "For both players.")
    g_optimizer: Any = _option("", "Optimiser", "For G alone, with its learning rate: rmsprop(cosine(5e-5, 0, 1000)).")
    d_optimizer: Any = _option("", "Optimiser", "For D alone, with its learning rate.")
    g_learning_rate: Scalar | None = _option(None, "Optimiser", "Learning rate of G.", shown="2e-3; of vectors 1e-3")
    d_learning_rate: Scalar | None = _option(None, "Optimiser", "Learning rate of D.", shown="5e-4; of vectors 1e-3")
    learning_rate_decay: float = _option(1.0, "Optimiser", "Divide both rates by this at every update (1: never).")
    average_decay: Scalar = _option(0.998, "Optimiser", "Decay of the average of G's weights (0: none).")

    steps: int = _option(2500, "Training", "Updates of G.")
    batch_size: int = _option(32, "Training", "Images in each batch.")
    seed: int = _option(0, "Training", "Of weights, data order and noise: same seed, same bits.")
    kernels: str = _option("", "Training", "Force kernels by name: operation=kernel,… (kept with the run).")
    tuned: str = _option("", "Training", "A file of gan-np tune: which kernels are fastest here (kept with the run).")
    device: str = _option("cpu", "Training", "cpu, cuda or cuda:N.")
    precision: Literal["float32", "tf32", "bf16"] = _option(
        "float32",
        "Training",
        "On a GPU: what products of matrices round their factors to, for tensor cores (weights stay in float32).",
    )
    graph: bool = _option(True, "Training", "On a GPU: capture the step as a CUDA graph, where that can be done.")
    sync_batch_norm: Literal["on", "off"] = _option(
        "on",
        "Training",
        "Of several processes: batch statistics over the whole batch, as one process has them; off: each over its own part, "
        "so that the result depends on how many there are.",
        some_data=True,
    )

    sample_every: int = _option(250, "Output", "Steps between sample grids (0: none).")
    sample_count: int = _option(64, "Output", "Images in a grid (of vectors at least 1,000 are drawn).")
    log_every: int = _option(1, "Output", "Steps between lines in the log.")
    log_norms: bool = _option(False, "Output", "Log the norm of each layer's gradient and weights too.")
    checkpoint_every: int = _option(500, "Output", "Steps between checkpoints (0: only at the end).")
    keep: int = _option(2, "Output", "How many of the newest checkpoints are kept, beside the best.")
    evaluate_every: int = _option(
        0, "Output", "Steps between evaluations, written to the log and drawn in evaluation.png (0: none)."
    )
    evaluate_count: int = _option(1000, "Output", "Samples in an evaluation, and as many real images.")
    classifier: str = _option(
        "", "Output", "A file of gan-np train-classifier whose features evaluations read (without it: pixels)."
    )
    tensorboard: bool = _option(False, "Output", "Write TensorBoard event files too (needs tensorboardX).")
    animation: bool = _option(True, "Output", "Write training.gif from the sample grids at the end.")


_STEPS, _EVERY, _HUGE = whole(1, COUNT), whole(0, COUNT), 1e30

BOUNDS: dict[str, Check] = {
    "hold_out": real(0.0, LARGEST_SHARE),
    "d_steps": whole(1, 1 << 20),
    "r1": real(0.0, _HUGE),
    "clip_weights": maybe(real(most=_HUGE, above=0.0)),
    "instance_noise": real(0.0, _HUGE),
    "instance_noise_steps": maybe(_STEPS),
    "g_learning_rate": maybe(real(most=_HUGE, above=0.0)),
    "d_learning_rate": maybe(real(most=_HUGE, above=0.0)),
    "learning_rate_decay": real(1.0, _HUGE),
    "average_decay": real(0.0, 1.0),
    "steps": _STEPS,
    "batch_size": whole(2, 1 << 24),
    "seed": whole(0, (1 << 128) - 1),
    "sample_every": _EVERY,
    "sample_count": whole(1, 1 << 20),
    "log_every": _STEPS,
    "checkpoint_every": _EVERY,
    "keep": _STEPS,
    "evaluate_every": _EVERY,
    "evaluate_count": whole(20, 1 << 30),
}
"""What each number of a configuration may be; options have the bounds of the constructors that take them."""
