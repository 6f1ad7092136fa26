"""`python -m benchmarks train_step`: numbers first, then times."""

import pytest


def test_it_measures_gan_np_alone(measured, tmp_path):
    image = tmp_path / "step.png"
    code, result, printed = measured("train_step", "--quick", "--peer", "none", "--plot", str(image))
    assert code == 0
    (run,) = result["runs"]
    (row,) = run["rows"]
    assert row["candidate"] == "gan_np"
    assert row["rounds"] == 2
    assert 0 < row["least_milliseconds"] <= row["milliseconds"]["median"]
    assert run["agreements"] == []
    assert run["preset"] == "mnist"
    assert run["setup"] == {
        "model": "dcgan",
        "image_shape": [28, 28, 1],
        "latent_dim": 64,
        "width": 8,
        "batch_size": 8,
        "share_noise": False,
        "average": False,
    }
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "ms a step" in printed


def test_with_processor_time_there_is_one_thread_and_rest_does_not_count(measured, monkeypatch):
    import time

    monkeypatch.setattr(time, "process_time", iter(range(1000)).__next__)
    options = "--quick", "--peer", "none", "--preset", "mnist-width1", "--processor-time"
    code, result, printed = measured("train_step", *options)
    assert code == 0
    assert result["threads"] == 1
    (row,) = result["runs"][0]["rows"]
    assert row["least_milliseconds"] == 1000  # two looks at that clock, one after the other
    assert "processor time" in printed


def test_without_pytorch_it_says_so(measured, monkeypatch):
    from benchmarks import peers

    monkeypatch.setattr(peers, "installed", lambda name: False)
    code, result, printed = measured("train_step", "--quick", "--repeats", "1")
    assert code == 0
    assert [row["candidate"] for row in result["runs"][0]["rows"]] == ["gan_np"]
    assert "PyTorch is not installed" in printed


@pytest.mark.parametrize(
    ("options", "variants"),
    [
        ("--preset mnist", 4),
        ("--preset mlp --share-noise --average", 2),
        ("--preset points", 2),
        ("--preset r3gan --image-shape 9,8,2 --width 4 --batch-size 3", 4),
        ("--preset dcgan64 --image-shape 20,12,3 --latent-dim 5 --width 4 --batch-size 3 --dtype float64", 4),
    ],
)
def test_a_step_of_pytorch_gives_the_same_numbers(measured, options, variants):
    pytest.importorskip("torch")
    code, result, printed = measured("train_step", "--quick", "--repeats", "1", *options.split())
    assert code == 0
    assert "DISAGREES" not in printed
    (run,) = result["runs"]
    peers = [row for row in run["rows"] if row["candidate"] != "gan_np"]
    assert len(peers) == variants
    assert sum(row["fastest_peer"] for row in peers) == 1
    agreements = run["agreements"]
    assert {agreement["name"] for agreement in agreements} == {row["candidate"] for row in peers}
    exact = [agreement for agreement in agreements if agreement["dtype"] == "float64"]
    assert exact
    assert all(agreement["gradients"] < 1e-10 and agreement["weights"] < 1e-9 for agreement in exact)


def test_all_presets_in_turn(measured, tmp_path, monkeypatch):
    from benchmarks import setups

    monkeypatch.setattr(setups, "PRESETS", {name: setups.PRESETS[name] for name in ("points", "mnist")})
    image = tmp_path / "all.png"
    arguments = ("--repeats", "1", "--peer", "none", "--preset", "all", "--plot", str(image))
    code, result, printed = measured("train_step", "--quick", *arguments)
    assert code == 0
    assert [(run["preset"], run["setup"]["batch_size"]) for run in result["runs"]] == [("points", 8), ("mnist", 8)]
    assert all(row["milliseconds"]["median"] > 0 for run in result["runs"] for row in run["rows"])
    assert "points: points 1×1×2" in printed
    assert image.read_bytes().startswith(b"\x89PNG")


def test_presets_are_those_that_are_compared():
    """The rows that the figures of speed in the README name."""
    from benchmarks.setups import PRESETS

    rows = {(preset.model, preset.image_shape, preset.width, preset.batch_size) for preset in PRESETS.values()}
    assert {("dcgan", (64, 64, 3), 64, batch) for batch in (64, 128)} <= rows
    assert {("dcgan", shape, width, 64) for shape in ((28, 28, 1), (32, 32, 3)) for width in (32, 64)} <= rows
    assert ("points", (1, 1, 2), 128, 512) in rows


def test_points_lie_on_their_ring():
    import numpy as np

    from benchmarks.points import CENTRES, RADIUS, ring

    points = ring(4000).reshape(-1, 2) / 127.5 - 1
    assert abs(np.linalg.norm(points, axis=1) - RADIUS).max() < 0.2
    sector = np.rint(np.arctan2(points[:, 1], points[:, 0]) * CENTRES / (2 * np.pi)).astype(int) % CENTRES
    assert np.bincount(sector, minlength=CENTRES).min() > 400


@pytest.mark.parametrize("spoil", ["learning rate", "images", "weights"])
def test_a_step_that_differs_ends_with_1(measured, monkeypatch, spoil):
    pytest.importorskip("torch")
    from benchmarks.peers.torch_gan import TorchGAN

    given = TorchGAN.given

    def spoiled(self, images, *noise):
        draws = given(self, images, *noise)
        if spoil == "images":
            return draws._replace(real=draws.real.flip(2))
        if spoil == "weights":
            self.generator.load(self.generator.read(lambda p: p)[::-1].copy())
        else:
            self.g_optimizer.param_groups[0]["lr"] *= 1.5
        return draws

    monkeypatch.setattr(TorchGAN, "given", spoiled)
    code, result, printed = measured("train_step", "--quick", "--repeats", "1")
    assert code == 1
    assert not any(agreement["holds"] for agreement in result["runs"][0]["agreements"])
    assert "DISAGREES" in printed


def test_weights_are_carried_over_and_back():
    torch = pytest.importorskip("torch")
    import numpy as np

    import gan_np as gn
    from benchmarks.peers.torch_layers import Translation

    gan = gn.models.dcgan(image_shape=(20, 13, 3), latent_dim=5, width=2, kernel_size=5, seed=3, dtype=np.float64)
    for network in (gan.generator, gan.discriminator):
        translation = Translation(network, torch.channels_last)
        np.testing.assert_array_equal(translation.read(lambda p: p), network.parameters.values)
    z = np.random.default_rng(0).standard_normal((4, 5))
    images = gan.generator.forward(z, training=True)[0]
    theirs = Translation(gan.generator, torch.contiguous_format).module(torch.from_numpy(z))
    np.testing.assert_allclose(theirs.detach().numpy().transpose(0, 2, 3, 1), images, atol=1e-12)


def test_a_layer_without_a_counterpart_is_refused():
    torch = pytest.importorskip("torch")
    import gan_np as gn
    from benchmarks.peers.torch_layers import Translation

    network = gn.Network(gn.Sequential(gn.Dense(3), gn.LayerNorm()), input_shape=(2,))
    with pytest.raises(TypeError, match="LayerNorm"):
        Translation(network, torch.contiguous_format)


def test_bytes_become_the_same_floats():
    torch = pytest.importorskip("torch")
    import numpy as np

    from benchmarks.peers.torch_gan import TorchGAN, variants
    from benchmarks.setups import Setup, make_trainer
    from gan_np.data.images import to_float

    trainer = make_trainer(Setup("dcgan", (8, 8, 1), 4, 4, 256), np.dtype(np.float64))
    opponent = TorchGAN(trainer, variants(trainer.gan)[0])
    drawn = opponent.draw()
    assert drawn.real.dtype == torch.float64
    assert drawn.d_noise.shape == drawn.g_noise.shape == (256, 4)
    ours = to_float(trainer.images, "-1..1", np.dtype(np.float64))
    theirs = drawn.real.numpy().transpose(0, 2, 3, 1)
    known = {image.round(9).tobytes() for image in ours}
    assert all(np.ascontiguousarray(image).round(9).tobytes() in known for image in theirs)
    rest = [opponent.draw().real for _ in range(len(ours) // 256 - 1)]
    seen = np.concatenate([theirs, *(part.numpy().transpose(0, 2, 3, 1) for part in rest)])
    np.testing.assert_allclose(np.sort(seen.sum(axis=(1, 2, 3))), np.sort(ours.sum(axis=(1, 2, 3))))  # each once
