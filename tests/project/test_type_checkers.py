"""What a type checker finds in another folder, where it sees the installed package as users' editors do."""

import re
import subprocess
import sys

import pytest

import gan_np as gn

RIGHT = """\
import gan_np as gn

images = gn.data.load("mnist-5k")
gan = gn.models.dcgan(image_shape=images.shape[1:], latent_dim=64, width=8, seed=0)
trainer = gn.train(gan, images, steps=20, g_learning_rate="cosine(2e-3, 1e-4, 20)", beta1=0.0, out="runs/digits")
trainer = gn.train(gan, images, objective=gn.objectives.Wasserstein(), penalties=[gn.penalties.R1(1.0)])
for step in gn.iterate(gan, images, steps=5, batch_size=32):
    print(step.number, float(step.d_loss))
saved = gn.save(gan.discriminator, "critic.safetensors")
with gn.use_kernels(dense="reference"):
    gn.save_grid(gan.sample(64, seed=1), "digits.png")
shape = gn.kernels.Geometry(1, (8, 8, 1), (4, 4, 2), (4, 4), (2, 2), (1, 1))
reveal_type(gan)  # GAN
reveal_type(trainer)  # Trainer
reveal_type(saved)  # Path
reveal_type(shape.kernel)  # tuple[int, int]
reveal_type(gn.kernels.entry("dense", "reference").name)  # str
"""

WRONG = """\
gn.train(gan, images, stepz=20)
gn.train(gan, images, batch_size="many")
gn.train(gan, images, precision="float16")
gn.models.dcgan((8, 8, 1), width="wide")
gn.Dense("many")
gn.Conv2d(3)
gn.nothing
gn.kernels.nothing
gn.kernels.register_kernel(1, "mine")
"""

ROOMS = [name for name in gn.__all__ if hasattr(getattr(gn, name), "__all__")]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """What mypy says of each line of each file."""
    place = tmp_path_factory.mktemp("elsewhere")
    opening = "import gan_np as gn\n"
    names = [f"gn.{name}" for name in gn.__all__]
    names += [f"gn.{room}.{name}" for room in ROOMS for name in getattr(gn, room).__all__]
    (place / "right.py").write_text(RIGHT)
    (place / "wrong.py").write_text(opening + "gan, images = gn.models.mlp((8, 8, 1)), gn.data.load('x')\n" + WRONG)
    (place / "names.py").write_text(opening + "".join(f"reveal_type({name})\n" for name in names))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(place / "cache"), "."]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert "import-not-found" not in done.stdout, "install again: python -m pip install -e .\n" + done.stdout
    found: dict[str, dict[int, str]] = {"right": {}, "wrong": {}, "names": {}}
    for line in done.stdout.splitlines():
        if (said := re.match(r"(\w+)\.py:(\d+): (.*)", line)) is not None:
            at = found[said[1]]
            at[int(said[2])] = f"{at.get(int(said[2]), '')}{said[3]}\n"
    return found


def test_right_calls_are_accepted_and_have_their_types(told: dict[str, dict[int, str]]) -> None:
    expected = {number: line.partition("# ")[2] for number, line in enumerate(RIGHT.splitlines(), 1) if "# " in line}
    assert set(told["right"]) == set(expected), told["right"]
    for number, kind in expected.items():
        assert re.search(rf'Revealed type is "([\w.]+\.)?{re.escape(kind)}"', told["right"][number]), told["right"]


def test_each_wrong_call_is_reported(told: dict[str, dict[int, str]]) -> None:
    assert {number for number, said in told["wrong"].items() if said.startswith("error")} == set(
        range(3, 3 + WRONG.count("\n"))
    )


def test_every_public_name_has_a_type(told: dict[str, dict[int, str]]) -> None:
    assert {"kernels", "layers", "metrics", "models"} <= set(ROOMS)
    names = len(gn.__all__) + sum(len(getattr(gn, room).__all__) for room in ROOMS)
    assert set(told["names"]) == set(range(2, 2 + names))
    assert [said for said in told["names"].values() if said.startswith("error") or 'is "Any"' in said] == []
