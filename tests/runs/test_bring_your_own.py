"""A GAN of one's own layers, objective and optimiser: trained, resumed, used from the command line by --import."""

import json
from pathlib import Path

import command_line
import numpy as np
import pytest

import gan_np as gn
from gan_np.runs import checkpoint
from gan_np.runs.about import read_about
from gan_np.runs.folder import read_config

MINE = '''
import numpy as np
import gan_np as gn


@gn.layers.register("swish")
class Swish(gn.Layer):
    """y = x·σ(x)."""

    def forward(self, variables, x, run):
        gate = 1 / (1 + np.exp(-x))
        return x * gate, lambda dy, wrt: dy * (gate + x * gate * (1 - gate))


@gn.objectives.register("squares")
class Squares(gn.objectives.SeparateObjective):
    """Scores aim at ±target.

    target: of real images; generated ones aim at the opposite.
    """

    def __init__(self, target: float = 1.0):
        self.target = target

    def real(self, logits):
        return gn.objectives.mean_loss((logits - self.target) ** 2, 2 * (logits - self.target))

    def fake(self, logits):
        return gn.objectives.mean_loss((logits + self.target) ** 2, 2 * (logits + self.target))

    def generator(self, fake, real=None):
        return self.real(fake)


@gn.models.register("mine")
def mine(image_shape, latent_dim: int = 3, *, units: int = 6, seed: int = 0, device: str = "cpu"):
    """One hidden layer each.

    latent_dim: size of z.
    units: of the hidden layers.
    """
    height, width, channels = image_shape
    pixels = gn.Dense(height * width * channels, activation="tanh")
    g = gn.Sequential(gn.Dense(units), Swish(), pixels, gn.Reshape(*image_shape))
    d = gn.Sequential(gn.Flatten(), gn.Dense(units), Swish(), gn.Dense(1))
    return gn.GAN(
        gn.Network(g, (latent_dim,), seed=seed, device=device),
        gn.Network(d, image_shape, seed=seed + 1, device=device),
        gn.models.Prior(latent_dim),
        "-1..1",
    )
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    np.save(folder / "images.npy", images)
    return folder


def cli(place: Path, *arguments: object) -> command_line.Done:
    return command_line.gan_np(*arguments, cwd=place)


def own_layers(seed: int = 0) -> gn.GAN:
    """Put together by hand from the library's layers: layer normalisation in the critic."""
    g = gn.Sequential(gn.Dense(32, activation="relu"), gn.Dense(64, activation="tanh"), gn.Reshape(8, 8, 1))
    d = gn.Sequential(gn.Flatten(), gn.Dense(16), gn.LayerNorm(), gn.LeakyReLU(), gn.Dense(1))
    return gn.GAN(gn.Network(g, (4,), seed=seed), gn.Network(d, (8, 8, 1), seed=seed + 9), gn.models.Prior(4), "-1..1")


SETTINGS = {
    "batch_size": 8,
    "objective": gn.objectives.Wasserstein(),
    "penalties": [gn.penalties.WassersteinGradientPenalty(10.0)],
    "g_optimizer": gn.RMSprop(gn.schedules.Cosine(1e-3, 1e-5, 8)),
    "d_optimizer": gn.RMSprop(gn.schedules.Cosine(1e-3, 1e-5, 8), decay=0.9),
    "sample_count": 4,
    "animation": False,
    "progress": False,
}


def test_by_hand_with_objects_stopped_and_resumed_to_the_same_bits(place: Path, tmp_path: Path) -> None:
    images = np.load(place / "images.npy")
    straight = own_layers()
    gn.train(straight, images, out=tmp_path / "straight", steps=6, **SETTINGS)

    def stop(trainer: gn.training.Trainer, step: object) -> None:
        if trainer.steps == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gn.train(own_layers(), images, out=tmp_path / "cut", steps=6, checkpoint_every=2, callbacks=[stop], **SETTINGS)
    trainer = gn.runs.resume(tmp_path / "cut", images=images, progress=False)
    assert trainer.steps == 6
    for one, other in (
        (straight.generator, trainer.gan.generator),
        (straight.discriminator, trainer.gan.discriminator),
    ):
        assert np.array_equal(one.parameters.values, other.parameters.values)


def test_its_run_says_what_it_was(place: Path, tmp_path: Path) -> None:
    images = np.load(place / "images.npy")
    gn.train(own_layers(), images, out=tmp_path / "run", steps=2, **SETTINGS)
    written = (tmp_path / "run" / "config.toml").read_text(encoding="utf-8")
    assert 'objective = "wasserstein"' in written
    assert 'penalties = "wasserstein"' in written
    assert 'g_optimizer = "rmsprop(learning_rate=cosine(0.001, 1e-05, 8))"' in written
    assert 'd_optimizer = "rmsprop(learning_rate=cosine(0.001, 1e-05, 8), decay=0.9)"' in written
    assert '\nmodel = ""\n' in written
    for absent in ("mnist", "latent_dim", "width", "\ndata", "beta1", "smoothing"):
        assert absent not in written
    about = read_about(tmp_path / "run")
    assert about is not None
    assert about["data"]["shape"] == [8, 8, 1]
    assert about["data"]["count"] == 40
    assert about["model"]["made_by"] == {}
    assert about["model"]["generator_parameters"] == 4 * 32 + 32 + 32 * 64 + 64
    assert about["sessions"][0]["versions"]["gan_np"] == gn.__version__
    shown = cli(place, "show", tmp_path / "run")
    assert "a GAN put together by hand on an array" in shown.stdout
    assert "40 of 8×8×1, uint8" in shown.stdout
    run, data = tmp_path / "run", place / "images.npy"
    for command in (
        ["sample", run, "--count", 4, "--out", tmp_path / "grid.png"],
        ["evaluate", run, "--data", data, "--count", 20, "--quiet"],
        ["train", "--resume", run, "--data", data, "--steps", 3, "--quiet"],
    ):
        done = cli(place, *command)
        assert done.returncode == 0, done.stderr
    assert len(read_about(tmp_path / "run")["sessions"]) == 2  # type: ignore[index]
    lacking = cli(place, "train", "--resume", tmp_path / "run", "--steps", 4)
    assert lacking.returncode == 0, "the place of the data is kept once it was said"


def test_a_model_of_one_s_own_by_import(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = (
        "train",
        "--model",
        "mine",
        "--units",
        5,
        "--objective",
        "squares",
        "--target",
        0.5,
        "--data",
        "images.npy",
    )
    small = ("--steps", 2, "--batch-size", 8, "--sample-count", 4, "--quiet", "--out", run)
    done = cli(place, *words, *small, "--import", "mine.py")
    assert done.returncode == 0, done.stderr
    config = (run / "config.toml").read_text(encoding="utf-8")
    assert 'model = "mine"' in config
    assert "units = 5" in config
    assert "target = 0.5" in config
    listed = cli(place, "train", "--import", "mine.py", "--model", "mine", "--objective", "squares", "--help").stdout
    assert "Options of model mine" in listed
    assert "Of the hidden layers." in listed
    assert "--draw-steps" not in listed
    resumed = ["train", "--resume", run, "--steps", 3, "--quiet"]
    for command in (["sample", run, "--count", 4], ["traverse", run, "--across", "axis:0"], resumed):
        without = cli(place, *command)
        assert without.returncode == 1
        said = " ".join(without.stderr.split())
        assert "needs layer 'swish'" in said or "got 'mine'" in said
        assert "--import FILE" in said
        done = cli(place, *command, "--import", "mine.py")
        assert done.returncode == 0, done.stderr


def test_import_says_what_is_wrong(place: Path) -> None:
    (place / "broken.py").write_text("import gan_np\n1 / 0\n", encoding="utf-8")
    for name, message in (("nowhere.py", "there is no file"), ("broken.py", "ZeroDivisionError")):
        done = cli(place, "sample", "run", "--import", name)
        assert done.returncode == 2
        assert message in " ".join(done.stderr.replace("│", " ").split())


def test_starting_from_another_run(place: Path, tmp_path: Path) -> None:
    first = gn.models.dcgan((8, 8, 1), 3, width=2)
    images = np.load(place / "images.npy")
    gn.train(
        first, images, out=tmp_path / "first", steps=2, batch_size=8, sample_count=4, animation=False, progress=False
    )
    start = ("train", "--data", "images.npy", "--init-from", tmp_path / "first", "--steps", 1, "--batch-size", 8)
    done = cli(place, *start, "--g-learning-rate", 1e-12, "--out", tmp_path / "second", "--no-animation")
    assert done.returncode == 0, done.stderr
    assert "optimisers, counts, noise and the order of the images start afresh" in " ".join(done.stderr.split())
    second = gn.load(tmp_path / "second")
    np.testing.assert_allclose(second.generator.parameters.values, first.generator.parameters.values, atol=1e-9)
    assert second.recipe["width"] == 2
    assert "width = 2" in (tmp_path / "second" / "config.toml").read_text(encoding="utf-8")
    wrong = cli(place, *start, "--width", 4, "--out", tmp_path / "third")
    assert wrong.returncode == 2


def test_options_of_the_model_have_no_place_in_train(place: Path) -> None:
    with pytest.raises(ValueError, match="width: is an option of the model; give it where the gan is made"):
        gn.train(own_layers(), np.load(place / "images.npy"), steps=1, width=3, progress=False)


def test_a_layer_that_is_not_registered_is_refused_before_any_work(place: Path, tmp_path: Path) -> None:
    class Own(gn.Layer):
        def forward(self, variables, x, run):
            return x, lambda dy, wrt: dy

    made = own_layers()
    gan = gn.GAN(
        gn.Network(gn.Sequential(made.generator.structure, Own()), (4,)), made.discriminator, made.prior, "-1..1"
    )
    with pytest.raises(TypeError, match=r"out: .*Own\(\) cannot be described"):
        gn.train(gan, np.load(place / "images.npy"), out=tmp_path / "run", steps=1, batch_size=8, progress=False)
    assert not (tmp_path / "run").exists()
    gn.train(gan, np.load(place / "images.npy"), steps=1, batch_size=8, progress=False)  # without a folder it may


def test_an_objective_that_is_not_registered_is_refused_before_any_work(place: Path, tmp_path: Path) -> None:
    class Own(gn.objectives.Hinge):
        pass

    settings = {"steps": 1, "batch_size": 8, "progress": False, "objective": Own()}
    with pytest.raises(TypeError, match=r"objective: Own\(\) cannot be written"):
        gn.train(own_layers(), np.load(place / "images.npy"), out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()
    gn.train(own_layers(), np.load(place / "images.npy"), **settings)


def test_an_older_run_has_options_of_all_models(place: Path, tmp_path: Path) -> None:
    gan = gn.models.dcgan((8, 8, 1), 3, width=2)
    gn.train(gan, np.load(place / "images.npy"), out=tmp_path / "run", steps=1, batch_size=8, progress=False)
    path = tmp_path / "run" / "config.toml"
    old = (
        path.read_text(encoding="utf-8").replace("format = 2\n", "")
        + "hidden = 1200\ncategories = 10\nmomentum = 0.0\n"
    )
    path.write_text(old, encoding="utf-8")
    config = read_config(tmp_path / "run")
    assert config.options["width"] == 2
    assert "hidden" not in config.options
    path.write_text("format = 2\n" + old, encoding="utf-8")
    with pytest.raises(ValueError, match="hidden: belongs to model 'dense' or model 'lapgan' or model 'mlp'"):
        read_config(tmp_path / "run")
    described = checkpoint.describe_file(checkpoint.all_of(tmp_path / "run")[-1])
    assert json.dumps(described["config"]).startswith('{"format": 2')


def few_images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)


@pytest.mark.parametrize("one", [gn.Adam(1e-3), gn.RMSprop(1e-3), gn.SGD(1e-3)], ids=["adam", "rmsprop", "sgd"])
def test_two_optimisers_and_nothing_else(one) -> None:
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    trainer = gn.train(
        gan, few_images(), steps=1, batch_size=4, progress=False, g_optimizer=one, d_optimizer=gn.Adam(2e-3)
    )
    assert type(trainer.g_optimizer) is type(one)


@pytest.mark.parametrize(
    "setting",
    [
        {"image_size": 16},
        {"init_from": "runs/a"},
        {"device": "cuda"},
        {"channels": 3},
        {"model": "mlp"},
        {"split": "all"},
    ],
    ids=lambda setting: str(*setting),
)
def test_settings_that_would_change_nothing_are_refused(setting) -> None:
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    with pytest.raises(ValueError, match=f"^{next(iter(setting))}: "):
        gn.train(gan, few_images(), steps=1, progress=False, **setting)


def test_options_that_are_lists_of_numbers() -> None:
    @gn.models.register("of-sizes")
    def of_sizes(image_shape, latent_dim: int = 4, *, sizes: tuple[int, ...] = (3, 2), needed: float):
        """sizes: of layers. needed: a number."""

    try:
        config = gn.runs.Config(model="of-sizes", sizes="4, 5", needed=1)
        assert (config.sizes, config.needed) == ((4, 5), 1.0)
        assert gn.runs.Config.from_file(config.to_file()) == config
        with pytest.raises(TypeError, match="sizes: expected a list of integers, got"):
            gn.runs.Config(model="of-sizes", sizes="a", needed=1)
        with pytest.raises(TypeError, match="needed: has no default"):
            gn.runs.Config(model="of-sizes")
    finally:
        gn.models.MODELS.unregister("of-sizes")


def test_a_layer_without_a_pullback_is_named() -> None:
    class Half(gn.Layer):
        def forward(self, variables, x, run):
            return x / 2

    with pytest.raises(TypeError, match=r"Half\(\): forward is to return \(output, pullback\)"):
        gn.Network(Half(), (3,))(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"penalties": "wasserstein(-1)"}, "^penalties: wasserstein: weight"),
        ({"g_learning_rate": "cosine(2e-3, 1e-4, 0)"}, "^g_learning_rate: cosine: updates"),
        ({"g_learning_rate": "linear(2e-3, -1, 10)"}, "^g_learning_rate at update 10"),
    ],
)
def test_what_is_wrong_in_a_text_is_told_of_its_setting(setting, words) -> None:
    with pytest.raises(ValueError, match=words):
        gn.runs.Config(**setting)


def test_a_rate_may_end_at_nothing() -> None:
    assert gn.runs.Config(g_learning_rate="linear(2e-3, 0, 10)").g_learning_rate(10) == 0
