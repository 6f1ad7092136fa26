"""The lowest version of Numba that the package allows, and the newest that pip finds: each in an environment of its own.

    pytest --campaign 1 -rs tests/project/test_numba_versions.py

`kernels/cpu/` uses parts of Numba that have no promise from one version to the next (`pipeline.py`, `code_generator.py`,
`cache.py`). The versions that pip chooses for a new environment are newer than the lowest one, so nobody else would try it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gan_np", "kernels", "tests", "setup.py", "pyproject.toml", "README.md", "LICENSE")
UNREACHABLE = (
    "No matching distribution found",
    "Could not find a version",
    "ConnectionError",
    "Max retries",
    "Network is",
)
"""What pip says where it finds no registry, or one without the package."""
LOWEST = re.search(r'"numba>=([\d.]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))[1]
PARITY = "dense or conv2d-direct or conv2d-winograd or conv2d-few_channels or batch_norm or adam or softplus"

TWO_STEPS = """
import sys
import numba, numpy as np
import gan_np as gn
assert numba.__version__.startswith(sys.argv[1]), numba.__version__
images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1)).astype(np.uint8)
gan = gn.models.dcgan(image_shape=(28, 28, 1), latent_dim=16, width=8, seed=0)
steps = list(gn.iterate(gan, images, steps=2, batch_size=32))
assert len(steps) == 2 and all(np.isfinite([float(step.d_loss), float(step.g_loss)]).all() for step in steps)
assert gn.kernels.cpu.compilations() > 0, "nothing was compiled"
"""


def installed(folder, numba):
    """The Python of a new environment with this library, tests' tools and a version of Numba; skips where pip finds none."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    copy = folder / "copy"
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "shipped"))
        else:
            shutil.copy(ROOT / name, copy / name)
    command = [python, "-m", "pip", "install", "--upgrade", copy, numba, "pytest", "pytest-timeout", "scipy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stdout + done.stderr).strip()
        if any(sign in why for sign in UNREACHABLE):
            pytest.skip(f"pip cannot install {numba} here (no registry?): {why.splitlines()[-1]}")
        pytest.fail(f"{numba}: {why[-2000:]}", pytrace=False)
    return python


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("numba", "version"), [(f"numba=={LOWEST}.*", LOWEST), ("numba", "")], ids=["lowest", "newest"]
)
def test_two_steps_and_parity_with_numba(tmp_path, numba, version):
    python = installed(tmp_path, numba)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "GAN_NP_CACHE": str(tmp_path / "cache"),
        "GAN_NP_SHIPPED": "0",
    }

    def run(*arguments):
        command = [python, *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path / "copy/tests", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{numba}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    print(run("-c", "import numba, llvmlite, numpy; print(numba.__version__, llvmlite.__version__, numpy.__version__)"))
    run("-c", TWO_STEPS, version)
    print(run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", PARITY, "kernels/test_kernel_parity.py"))
