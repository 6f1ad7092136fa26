"""The maker of cartoon faces: deterministic, its factors true. Skips without the extra `faces`."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn

ROOT = Path(__file__).parents[2]
MISSING = [name for name in ("dicebear", "dicebear_styles", "resvg_py") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f'needs {", ".join(MISSING)}: pip install "gan_np[faces]"')


@pytest.fixture(scope="module")
def maker() -> object:
    specification = importlib.util.spec_from_file_location("cartoon_faces", ROOT / "examples" / "cartoon_faces.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_face_is_the_same_whatever_the_count(maker) -> None:
    few, drawn = maker.faces(3, side=32, seed=4)
    more, more_drawn = maker.faces(5, side=32, seed=4)
    (factors, names), (more_factors, _) = maker.columns_of(drawn), maker.columns_of(more_drawn)
    assert few.shape == (3, 32, 32, 3)
    assert few.dtype == np.uint8
    assert np.array_equal(few, more[:3])
    assert np.array_equal(factors, more_factors[:3])
    assert not np.array_equal(few, maker.faces(3, side=32, seed=4, part=1)[0])
    for name, kinds in maker.KINDS.items():
        columns = [names.index(f"{name}={kind}") for kind in kinds]
        assert (factors[:, columns].sum(axis=1) == 1).all()


def test_factors_move_what_they_say(maker) -> None:
    """The mouth's dark pixels: to the right with the pose, their ends above their middle with a smile."""
    from dicebear import Style

    style = Style(maker.definition())
    kinds = {name: values[0] for name, values in maker.KINDS.items()}

    def mouth(pose: float, smile: float) -> tuple[np.ndarray, np.ndarray]:
        image = maker.render(maker.svg_of(style, pose, smile, **kinds), 64)
        dark = image.astype(int).sum(axis=2) < 150
        dark[:45] = False
        rows, columns = np.nonzero(dark)
        return rows, columns

    assert mouth(0.8, 0)[1].mean() > mouth(-0.8, 0)[1].mean() + 8
    for smile, sign in ((1.0, -1), (-1.0, 1)):
        rows, columns = mouth(0, smile)
        middle = np.abs(columns - columns.mean()) < 2
        ends = np.abs(columns - columns.mean()) > 5
        assert sign * (rows[ends].mean() - rows[middle].mean()) > 1.5


def test_labels_count_combinations(maker) -> None:
    drawn = {"smile": np.array([-0.5, 0.5, 0.5]), "skin": np.array([2, 0, 1]), "hair": np.array([1, 1, 0])}
    skins = len(maker.KINDS["skin"])
    assert list(maker.labels_of(drawn, ["smile"])) == [0, 1, 1]
    assert list(maker.labels_of(drawn, ["hair", "skin"])) == [skins + 2, skins, 1]
    assert list(maker.labels_of(drawn, ["hair", "smile"])) == [2, 3, 1]
    with pytest.raises(argparse.ArgumentTypeError, match=r"expected different factors .* got 'hair,hat'"):
        maker.factors_given("hair,hat")


def test_the_file_is_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "faces.npz"
    command = [sys.executable, ROOT / "examples" / "cartoon_faces.py", "--count", "6", "--test-count", "4"]
    subprocess.run([*command, "--side", "32", "--out", out], check=True, timeout=120)
    training, test = (gn.data.open(out, split=split) for split in ("train", "test"))
    assert training.image_shape == (32, 32, 3)
    assert (len(training), len(test)) == (6, 4)
    with np.load(out) as file:
        names = [str(name) for name in file["factor_names"]]
        assert file["factors_train"].shape == (6, len(names))
        assert np.array_equal(training.labels, file["factors_train"][:, names.index("smile")] > 0)
