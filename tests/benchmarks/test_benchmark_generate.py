"""`python -m benchmarks generate`: the same images from all, or exit code 1."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.networks import folded


def test_it_measures_gan_np_alone(measured, tmp_path):
    image = tmp_path / "generate.png"
    code, result, printed = measured("generate", "--quick", "--peers", "none", "--plot", str(image))
    assert code == 0
    assert [(row["batch"], row["candidate"]) for row in result["rows"]] == [
        (batch, name) for batch in (1, 3) for name in ("gan_np", "gan_np, folded", "gan_np generate()")
    ]
    for row in result["rows"]:
        assert row["agrees"]
        assert row["error"] < 1e-5
        assert row["images_per_second"] == pytest.approx(row["batch"] / row["milliseconds"]["median"] * 1e3)
    assert result["rows"][0]["speed_of_gan_np"]["median"] == 1.0
    assert result["setup"]["image_shape"] == [64, 64, 3]
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "images/s" in printed


@pytest.mark.parametrize(("preset", "variants"), [("mnist", 2), ("mlp", 1)])
def test_pytorch_gives_the_same_pictures(measured, preset, variants):
    pytest.importorskip("torch")
    code, result, _ = measured("generate", "--quick", "--preset", preset, "--batches", "2", "--peers", "torch")
    assert code == 0
    rows = [row for row in result["rows"] if row["library"] == "torch"]
    assert len(rows) == variants**2
    assert all(row["agrees"] and row["error"] < 1e-5 for row in rows)
    assert sum(row["fastest_peer"] for row in rows) == 1


@pytest.mark.parametrize(
    "sizes", ["--preset mnist", "--preset dcgan64 --image-shape 20,13,3 --latent-dim 5", "--preset mlp"]
)
def test_onnxruntime_gives_the_same_pictures(measured, sizes):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    code, result, _ = measured("generate", "--quick", *sizes.split(), "--peers", "onnxruntime")
    assert code == 0
    rows = [row for row in result["rows"] if row["library"] == "onnxruntime"]
    assert rows
    assert all(row["agrees"] and row["error"] < 1e-5 for row in rows)


def test_without_peers_it_says_so(measured, monkeypatch):
    from benchmarks import peers

    monkeypatch.setattr(peers, "installed", lambda name: False)
    code, result, printed = measured("generate", "--quick", "--repeats", "1", "--batches", "2")
    assert code == 0
    assert {row["library"] for row in result["rows"]} == {"gan_np"}
    assert "torch not installed" in printed
    assert "onnx and onnxruntime not installed" in printed


def test_other_pictures_end_with_1(measured, monkeypatch):
    from benchmarks import generators

    def spoiled(network):
        other = network.sharing()
        with other.parameters.edit() as theta:
            theta *= 1.01
        return {"": network, ", folded": other}

    monkeypatch.setattr(generators, "variants", spoiled)
    code, result, printed = measured("generate", "--quick", "--peers", "none", "--batches", "2")
    assert code == 1
    assert [row["agrees"] for row in result["rows"]] == [True, False, True]
    assert "DISAGREES: gan_np, folded at batch 2" in printed


def test_folded_networks_compute_the_same(rng):
    layers = (
        gn.Conv2d(3, 3, padding=1),
        gn.BatchNorm(activation="leaky_relu"),
        gn.ConvTranspose2d(2, 4, stride=2, padding=1, bias=False),
        gn.BatchNorm(scale=False, activation="relu"),
        gn.Conv2d(2, 1, activation="relu"),
        gn.BatchNorm(affine=False),  # after an activation: it has to stay
        gn.Flatten(),
        gn.Dense(12, bias=False),
        gn.Reshape(2, 2, 3),
        gn.BatchNorm(),
    )
    network = gn.Network(gn.Sequential(*layers), (4, 3, 2), seed=1, dtype=np.float64)
    with network.parameters.edit() as theta, network.state.edit() as state:
        theta[:] = rng.standard_normal(len(theta))
        state[:] = rng.uniform(0.5, 2.0, len(state))
    x = rng.standard_normal((5, 4, 3, 2))
    other = folded(network)
    assert len(other.structure.layers) == len(layers) - 3
    np.testing.assert_allclose(other(x), network(x), rtol=1e-12, atol=1e-12)


def test_a_peer_that_nobody_knows_is_refused(capsys):
    from benchmarks.__main__ import main

    with pytest.raises(SystemExit):
        main(["generate", "--peers", "jax"])
    assert "expected some of torch, onnxruntime, or none, got 'jax'" in capsys.readouterr().err
