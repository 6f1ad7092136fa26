"""Ways to break a kernel, one at a time, each of which the simulator must show."""

import re


def nth(pattern, number, replacement):
    """A change: one match of a pattern replaced."""

    def change(text):
        match = list(re.finditer(pattern, text))[number]
        return text[: match.start()] + replacement + text[match.end() :]

    return change


def without_barrier(number):
    """A change: one barrier removed."""
    return nth(BARRIER, number, "pass")


BARRIER = r"cuda\.syncthreads\(\)"
BROKEN = [
    # (what, module, change, the operation that shows it)
    ("product: barrier 0", "product", without_barrier(0), "dense"),
    ("product: barrier 1", "product", without_barrier(1), "dense"),
    ("columns: barrier 0", "columns", without_barrier(0), "batch_norm"),
    ("layer_norm: barrier 0", "layer_norm", without_barrier(0), "layer_norm"),
    ("layer_norm: barrier 1", "layer_norm", without_barrier(1), "layer_norm"),
    ("layer_norm: barrier 2", "layer_norm", without_barrier(2), "layer_norm"),
    ("updates: barrier 0", "updates", without_barrier(0), "adam"),
    ("updates: a flag that nobody reads", "updates", nth(r"skip\[0\] != 0", 0, "skip[0] == 99"), "sgd"),
    ("product: one too far along k", "product", nth(r"first \+ x < depth", 0, "first + x <= depth"), "dense"),
    ("product: a tile cut short", "product", nth(r"in range\(side\)", 0, "in range(side - 1)"), "dense"),
    ("product: one row too many", "product", nth(r"if row < rows and c", 0, "if row <= rows and c"), "dense"),
    ("columns: a row counted twice", "columns", nth(r"first \+ run, rows", 0, "first + run + 1, rows"), "batch_norm"),
    ("columns: half of the threads left out", "columns", nth(r"half = height // 2", 0, "half = height // 4"), "batch_norm"),
    ("resampling: a neighbour left out", "resampling", nth(r"row \+ 2", 0, "row + 1"), "upsample_bilinear"),
    ("resampling: a tap of the low-pass left out", "resampling", nth(r"2 \* row \+ 3", 0, "2 * row + 2"), "blur"),
    ("affine_sample: too small a reach", "affine_sample", nth(r"abs\(i00\) \+ abs\(i01\)", 0, "abs(i00)"), "affine_sample"),
    ("scaled_sum: another example's factor", "scaled_sum", nth(r"scale\[i // size\]", 0, "scale[0]"), "scaled_sum"),
    ("scaled_sum: a total without factors", "scaled_sum", nth(r"scale\[i // size\] \* x", 0, "x"), "scaled_sum"),
    ("philox: nine rounds", "philox", nth(r"range\(ROUNDS\)", 0, "range(9)"), "normal"),
    ("dropout: a word too many dropped", "dropout", nth(r"word >= least", 0, "word > least + least"), "dropout"),
    ("dropout: the mask's other half", "dropout", nth(r"kept\[i\] != 0", 0, "kept[i] == 0"), "dropout"),
    ("convolution: a pixel past the edge", "convolution", nth(r"y < height", 0, "y <= height"), "conv2d"),
    ("convolution: a stride forgotten", "convolution", nth(r"y % down == 0", 0, "y % 1 == 0"), "conv2d"),
]  # fmt: skip
