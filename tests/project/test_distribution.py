"""The wheel and the sdist: what they hold, and that the wheel works from another folder without the source tree."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = "kernels/cpu/shipped/x86-64-v3-cpython-311-0123456789abcdef/part-0.nbc"
"""A compiled kernel, in name."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # A copy, so that no build folder of the working tree leaks in; the sdist first, the wheel from it, as users get them.
    tree = copy_of_tree(tmp_path_factory.mktemp("tree"))
    (tree / KERNEL).parent.mkdir(parents=True)
    (tree / KERNEL).write_bytes(b"as the compile command leaves it")
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out


def copy_of_tree(target: Path) -> Path:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if names.returncode:
        pytest.skip("not a git checkout: the list of source files comes from git")
    for name in names.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
    return target


def test_wheel_holds_the_kernels_under_our_name(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert "gan_np/kernels/selection.py" in names
    assert "gan_np/kernels/reference/conv2d.py" in names
    assert {"gan_np/kernels/cuda/sources/dense.cu", "gan_np/kernels/cuda/sources/tile.cuh"} <= set(names)
    assert "gan_np/py.typed" in names
    web = ("index.html", "app.js", "app.css", "standalone.js", "ort.wasm.gz", "LICENCES.txt")
    web += ("play.html", "play.js", "play.css")
    assert {f"gan_np/explore/web/{name}" for name in web} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"gan_np", next(top for top in tops if top.endswith(".dist-info"))}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_compiled_kernels_go_into_the_wheel_whose_name_says_for_what(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    assert zipfile.ZipFile(wheel).read(f"gan_np/{KERNEL}") == b"as the compile command leaves it"
    python, _, system = wheel.stem.split("-")[-3:]
    assert python == f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert system != "any"
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        assert any(name.endswith(KERNEL) for name in archive.getnames()), "so that the wheel can be made from the sdist"


def test_sdist_can_be_built_again(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    inside = {name.partition("/")[2] for name in names}
    assert {"setup.py", "README.md", "LICENSE", "kernels/__init__.py", "gan_np/__init__.py"} <= inside


def test_wheel_works_elsewhere(built: Path, tmp_path: Path) -> None:
    # The dependencies come from this environment, the project only from the wheel.
    place = tmp_path / "environment"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    site = next((place / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(next(built.glob("*.whl"))).extractall(site)
    dependencies = Path(pytest.__file__).parents[1]
    code = (
        f"import sys; sys.path.append({str(dependencies)!r})\n"
        "import gan_np as gn, gan_np.kernels\n"
        f"assert gn.__file__.startswith({str(site)!r}), gn.__file__\n"
        f"assert gan_np.kernels.__file__.startswith({str(site)!r}), gan_np.kernels.__file__\n"
        "print(gn.models.dcgan((8, 8, 1), 4, width=2).sample(2).shape)\n"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 8, 8, 1)"
