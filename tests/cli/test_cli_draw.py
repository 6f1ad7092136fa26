"""sample, walk, traverse and invert: what they write, what they refuse; the commands of docs/draw-and-animate.md."""

import functools
import operator
import re
import shlex
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import gan_np as gn
from gan_np import cli
from gan_np.cli import app
from gan_np.cli.commands import function_of
from gan_np.cli.seeds import parse_seeds
from gan_np.files import filling_folder
from gan_np.models import MODELS

EXPECTED = functools.reduce(operator.or_, cli.EXPECTED)
PAGE = Path(__file__).parents[2] / "docs" / "draw-and-animate.md"
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    for line in block.splitlines()
]


def gan_np(*arguments: object) -> tuple[int, str]:
    """The exit code, and what was said with line ends as spaces."""
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, EXPECTED | SystemExit):
        raise result.exception
    said = f" {result.exception}" if isinstance(result.exception, EXPECTED) else ""
    return result.exit_code, " ".join((result.output + said).replace("│", " ").split())


def make_run(model: str, out: Path, **options: object) -> Path:
    """A run of one step."""
    vectors = model == "vectors"
    shape = (3,) if vectors else (16, 16, 1)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(24, 3)).astype(np.float32) if vectors else rng.integers(0, 256, (24, *shape), np.uint8)
    labels = {"labels": np.arange(24) % 10, "class_names": [*"abcdefgh", "i/j", "k"]} if "classes" in options else {}
    gan = MODELS["mlp" if vectors else model](shape, 4, **options)
    settings = {"steps": 1, "batch_size": 8, "sample_every": 0, "animation": False, "progress": False}
    gn.train(gan, data, out=out, **labels, **settings)
    return out


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("draw")
    make_run("dcgan", root / "runs/digits", width=2)
    make_run("conditional-dcgan", root / "runs/by-label", width=2, classes=10)
    make_run("infogan", root / "runs/infogan", width=2, categories=3)
    make_run("gran", root / "runs/gran", width=2, draw_steps=2)
    make_run("lapgan", root / "runs/lapgan", width=2, levels=1, hidden=8)
    make_run("vectors", root / "runs/vectors", hidden=8)
    return root


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "runs").symlink_to(runs / "runs", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_the_page(here: Path) -> None:
    """On models of a moment, with classes a, b, … where the page has digits."""
    assert len(COMMANDS) > 15
    names = {"--label": "c", "--classes": "d,c,a", "--steps": "5"}
    for command in COMMANDS:
        given = [names.get(before, word) for before, word in zip(["", *command], command, strict=False)]
        if "--count" in given and int(given[given.index("--count") + 1]) > 100:
            given[given.index("--count") + 1] = "100"
        code, said = gan_np(*given[1:])
        assert code == 0, (command, said)
        assert Path(given[given.index("--out") + 1]).exists()


@pytest.mark.filterwarnings("ignore:.*little contrast")
def test_single_images(here: Path) -> None:
    for name in ("many", "many.zip", "many.npy", "many.npz"):
        assert gan_np("sample", "runs/digits", "--count", 70, "--seed", 1, "--out", name)[0] == 0
    wanted = gn.load("runs/digits").sample(70, seed=1)
    files = sorted(Path("many").iterdir())
    assert [file.name for file in files] == [f"{number:05}.png" for number in range(70)]
    np.testing.assert_array_equal(np.stack([np.asarray(Image.open(file)) for file in files]), wanted[..., 0])
    with zipfile.ZipFile("many.zip") as archive:
        assert archive.namelist() == [file.name for file in files]
        assert archive.read("00069.png") == files[69].read_bytes()
    np.testing.assert_array_equal(np.load("many.npy"), wanted)
    np.testing.assert_array_equal(gn.data.load("many.npz"), wanted)
    np.testing.assert_array_equal(gn.data.load("many.zip"), wanted)


def test_one_image_has_no_frame(here: Path) -> None:
    assert gan_np("sample", "runs/digits", "--count", 1, "--out", "one.png")[0] == 0
    assert gan_np("sample", "runs/digits", "--seeds", 0, "--out", "seed.png")[0] == 0
    with Image.open("one.png") as one, Image.open("seed.png") as seed:
        assert one.size == seed.size == (16, 16)
        assert one.tobytes() == seed.tobytes()


def test_labels(here: Path) -> None:
    assert gan_np("sample", "runs/by-label", "--by-class", "--count", 20, "--out", "by")[0] == 0
    assert sorted(path.name for path in Path("by").iterdir()) == ["8", *"abcdefgh", "k"]  # "i/j" would be a path
    assert [path.name for path in sorted(Path("by/c").iterdir())] == ["00004.png", "00005.png"]
    assert gan_np("sample", "runs/by-label", "--count", 70, "--out", "all.npz")[0] == 0
    with np.load("all.npz") as found:
        gan = gn.load("runs/by-label")
        np.testing.assert_array_equal(found["images"], gan.sample(70))
        np.testing.assert_array_equal(found["labels"], gan.labels.labels_of(gan.labels.drawn(70)))
    assert gan_np("sample", "runs/by-label", "--seeds", "4,2", "--out", "seeds.npz")[0] == 0
    with np.load("seeds.npz") as found:
        assert found["labels"].tolist() == [gan.label_of_seed(4), gan.label_of_seed(2)]


@pytest.mark.filterwarnings("ignore:.*little contrast")
def test_vectors(here: Path) -> None:
    wanted = gn.load("runs/vectors").sample(70)
    for name in ("v.csv", "v.npz", "v.npy"):
        assert gan_np("sample", "runs/vectors", "--count", 70, "--out", name)[0] == 0
        np.testing.assert_array_equal(gn.data.load(name).astype(np.float32), wanted)


def size_and_frames(path: str) -> tuple[tuple[int, int], int]:
    with Image.open(path) as opened:
        return opened.size, getattr(opened, "n_frames", 1)


@pytest.mark.parametrize("model", ["infogan", "gran", "lapgan"])
def test_every_model_walks_and_streams(here: Path, model: str) -> None:
    assert gan_np("walk", f"runs/{model}", "--frames", 6, "--zoom", 2, "--out", "w.gif")[0] == 0
    assert size_and_frames("w.gif") == ((32, 32), 6)
    assert gan_np("sample", f"runs/{model}", "--seeds", "1-3", "--truncation", 0.5, "--out", "s")[0] == 0
    assert len(list(Path("s").iterdir())) == 3


def test_walks(here: Path) -> None:
    assert gan_np("walk", "runs/infogan", "--classes", "all", "--frames", 6, "--out", "c.gif")[0] == 0
    assert gan_np("walk", "runs/digits", "--count", 4, "--frames", 3, "--zoom", 1, "--out", "four.apng")[0] == 0
    assert size_and_frames("four.apng") == ((38, 38), 3)
    assert (
        gan_np("walk", "runs/digits", "--seeds", "3,5", "--no-loop", "--frames", 4, "--zoom", 1, "--out", "s.apng")[0]
        == 0
    )
    with Image.open("s.apng") as opened:
        opened.seek(3)
        (last,) = gn.load("runs/digits").of_seeds([5])
        assert np.abs(np.asarray(opened.convert("L")).astype(int) - last[0, :, :, 0]).max() <= 1


def test_invert_and_go_on(here: Path) -> None:
    gan_np("sample", "runs/by-label", "--label", "c", "--count", 2, "--out", "two")
    code, said = gan_np(
        *("invert", "runs/by-label", "two/00000.png", "two/00001.png", "--label", "c", "--steps", 5, "--save", "c.npz")
    )
    assert code == 0, said
    assert "two/00001.png: its image differs by 0." in said
    found = gn.latent.read_points("c.npz", 4, np.dtype(np.float32))
    assert found.z.shape == (2, 4)
    assert found.labels is not None
    assert found.labels.tolist() == [2, 2]
    for command in ("traverse runs/by-label --across axis:0 --index 1", "walk runs/by-label --frames 4"):
        assert gan_np(*command.split(), "--from", "c.npz", "--out", "on.gif")[0] == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sample runs/digits --out x.foo", "images are written as single ones into a folder or a .zip"),
        ("sample runs/digits --out x.csv", ".csv is for vectors"),
        ("sample runs/vectors --out x", "vectors are written as .csv, .npy, .npz or .png"),
        ("sample runs/digits --out full", "full holds files already; expected the name of a new or an empty folder"),
        ("sample runs/digits --seeds 3,,4", "'--seeds': expected numbers and ranges as in 3,7,10-20, got '3,,4'"),
        ("sample runs/digits --seeds 3 --by-class", "'--seeds': say which images to draw"),
        ("sample runs/digits --truncation 1.5", "'--truncation': expected a number of at least 0"),
        ("sample runs/digits --truncation-bound 0", "'--truncation-bound': expected a number of at least 0.1"),
        ("sample runs/gran --steps --truncation 0.5", "'--truncation': changes z, which --steps draws by itself"),
        ("sample runs/gran --steps --out x", "'--out': --steps draws a grid; expected the name of an image"),
        ("sample runs/by-label --label z", "label: expected one of a (0), b (1), c (2)"),
        ("sample runs/digits --label 3", "label: this model is not conditional"),
        ("walk runs/digits --out x.avi", "the name of an animation ends in .gif, .webp, .apng, .mp4, got 'x.avi'"),
        ("walk runs/digits --fps 60 --out x.gif", "'--fps': a .gif shows at most 50 frames a second"),
        ("walk runs/digits --classes 1,2", "classes: need a conditional model"),
        ("walk runs/by-label --classes a,z", "classes: expected one of a (0), b (1)"),
        ("walk runs/digits --along smile --classes 1", "'--classes': says how the walk goes, and so does --along"),
        ("walk runs/digits --count 2 --seeds 1,2", "'--count': several walks go through random points"),
        (
            "walk runs/digits --along axis:0 --seeds 1,2",
            "'--seeds': --along changes one image; expected one point, got 2",
        ),
        ("walk runs/vectors", "gives vectors of 3 numbers, images are needed here"),
        ("walk runs/digits --from full/x.txt", "not an .npz file with z, as gan-np invert writes it"),
        ("traverse runs/digits --across axis:0 --out x.foo", "expected a name that ends in .apng, .mp4, .png"),
        ("traverse runs/digits --across axis:0 --frames 4", "'--frames': is of an animation"),
        ("traverse runs/digits --across axis:0 --columns 4 --out x.gif", "'--columns': an animation has none across"),
        ("neighbours runs/digits --out x.foo", "expected a name that ends in .png"),
        ("invert runs/digits full/x.txt", "x.txt: not an image that can be read"),
        ("sample runs/digits --seeds 1,2 --count 9", "'--count': --seeds says which images to draw"),
        ("sample runs/digits --seeds 1,2 --seed 0", "'--seed': --seeds says which images to draw"),
        ("sample runs/digits --columns 3 --out x", "'--columns': are those of a grid"),
        ("walk runs/digits --seeds 3", "'--seeds': a walk from one point alone goes nowhere"),
        ("walk runs/digits --seeds 3,4 --points 5", "'--points': are those of a walk through random points"),
        ("walk runs/digits --from z.npz --truncation 0.5", "'--truncation': changes z as it is drawn"),
        ("walk runs/digits --columns 2", "'--columns': are of several walks"),
        ("walk runs/digits --along axis:999", "along: 'axis:999': expected an integer of at least 0 and at most 3"),
        ("walk runs/digits --along nothing:0", "along: expected axis:N, principal:N"),
        ("traverse runs/digits --across axis:0 --down axis:9", "down: 'axis:9': expected an integer"),
        ("invert runs/digits a.png --out x.foo", "expected a name that ends in .png"),
        ("invert runs/digits a.png --save x.png", "'--save': points of z are kept in an .npz file"),
        ("invert runs/lapgan full/x.txt", "only a model of one stage can be inverted"),
        (
            "invert runs/by-label full/x.txt",
            "'--label': this model is conditional; expected the class of the images, one of",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(here: Path, command: str, words: str) -> None:
    (here / "full").mkdir()
    (here / "full" / "x.txt").write_text("no image")
    code, said = gan_np(*command.split())
    assert code in (1, 2)
    assert words in said
    assert sorted(path.name for path in here.iterdir()) == ["full", "runs"]
    assert [path.name for path in (here / "full").iterdir()] == ["x.txt"]


def test_a_folder_appears_whole_or_not_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = gn.GAN.sample_part
    calls = []

    def failing(self: gn.GAN, start: int, *rest: object, **options: object) -> object:
        calls.append(start)
        if start:
            raise OSError("no room")
        return made(self, start, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(gn.GAN, "sample_part", failing)
    for name in ("many", "many.zip", "many.npy"):
        code, said = gan_np("sample", "runs/digits", "--count", 100, "--out", name)
        assert (code, "no room" in said) == (1, True)
    assert calls == [0, 64] * 3
    assert [path.name for path in here.iterdir()] == ["runs"]


def test_an_empty_folder_that_is_there_stays_the_folder_that_it_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current one, or one behind a link."""
    (here / "place").mkdir()
    (here / "link").symlink_to("place")
    before = (here / "place").stat().st_ino
    assert gan_np("sample", "runs/digits", "--count", 2, "--out", "link")[0] == 0
    assert (here / "link").is_symlink()
    assert (here / "place").stat().st_ino == before
    assert sorted(path.name for path in (here / "place").iterdir()) == ["00000.png", "00001.png"]
    (here / "inside").mkdir()
    monkeypatch.chdir(here / "inside")
    assert gan_np("sample", here / "runs/digits", "--count", 2, "--out", ".")[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["00000.png", "00001.png"]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_another_process_filled_meanwhile(tmp_path: Path, there: bool) -> None:
    """It is refused by name, and what the other wrote stays alone."""
    target = tmp_path / "out"
    if there:
        target.mkdir()

    def fill() -> None:
        with filling_folder(target) as folder:
            (folder / "mine").touch()
            target.mkdir(exist_ok=True)
            (target / "other").touch()

    with pytest.raises(FileExistsError, match=r"out: .*out holds files already"):
        fill()
    assert [path.name for path in target.iterdir()] == ["other"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_place_below_a_file_is_refused_before_anything_is_drawn(here: Path) -> None:
    (here / "file").touch()
    code, said = gan_np("sample", "runs/digits", "--out", "file/inner")
    assert (code, "out: file/inner cannot be made, since" in said) == (1, True)
    code, said = gan_np("invert", "runs/digits", "file", "--save", "file/z.npz")
    assert "save: file/z.npz cannot be made, since" in said or "'--save'" in said


def test_sigterm_leaves_nothing_half_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ctrl-C: the folder that is being filled is removed, the exit code is that of the signal."""
    made = gn.GAN.sample_part

    def stopped(self: gn.GAN, start: int, *rest: object, **options: object) -> object:
        if start:
            signal.raise_signal(signal.SIGTERM)
        return made(self, start, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(gn.GAN, "sample_part", stopped)
    monkeypatch.setattr("sys.argv", ["gan-np", "sample", "runs/digits", "--count", "100", "--out", "many"])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert [path.name for path in here.iterdir()] == ["runs"]


def test_a_million_seeds_with_one_twice_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="got 5 twice"):
        parse_seeds("0-999998,5")


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "1,1", "5-2", "1-99999999", "1.5"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="seeds: expected"):
        parse_seeds(text)


def test_version_and_completion(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gan_np("--version") == (0, f"gan_np {gn.__version__}")
    for shell in ("bash", "zsh", "fish"):
        environment = {
            "_GAN_NP_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": "gan-np wa",
            "COMP_CWORD": "1",
            "_TYPER_COMPLETE_ARGS": "gan-np wa",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        result = CliRunner(env=environment).invoke(app, [], prog_name="gan-np")
        assert "walk" in result.stdout
        assert "sample" not in result.stdout


def test_a_training_ends_with_three_commands(runs: Path) -> None:
    from gan_np.cli.train import _to_go_on_with

    named = {"digits": "dcgan", "by-label": "conditional-dcgan", "gran": "gran", "lapgan": "lapgan", "vectors": "mlp"}
    for name, model in named.items():
        commands = _to_go_on_with(Path(f"runs/mnist-5k-{model}-12"), gn.load(runs / "runs" / name))
        assert len(commands) == 3
        for command in commands:
            assert len(f"  {command}") <= 80
            _, verb, _, *options = command.split()
            known = function_of(verb)
            for option in options:
                if option.startswith("--"):
                    assert option[2:] in known.__annotations__
