"""Watching layers: what each takes without those inside it; nothing is watched outside the block."""

import io
import time

import numpy as np
import pytest
from rich.console import Console

import gan_np as gn
from gan_np.cli.profile import _layers
from gan_np.layers.timing import LayerTimes, active, time_layers
from gan_np.training import Trainer
from gan_np.training.estimate import LayerLine, profile_steps


def network():
    inner = gn.Sequential(gn.Dense(4, activation="relu"), gn.Dense(3))
    return gn.Network(gn.Sequential(inner, gn.Dense(1)), (5,))


def test_forward_and_backward_of_each(rng):
    made, x = network(), rng.standard_normal((6, 5)).astype(np.float32)
    first, last = made.structure.layers
    with time_layers() as times:
        y, pullback = made.forward(x)
        pullback(y)
    assert active() is None
    for layer in (first, last, *first.layers):
        assert times.calls[id(layer), "forward"] == times.calls[id(layer), "backward"] == 1
        assert times.seconds[id(layer), "forward"] > 0
    made.forward(x)
    assert times.calls[id(last), "forward"] == 1


def test_numbers_do_not_change(rng):
    x = rng.standard_normal((6, 5)).astype(np.float32)
    plain, watched = network(), network()
    y, pullback = plain.forward(x)
    dx = pullback(y)
    with time_layers():
        other, pullback = watched.forward(x)
        np.testing.assert_array_equal(pullback(other), dx)
    np.testing.assert_array_equal(other, y)
    np.testing.assert_array_equal(watched.gradient.values, plain.gradient.values)


def test_what_is_inside_is_not_counted_twice(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    times = LayerTimes()

    def inner():
        now[0] += 2.0

    def outer():
        now[0] += 1.0
        times.timed("inner", "forward", inner)
        now[0] += 0.5

    times.timed("outer", "forward", outer)
    assert times.seconds[id("outer"), "forward"] == 1.5
    assert times.seconds[id("inner"), "forward"] == 2.0


def test_a_step_by_layer():
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    found = profile_steps(Trainer(gan, images, batch_size=8), 2)
    assert {line.player for line in found.layers} == {"D", "G"}
    assert all(line.forward + line.backward > 0 for line in found.layers)
    assert sum(line.forward + line.backward for line in found.layers) < found.seconds
    convolutions = [line for line in found.layers if line.layer.startswith("Conv")]
    assert len({line.player for line in convolutions}) == 2


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_of_layers_keeps_its_numbers_on_a_narrow_terminal(width):
    """Only the names of layers are broken there, between words."""
    named = "ConvTranspose2d(16, 4, stride=2, padding=1, output_padding=1, bias=False)"
    lines = [LayerLine("G", "12.layer", named, 4, 0.01234, 0.05678), LayerLine("D", "0", "Flatten()", 4, 0.0, 0.0)]
    written = io.StringIO()
    Console(file=written, width=width).print(_layers(1.0, lines))
    printed = written.getvalue()
    assert max(map(len, printed.splitlines())) <= width
    for words in ("player", "12.layer", "12.34", "56.78", "6.9%", "output_padding=1,", "bias=False)"):
        assert words in printed
