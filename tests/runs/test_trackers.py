"""Callbacks for tracking services, against stand-ins with the calls of the real packages."""

import sys
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import MLflow, Tracker, Trackio, WeightsAndBiases

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
OPTIONS: dict[str, Any] = {"every": 2, "images_every": 3, "samples": 4}


class Image:
    def __init__(self, image: np.ndarray) -> None:
        assert image.dtype == np.uint8
        assert image.ndim == 2


class Standin:
    """Takes what wandb's module and run, trackio's and mlflow's modules take, and notes it."""

    Image = Image

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def init(self, project: str | None = None, name: str | None = None, config: Any = None, **more: Any) -> Any:
        self.said.append(("begin", project, name, config, more))
        return self

    def log(self, data: dict[str, Any], step: int | None = None) -> None:
        self.said.append(("image" if isinstance(next(iter(data.values())), Image) else "log", step, data))

    def finish(self) -> None:
        self.said.append(("end",))

    def set_experiment(self, experiment_name: str) -> None:
        self.experiment = experiment_name

    def start_run(self, run_name: str | None = None) -> None:
        self.run_name = run_name

    def log_params(self, params: dict[str, Any]) -> None:
        self.said.append(("begin", self.experiment, self.run_name, params, {}))

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.said.append(("log", step, metrics))

    def log_image(self, image: np.ndarray, artifact_file: str | None = None) -> None:
        assert artifact_file is not None
        self.said.append(("image", int(artifact_file[-10:-4]), {artifact_file.rsplit("/", 1)[0]: Image(image)}))

    def end_run(self) -> None:
        self.said.append(("end",))


def train(tracker: Tracker, steps: int = 6) -> None:
    gan = gn.models.mlp((8, 8, 1), 4, hidden=8)
    gn.train(gan, IMAGES, steps=steps, batch_size=4, callbacks=[tracker], progress=False)


@pytest.mark.parametrize("kind", [WeightsAndBiases, MLflow, Trackio])
def test_what_a_service_is_told(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    standin = Standin()
    monkeypatch.setitem(sys.modules, kind.package, standin)  # type: ignore[arg-type]
    more = {} if kind is MLflow else {"init": {"mode": "offline"}}
    with kind("digits", name="first", settings={"note": "small"}, **more, **OPTIONS) as tracker:
        train(tracker)
        assert ("end",) not in standin.said
    begin, *between, end = standin.said
    assert begin[:3] == ("begin", "digits", "first")
    assert begin[3]["batch_size"] == 4
    assert begin[3]["note"] == "small"
    assert begin[4] == more.get("init", {})
    assert [(told[0], told[1]) for told in between] == [("log", 2), ("image", 3), ("log", 4), ("log", 6), ("image", 6)]
    assert {"d_loss", "g_loss"} <= set(between[0][2])
    assert set(between[1][2]) == {"samples"}
    assert end == ("end",)


def test_stages_go_on_in_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    standin = Standin()
    monkeypatch.setitem(sys.modules, "trackio", standin)  # type: ignore[arg-type]
    with Trackio("digits", **{**OPTIONS, "images_every": 0}) as tracker:
        train(tracker, 2)
        train(tracker, 2)
    logged = [told for told in standin.said if told[0] == "log"]
    assert [told[1] for told in logged] == [2, 4]
    assert {"d_loss"} <= set(logged[0][2])
    assert {"stage-1/d_loss"} <= set(logged[1][2])
    assert [told[0] for told in standin.said].count("begin") == 1


@pytest.mark.parametrize("kind", [WeightsAndBiases, MLflow, Trackio])
def test_the_extra_is_named(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, kind.package, None)  # type: ignore[arg-type]
    with pytest.raises(ModuleNotFoundError, match=rf'pip install "gan_np\[{kind.extra}\]"'):
        kind("digits")


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="every: expected"):
        Tracker(every=-1)
