"""Names of directions, kept with a run and chosen by text."""

from pathlib import Path

import numpy as np
import pytest
from linear import linear_gan

import gan_np as gn
from gan_np.latent import Along, Code, Direction, axis, closed_form, keep_directions, principal, read_directions
from gan_np.latent.chosen import direction, factor


def test_kept_and_read_again(tmp_path: Path, rng: np.random.Generator) -> None:
    smile, pose = Direction("smile", rng.standard_normal(7), "by hand"), axis(2, 7)
    keep_directions(tmp_path, [smile], step=500)
    path = keep_directions(tmp_path, [Direction("pose", pose.vector)])
    found = read_directions(tmp_path)
    assert list(found) == ["smile", "pose"]
    np.testing.assert_allclose(found["smile"].vector, smile.vector, rtol=1e-8, atol=1e-12)
    assert found["smile"].source == "by hand"
    assert "step = 500" in path.read_text()
    keep_directions(tmp_path, [Direction("smile", pose.vector)])
    assert read_directions(tmp_path)["smile"].vector.tolist() == pose.vector.tolist()


def test_a_renamed_section_is_a_renamed_direction(tmp_path: Path) -> None:
    path = keep_directions(tmp_path, [Direction("x", np.array([3.0, 4.0]))])
    path.write_text(path.read_text().replace("[x]", "[glasses]"))
    assert read_directions(tmp_path)["glasses"].vector.tolist() == [0.6, 0.8]


@pytest.mark.parametrize("text", ["[smile]\nsource = 'x'\n", "[smile]\nvector = ['a']\n", "smile = 3\n", "[smile\n"])
def test_damaged_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "directions.toml").write_text(text)
    with pytest.raises(ValueError, match=r"directions\.toml"):
        read_directions(tmp_path)


@pytest.mark.parametrize("name", ["", "label", "category", "axis:1", "a=b"])
def test_names_that_mean_something_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        keep_directions(tmp_path, [Direction(name, np.ones(2))])


def test_chosen_by_text(tmp_path: Path) -> None:
    gan = gn.models.mlp((8, 8, 1), 4, hidden=8)
    keep_directions(tmp_path, [Direction("smile", np.ones(4))])
    assert direction("axis:2", gan, tmp_path).vector.tolist() == [0, 0, 1, 0]
    assert direction("closed-form:1", gan, tmp_path).vector.tolist() == closed_form(gan)[1].vector.tolist()
    assert direction("principal:2", gan, tmp_path).vector.tolist() == principal(gan, 3)[2].vector.tolist()
    assert direction("smile", gan, tmp_path).vector.tolist() == [0.5] * 4
    chosen = factor("smile", gan, tmp_path, (-1.0, 2.0))
    assert isinstance(chosen, Along)
    assert (chosen.low, chosen.high) == (-1, 2)
    coded = factor("code:1", gn.models.infogan((8, 8, 1), 3, width=2), tmp_path)
    assert isinstance(coded, Code)
    assert coded.high == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smlie", "did you mean 'smile'"),
        ("axis:9", "factor: 'axis:9': expected an integer of at least 0 and at most 3"),
        ("axis:x", "expected axis:N"),
        ("sefa:1", "expected axis:N"),
        ("principal:4", "0 to 3"),
        ("label", "conditional"),
        ("category", "infogan"),
    ],
)
def test_refusals(tmp_path: Path, text: str, words: str) -> None:
    keep_directions(tmp_path, [Direction("smile", np.ones(4))])
    with pytest.raises(ValueError, match=words):
        factor(text, gn.models.mlp((8, 8, 1), 4, hidden=8), tmp_path)


def test_a_direction_of_another_z_is_refused(tmp_path: Path) -> None:
    keep_directions(tmp_path, [Direction("smile", np.ones(5))])
    with pytest.raises(ValueError, match="5 coordinates"):
        direction("smile", linear_gan(np.eye(3)), tmp_path)
