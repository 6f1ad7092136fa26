"""What the page asks, answered as the library itself does; and what it may not ask."""

import io
import json
import os
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import TOKEN, ask, check_command_serves
from PIL import Image

import gan_np as gn
from gan_np.explore.app import application
from gan_np.explore.explorer import Explorer
from gan_np.explore.known import has_factors, known_of, learn
from gan_np.explore.memory import verdict_of
from gan_np.explore.server import address_of, listening_at, serve
from gan_np.latent import read_directions
from gan_np.metrics.appearance import appearance


@pytest.fixture(scope="module")
def apps(runs: dict[str, Path]) -> dict[str, Any]:
    return {name: application([run], TOKEN, verdict=verdict_of) for name, run in runs.items()}


def pixels(body: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image).astype(int)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["dcgan", "conditional", "infogan", "gran", "lapgan"])
def test_the_image_of_a_seed_is_its_sample(apps: dict[str, Any], runs: dict[str, Path], name: str) -> None:
    found = ask(apps[name], "api/points", {"seeds": [3, 8]}).json
    asked = {
        "z": found["z"],
        "labels": found["labels"] if name == "conditional" else None,
        "seeds": [3, 8],
        "columns": 2,
    }
    drawn = ask(apps[name], "api/images", asked)
    assert drawn.headers["content-type"] == "image/png"
    model = gn.load(runs[name])
    images = model.of_seeds([3, 8])
    if name == "lapgan":  # whose samples draw z from another stream, as `gan-np traverse` does not
        decoders = [gn.latent.Decoder(model, seed) for seed in (3, 8)]
        images = (decoder(decoder.points(1, decoder.seed)) for decoder in decoders)
    expected = np.concatenate([image[0, :, :, 0] for image in images], axis=1)
    assert np.abs(pixels(drawn.body) - expected).max() <= 1


@pytest.mark.parametrize("name", ["gran", "lapgan"])
def test_a_model_that_draws_in_steps_shows_them(apps: dict[str, Any], name: str) -> None:
    z = ask(apps[name], "api/points", {"seeds": [5]}).json["z"]
    series = pixels(ask(apps[name], "api/series", {"z": z, "seed": 5}).body)
    image = pixels(ask(apps[name], "api/images", {"z": z, "seeds": [5]}).body)
    assert series.shape == (16, 32)
    assert np.abs(series[:, 16:] - image).max() <= 1
    assert np.abs(series[:, :16] - image).max() > 1


def test_directions_are_those_of_the_command_line(apps: dict[str, Any], runs: dict[str, Path]) -> None:
    factors = {factor["id"]: factor for factor in ask(apps["infogan"], "api/factors").json}
    assert {"code:1", "code:2", "principal:0", "closed-form:0", "axis:0"} <= set(factors)
    assert factors["code:2"]["set"]
    gan = gn.load(runs["infogan"], gn.GAN)
    np.testing.assert_allclose(factors["closed-form:1"]["vector"], gn.latent.closed_form(gan, 2)[1].vector, atol=1e-6)


def test_names_are_kept_and_nothing_else_is_written(
    apps: dict[str, Any], runs: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs["dcgan"], run)
    app = application([run], TOKEN)
    before = files_of(tmp_path)
    kept = ask(app, "api/keep", {"name": "smile", "vector": [3, 0, 4], "source": "seen"})
    assert kept.json[0]["id"] == "smile"
    np.testing.assert_allclose(read_directions(run)["smile"].vector, [0.6, 0, 0.8])
    z = ask(app, "api/points", {"seeds": [0, 1]}).json["z"]
    walked = ask(app, "api/walk", {"stops": z, "frames": 4, "ending": "gif"})
    with Image.open(io.BytesIO(walked.body)) as image:
        assert image.n_frames == 4
    assert ask(app, "api/nearest", {"z": z[:1], "count": 2}).status == 200
    after = files_of(tmp_path)
    assert set(after) - set(before) == {str(run / "directions.toml")}
    assert all(after[path] == was for path, was in before.items())
    for name in ("", "../up", "label", "a=b", "x" * 101):
        refused = ask(app, "api/keep", {"name": name, "vector": [1, 0, 0]})
        if name != "../up":  # a name in the file, and no path
            assert refused.status == 400, name
    assert set(files_of(tmp_path)) == set(after)
    assert ask(app, "api/walk", {"stops": z, "frames": 4, "ending": "/../x"}).status == 400


@pytest.mark.parametrize(
    "name", ["../config.toml", "..%2fconfig.toml", "/etc/passwd", "app.js/../index.html", "ort.wasm.gz", "api/../x"]
)
def test_no_other_file_can_be_asked_for(apps: dict[str, Any], name: str) -> None:
    assert ask(apps["dcgan"], name, method="GET").status == 404


def test_the_page_itself(apps: dict[str, Any]) -> None:
    assert b'src="app.js"' in ask(apps["dcgan"], "", method="GET").body
    assert ask(apps["dcgan"], "app.js", method="GET").headers["content-type"].startswith("text/javascript")
    assert ask(apps["dcgan"], "api/info", method="GET").status == 405, "what a link or an image would ask with"


def test_a_grid_that_is_a_link_out_of_the_run_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    run, secret = tmp_path / "run", tmp_path / "secret.png"
    shutil.copytree(runs["dcgan"], run)
    Image.new("L", (4, 4)).save(secret)
    app = application([run], TOKEN)
    assert ask(app, "api/grid", {"step": 2}).headers["content-type"] == "image/png"
    (run / "samples" / "step-000002.png").unlink()
    os.symlink(secret, run / "samples" / "step-000002.png")
    refused = ask(app, "api/grid", {"step": 2})
    assert refused.status == 400
    assert "out of the run" in refused.json["error"]
    for step in (-1, 77, "../../secret", None, 1.5):
        assert ask(app, "api/grid", {"step": step}).status in (400, 404)
    assert ask(app, "api/grid", {"step": 1, "run": 1}).status == 400


def test_what_is_uploaded_is_decoded_as_data_are(apps: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(apps["dcgan"], "api/invert", b"%PDF-1.4").status == 400
    assert ask(apps["dcgan"], "api/invert", b"x" * ((8 << 20) + 1)).status == 413
    large = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(large, "PNG")  # 400 million pixels in a few kilobytes
    bomb = ask(apps["dcgan"], "api/invert", large.getvalue())
    assert (bomb.status, "image" in bomb.json["error"]) == (400, True)
    assert ask(apps["lapgan"], "api/invert", b"").status == 400


def test_an_image_of_its_own_is_found_again(apps: dict[str, Any]) -> None:
    asked = {"z": ask(apps["conditional"], "api/points", {"seeds": [1]}).json["z"], "labels": [2]}
    image = ask(apps["conditional"], "api/images", asked).body
    found = ask(apps["conditional"], "api/invert?label=2", image).json
    assert found["distance"] < 0.01
    assert len(found["z"]) == 3
    assert ask(apps["conditional"], "api/invert?label=9", image).status == 400


@pytest.mark.parametrize(
    "asked",
    [
        b"[]",
        b"{",
        {"z": []},
        {"z": [[0, 0]]},
        {"z": [[0, 0, "1"]]},
        {"z": [[0, 0, 1e9]]},
        {"z": [[0, 0, None]]},
        {"z": [[0, 0, 0]] * 401},
        {"z": [[0, 0, 0]], "columns": 0},
        {"z": [[0, 0, 0]], "seeds": [-1]},
        b'{"z": [[0, 0, NaN]]}',
        b'{"z": [[0, 0, 1' + b"0" * 400 + b"]]}",
    ],
)
def test_requests_that_are_none_are_refused_in_words(apps: dict[str, Any], asked: Any) -> None:
    refused = ask(apps["dcgan"], "api/images", asked)
    assert refused.status == 400
    assert ": expected" in refused.json["error"]


def test_the_nearest_training_image_of_a_training_image(runs: dict[str, Path], data: Path) -> None:
    from gan_np.explore.memory import Memory

    training = np.load(data)["x_train"]
    images, distances, numbers = Memory(runs["dcgan"]).nearest(training[7:8], 3)
    assert (numbers[0], distances[0]) == (7, 0)
    assert np.array_equal(images[0], training[7])


def test_the_verdict_is_that_of_the_test_for_copies(apps: dict[str, Any]) -> None:
    found = ask(apps["dcgan"], "api/verdict").json
    assert found["verdict"] in ("no sign", "near", "copies", "too few", "other source")
    assert found["explanation"]


def test_the_verdict_is_asked_for_once_at_a_time(runs: dict[str, Path]) -> None:
    begun, going = threading.Event(), threading.Event()

    def slow(run: str) -> dict[str, str]:
        begun.set()
        going.wait(30)
        return {"explanation": run}

    app, found = application([runs["dcgan"]], TOKEN, verdict=slow), []
    first = threading.Thread(target=lambda: found.append(ask(app, "api/verdict")))
    first.start()
    begun.wait(30)
    assert "running already" in ask(app, "api/verdict").json["error"]
    assert ask(app, "api/images", {"z": [[0, 0, 0]]}).status == 200, "images are made meanwhile"
    going.set()
    first.join(30)
    assert found[0].json["explanation"] == str(runs["dcgan"])


def test_a_run_whose_data_are_gone_says_so_and_its_images_go_on(runs: dict[str, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs["dcgan"], run)
    settings = (run / "config.toml").read_text()
    (run / "config.toml").write_text(settings.replace("tiny.npz", "gone.npz"))
    app = application([run], TOKEN)
    refused = ask(app, "api/nearest", {"z": [[0, 0, 0]]})
    assert (refused.status, "gone.npz" in refused.json["error"]) == (404, True)
    shutil.rmtree(run)
    assert ask(app, "api/images", {"z": [[0, 0, 0]]}).status == 200
    assert ask(app, "api/watch").json == [{"name": "run", "there": False}]
    assert ask(app, "api/keep", {"name": "smile", "vector": [1, 0, 0]}).status == 404
    assert not run.exists()


def test_what_a_direction_changes_is_measured(apps: dict[str, Any], runs: dict[str, Path]) -> None:
    found = ask(apps["dcgan"], "api/effects", {"directions": ["axis:0", "principal:1"]}).json
    assert found["factors"][:2] == ["brightness", "contrast"]
    assert found["learnt"] is None
    decoder = gn.latent.Decoder(gn.load(runs["dcgan"]))
    expected = gn.metrics.effects(
        decoder,
        decoder.points(128, 2),
        {"axis:0": np.eye(3)[0]},
        lambda images: appearance(images)[0],
        found["factors"],
    )
    np.testing.assert_allclose(found["directions"]["axis:0"]["sizes"], expected.sizes[0], atol=1e-3)
    for wrong in (
        {},
        {"directions": []},
        {"directions": ["axis:9"]},
        {"directions": ["axis:0"] * 5},
        {"directions": [1]},
    ):
        assert ask(apps["dcgan"], "api/effects", wrong).status == 400
    assert ask(apps["infogan"], "api/effects", {"directions": ["code:1"]}).status == 200
    assert ask(apps["ring"], "api/effects", {"directions": ["axis:0"]}).status == 400


def brightness(images: np.ndarray) -> np.ndarray:
    return images.astype(float).mean(axis=(1, 2, 3))[:, None]


def test_directions_of_classes_and_factors_are_found_by_reading_samples(runs: dict[str, Path]) -> None:
    middle = float(np.median(brightness(gn.load(runs["dcgan"]).sample(2000, 0))))

    def sides(images: np.ndarray) -> np.ndarray:
        return np.concatenate([middle - brightness(images), brightness(images) - middle], axis=1)

    readers: dict[str, Any] = {
        "class:light": (sides, ("class=dark", "class=light"), [0.5, 0.5]),
        "factor:light": (brightness, ("light",), [0.5]),
    }
    for name, reader in readers.items():
        app = application([runs["dcgan"]], TOKEN, learn=lambda _, reader=reader: reader)
        assert name not in {factor["id"] for factor in ask(app, "api/factors").json}
        factors = {factor["id"]: factor for factor in ask(app, "api/learn").json}
        assert factors[name]["group"] == name.partition(":")[0]
        decoder = gn.latent.Decoder(gn.load(runs["dcgan"]))
        z = decoder.points(400, 5)
        move = np.float32(2) * np.array(factors[name]["vector"], np.float32)
        assert (brightness(decoder(z + move)) - brightness(decoder(z - move))).mean() > 0.2
        measured = ask(app, "api/effects", {"directions": [name, "axis:1"]}).json
        assert measured["learnt"]["explained"] == reader[2]
        assert measured["factors"][-1] == ("class" if "class" in name else "light")
    conditional = application([runs["conditional"]], TOKEN, learn=lambda _: readers["class:light"])
    groups = {factor["group"] for factor in ask(conditional, "api/learn").json}
    assert "class" not in groups, "z does not know the class that a label gives"


def test_what_is_known_of_the_data_is_read_by_a_network(runs: dict[str, Path], data: Path, tmp_path: Path) -> None:
    known = known_of(runs["dcgan"])
    assert known.names == ("class=0", "class=1", "class=2")
    found = learn(str(runs["dcgan"]), str(tmp_path), steps=2)
    assert (len(found["explained"]), (tmp_path / "reader.safetensors").exists()) == (3, True)

    def with_data(name: str, **arrays: Any) -> Path:
        with np.load(data) as file:
            np.savez(tmp_path / f"{name}.npz", x_train=file["x_train"], x_test=file["x_test"], **arrays)
        shutil.copytree(runs["dcgan"], tmp_path / name)
        settings = (tmp_path / name / "config.toml").read_text().replace(str(data), str(tmp_path / f"{name}.npz"))
        (tmp_path / name / "config.toml").write_text(settings)
        return tmp_path / name

    pose = np.linspace(-1, 1, 40, dtype=np.float32)
    factors = {"factors_train": np.stack([pose, np.ones(40)], axis=1), "factor_names": np.array(["pose", "same"])}
    run = with_data("faces", **factors)
    known = known_of(run)
    assert (has_factors(run), known.names) == (True, ("pose",)), "what is the same in all images is no factor"
    with np.load(data) as file:
        rows = [int(np.argmin(np.abs(pose - value))) for value in known.values[:, 0]]
        np.testing.assert_array_equal(known.images, file["x_train"][rows])
    with pytest.raises(ValueError, match=r"factors_train: expected \(40, 2\)"):
        known_of(with_data("short", factors_train=np.ones((7, 2)), factor_names=factors["factor_names"]))
    with pytest.raises(ValueError, match="no images with labels"):
        known_of(with_data("bare"))


def test_points_of_the_plane_are_kept_at_each_drawing(
    apps: dict[str, Any], runs: dict[str, Path], tmp_path: Path
) -> None:
    assert ask(apps["ring"], "api/watch").json[0]["planes"] == [0, 1, 2, 3]
    moment = ask(apps["ring"], "api/plane", {"step": 2, "run": 0}).json
    assert (moment["step"], len(moment["samples"]), len(moment["data"])) == (2, 600, 80)
    now = ask(apps["ring"], "api/plane").json
    last = ask(apps["ring"], "api/plane", {"step": 3}).json
    np.testing.assert_allclose(last["samples"], now["samples"], atol=2e-4)
    np.testing.assert_allclose(last["lattice"], now["lattice"], atol=2e-4)
    run = tmp_path / "run"
    shutil.copytree(runs["ring"], run)
    app = application([run], TOKEN)
    (run / "samples" / "plane-000001.npz").write_bytes(b"PK damaged")
    np.savez(
        run / "samples" / "plane-000002.npz",
        **dict.fromkeys(("samples", "real", "box", "field", "lattice"), np.ones(3)),
    )
    shutil.move(run / "samples" / "plane-000003.npz", tmp_path / "other.npz")
    os.symlink(tmp_path / "other.npz", run / "samples" / "plane-000003.npz")
    for step, said in ((1, "not the moment"), (2, "expected float32"), (3, "out of the run"), (9, "")):
        refused = ask(app, "api/plane", {"step": step})
        assert refused.status in (400, 404)
        assert said in refused.json["error"]


def test_an_answer_is_sent_at_once() -> None:
    with (
        listening_at("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_watching_reads_on_and_takes_back(runs: dict[str, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs["dcgan"], run)
    app, log = application([run, runs["lapgan"]], TOKEN), run / "log.jsonl"

    def look() -> dict[str, Any]:
        return ask(app, "api/watch").json[0]

    first = look()
    assert (first["step"], first["curves"]["d_loss"][0], first["training"]) == (3, [1, 2, 3], False)
    assert first["grids"] == [0, 1, 2, 3]
    assert first["settings"]["data"].endswith("tiny.npz")
    with log.open("a") as file:
        file.write('{"step": 4, "d_loss": 1.5, "g_loss": NaN, "seconds": 9}\nnot a line\n{"step": 5, "d_lo')
    assert look()["curves"]["d_loss"][0] == [1, 2, 3, 4]
    assert look()["curves"]["g_loss"][0] == [1, 2, 3], "what is not finite is no point of a curve"
    with log.open("a") as file:
        file.write('ss": 2.5, "g_loss": 1, "seconds": 10}\n')
    assert look()["curves"]["d_loss"][1][-2:] == [1.5, 2.5]
    with log.open("a") as file:
        file.write(json.dumps({"step": 4, "d_loss": 0.5, "g_loss": 1, "seconds": 8}) + "\n")
    assert look()["curves"]["d_loss"][0] == [1, 2, 3, 4]
    log.write_text(json.dumps({"step": 1, "d_loss": 7, "g_loss": 1, "seconds": 1}) + "\n")
    assert look()["curves"]["d_loss"] == [[1], [7]]
    (run / ".lock-holder").write_text("1")
    assert look()["training"]
    names = [one["name"] for one in ask(app, "api/watch").json]
    assert names == ["run", "level-0-8x8", "level-1-16x16"], "a run of several stages is watched stage by stage"


def test_points_of_the_plane(apps: dict[str, Any], runs: dict[str, Path]) -> None:
    found = ask(apps["ring"], "api/plane").json
    gan = gn.load(runs["ring"], gn.GAN)
    np.testing.assert_allclose(found["samples"], gan.sample(600), atol=1e-4)
    field, (x0, x1, y0, y1) = np.array(found["field"]), found["box"]
    corner, _ = gan.examples(np.array([[x1, y0]], np.float32), None)
    assert field[0, -1] == pytest.approx(float(gan.discriminator(corner)[0, 0]), abs=1e-3)
    assert np.array(found["lattice"]).shape == (2, 21, 21, 2)
    assert found["data"] is None, "they were given in Python"
    assert (x1 > x0, y1 > y0) == (True, True)
    assert ask(apps["dcgan"], "api/plane").status == 400
    assert ask(apps["ring"], "api/images", {"z": [[0, 0, 0]]}).status == 400


def test_the_newest_checkpoint_is_opened_when_asked(runs: dict[str, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs["dcgan"], run)
    explorer = Explorer(run)
    assert (explorer.step, explorer.newest()) == (3, 3)
    gn.resume(run, steps=4, progress=False)
    assert (explorer.step, explorer.newest()) == (3, 4)
    explorer.open()
    assert explorer.step == 4


def test_the_address_has_the_token_and_is_of_this_machine_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert address_of(listening, TOKEN) == f"http://127.0.0.1:{listening.getsockname()[1]}/{TOKEN}/"


def test_without_the_extra_the_command_names_it(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ModuleNotFoundError, match=r"gan_np\[explore\]"):
        serve([runs["dcgan"]], browser=False)


def test_a_command_serves_until_it_is_interrupted(runs: dict[str, Path]) -> None:
    check_command_serves(["explore", str(runs["dcgan"])], "app.js")
