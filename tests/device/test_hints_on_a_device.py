"""Hints on a pretended GPU: the CPU's measurements, beside a captured graph, and no waits but for them."""

import json

import pytest

import gan_np as gn
from gan_np.runs import hinting

OPTIONS = {
    "batch_size": 8,
    "steps": 9,
    "sample_every": 0,
    "checkpoint_every": 0,
    "animation": False,
    "sample_count": 4,
}


def records(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_captured_training_is_measured_and_goes_on_as_it_was(capturing, images, tmp_path, monkeypatch):
    monkeypatch.setattr(hinting, "HINTS", {})
    runs = {}
    for name, every in (("measured", 6), ("not measured", 1000)):
        monkeypatch.setattr(hinting, "EVERY", every)
        gan = gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4, device="cuda")
        waits = []
        trainer = gn.train(
            gan,
            images,
            out=tmp_path / name,
            device="cuda",
            progress=False,
            callbacks=[lambda trainer, step, waits=waits: waits.append(len(capturing.synchronisations))],
            **OPTIONS,
        )
        assert trainer.captured
        runs[name] = trainer, waits, records(tmp_path / name)
    (one, waits, lines), (other, unmeasured_waits, unmeasured) = runs.values()
    assert (one.gan.generator.parameters.values == other.gan.generator.parameters.values).all()
    assert [line["step"] for line in lines if "sample_spread" in line] == [6]
    assert all("g_gradient_norm" in line for line in lines if "sample_spread" in line)
    assert [line["d_loss"] for line in lines] == [line["d_loss"] for line in unmeasured]
    assert len(set(waits[:5])) == 1
    assert len(set(waits[5:8])) == 1
    assert len(set(unmeasured_waits[:-1])) == 1


@pytest.mark.usefixtures("reference_products")
def test_the_measurements_are_the_cpus(standin, images, tmp_path, monkeypatch):
    monkeypatch.setattr(hinting, "HINTS", {})
    monkeypatch.setattr(hinting, "EVERY", 3)
    found = []
    for device in ("cpu", "cuda"):
        gan = gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4, device=device)
        gn.train(gan, images, out=tmp_path / device, device=device, graph=False, progress=False, **OPTIONS)
        found.append([line["g_gradient_norm"] for line in records(tmp_path / device) if "g_gradient_norm" in line])
    assert len(found[0]) == 3
    assert all(abs(one - other) <= 1e-3 * one for one, other in zip(*found, strict=True))
