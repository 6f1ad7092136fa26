"""Runs of a moment, made once for all files here."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn

SMALL = {"steps": 3, "batch_size": 6, "sample_count": 4, "progress": False, "animation": False}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explored") / "tiny.npz"
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), np.uint8)
    np.savez(path, x_train=images[:40], y_train=np.arange(40) % 3, x_test=images[40:], y_test=np.arange(20) % 3)
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    dataset = gn.data.open(data)
    shape = (16, 16, 1)
    models = {
        "dcgan": gn.models.dcgan(shape, 3, width=2),
        "conditional": gn.models.conditional_dcgan(shape, 3, classes=3, width=2),
        "infogan": gn.models.infogan(shape, 3, categories=3, continuous=2, width=2),
        "gran": gn.models.gran(shape, 3, width=2, draw_steps=2),
        "lapgan": gn.models.lapgan(shape, 3, levels=1, hidden=8),
    }
    for name, model in models.items():
        labels = dataset.labels if name == "conditional" else None
        gn.train(
            model,
            dataset.data,
            labels=labels,
            out=root / name,
            data=str(data),
            **SMALL,
            sample_every=1 + 9 * (name in ("infogan", "gran", "lapgan")),
        )
    angles = np.arange(80) * np.pi / 4
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    gn.train(gn.models.mlp((2,), 3, hidden=8), points, out=root / "ring", **SMALL, sample_every=1)
    return {name: root / name for name in (*models, "ring")}
