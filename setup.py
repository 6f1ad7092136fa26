"""Packaging. `kernels/` ships as `gan_np.kernels`, since PyPI has another package named `kernels`."""

import base64
import hashlib
import shutil
import sys
import warnings
import zipfile
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.editable_wheel import editable_wheel

HERE = Path(__file__).resolve().parent
LINKS = HERE / "build" / "for-type-checkers"
PATH_FILE = "gan_np-for-type-checkers.pth"


def link(source: Path, place: Path) -> None:
    """Make a link. On Windows, where symbolic links take a right that few users have, a junction to a folder does the same,
    and a file gets a second name.
    """
    if sys.platform != "win32":
        place.symlink_to(source, target_is_directory=source.is_dir())
    elif source.is_dir():
        import _winapi

        _winapi.CreateJunction(str(source), str(place))
    else:
        place.hardlink_to(source)


def link_packages() -> bool:
    """Make LINKS, which looks as the wheel does: gan_np/ with kernels/ inside. False where links cannot be made."""
    shutil.rmtree(LINKS, ignore_errors=True)
    package = LINKS / "gan_np"
    package.mkdir(parents=True)
    try:
        for source in (HERE / "gan_np").iterdir():
            if source.name not in ("__pycache__", "kernels.pyi"):
                link(source, package / source.name)
        link(HERE / "kernels", package / "kernels")
    except OSError as error:
        warnings.warn(
            f"type checkers will not find gan_np in this editable install: no links here ({error})", stacklevel=2
        )
        shutil.rmtree(LINKS, ignore_errors=True)
        return False
    return True


def path_file() -> str:
    """Lines of a file in site-packages. Type checkers read the first, a folder to search. Python runs the second: its own
    search passes the folder over, and finds the package where it stands, through the import hook of setuptools."""
    finder = 'type("Nothing", (), {"find_spec": lambda name, target=None: None})'
    return f"{LINKS}\nimport sys; sys.path_importer_cache[{str(LINKS)!r}] = {finder}\n"


def add_to_wheel(wheel: Path, name: str, text: str) -> None:
    """Add a file to a wheel and to the list of its files."""
    data = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(wheel) as archive:
        files = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
        for info, content in files.items():
            listed = (
                f"{name},sha256={digest},{len(data)}\n".encode() if info.filename.endswith(".dist-info/RECORD") else b""
            )
            archive.writestr(info, listed + content)


class EditableWheel(editable_wheel):
    """`pip install -e`: also what type checkers need, who cannot follow the import hook by which Python finds `kernels/`."""

    def run(self) -> None:
        """Build the wheel, then add the path of the links."""
        super().run()
        if link_packages():
            for wheel in Path(self.dist_dir).glob("*editable*.whl"):
                add_to_wheel(wheel, PATH_FILE, path_file())


class WithKernels(Distribution):
    """A wheel with compiled kernels is named after the Python and the system they are for, as one with extensions is."""

    def has_ext_modules(self) -> bool:
        """Whether there is machine code: extensions, or what `python -m gan_np.kernels.cpu.compile --ship` left."""
        return super().has_ext_modules() or any((HERE / "kernels" / "cpu" / "shipped").glob("*/*.nbc"))


REQUIRES = [
    "filelock>=4.0",
    "numpy>=1.26",
    "numba>=0.62",
    "pillow>=10.2",
    "rich>=13.7",
    "safetensors>=0.4.3",
    "tomli-w>=1.0",
    "typer>=0.15",
]
PLOT = ["matplotlib>=3.8"]
DOWNLOAD = ["pooch>=1.8"]
PARQUET = ["pyarrow>=16"]
TENSORBOARD = ["tensorboardX>=2.6"]
FACES = ["dicebear-core>=10.7,<11", "dicebear-styles>=10.6,<11", "resvg-py>=0.5"]
VIDEO = ["imageio-ffmpeg>=0.5"]
WANDB = ["wandb>=0.17"]
MLFLOW = ["mlflow-skinny>=2.14"]
TRACKIO = ["trackio>=0.5"]
ONNX = ["onnx>=1.16", "onnxruntime>=1.18"]
MPI = ["mpi4py>=4", "mpich>=4.2; sys_platform != 'win32'"]
EXPLORE = ["starlette>=0.40", "uvicorn>=0.30"]
BROWSER = ["playwright>=1.45"]
DEMO = ["mlxtend>=0.23", *PLOT]
DEVELOP = ["ruff>=0.14", "mypy>=1.18"]
# Compiling the CUDA sources and Numba's CUDA kernels for real targets, with no GPU and no toolkit installed; pinned to the
# CUDA of the machines with a GPU. The toolkit's own package does nothing but hold the versions of its parts together.
CUDA_GATES = [
    "cuda-core>=1.2",
    "cuda-bindings==13.0.*",
    "nvidia-cuda-nvrtc==13.0.*",
    "numba-cuda[cu13]==0.30.*",
    "cuda-toolkit==13.0.*",
]
TOOLS = ["pytest>=8", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100", "scipy>=1.12", "build>=1.2"]
NOTEBOOK = ["ipykernel>=6.29", "nbclient>=0.10"]
# The site: Sphinx with MyST, tutorials run as notebooks; codespell looks at the spelling of pages and docstrings.
DOCS = [
    "sphinx>=8",
    "myst-nb>=1.2",
    "pydata-sphinx-theme>=0.16",
    "sphinx-copybutton>=0.5",
    "sphinx-design>=0.6",
    "codespell>=2.4",
    *NOTEBOOK,
    *DEMO,
    *ONNX,
]
TEST = [
    *TOOLS,
    *NOTEBOOK,
    *DEMO,
    *DOWNLOAD,
    *PARQUET,
    *TENSORBOARD,
    *ONNX,
    *MPI,
    *EXPLORE,
    "psutil>=5.9",
    *DEVELOP,
]

setup(
    name="gan_np",
    version="0.1.0",
    description="Generative adversarial networks on NumPy and CuPy, every derivative written by hand and checked.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    install_requires=REQUIRES,
    extras_require={
        "plot": PLOT,
        "demo": DEMO,
        "faces": FACES,
        "download": DOWNLOAD,
        "parquet": PARQUET,
        "tensorboard": TENSORBOARD,
        "onnx": ONNX,
        "video": VIDEO,
        "explore": EXPLORE,
        "browser": BROWSER,
        "wandb": WANDB,
        "mlflow": MLFLOW,
        "trackio": TRACKIO,
        "mpi": MPI,
        "test": TEST,
        "docs": DOCS,
        "cuda12": ["cupy-cuda12x>=14"],
        "cuda13": ["cupy-cuda13x>=14"],
        "cuda-gates": CUDA_GATES,
        "dev": DEVELOP,
    },
    packages=[
        *find_packages(include=["gan_np", "gan_np.*"]),
        *("gan_np." + name for name in find_packages(include=["kernels", "kernels.*"])),
    ],
    package_dir={"gan_np.kernels": "kernels"},
    package_data={
        "gan_np": ["py.typed"],
        "gan_np.explore": ["web/*"],
        "gan_np.kernels.cpu": ["shipped/*/*.nbc"],  # by `python -m gan_np.kernels.cpu.compile --ship`, where it was run
        "gan_np.kernels.cuda": ["sources/*.cu", "sources/*.cuh"],
    },
    distclass=WithKernels,
    cmdclass={"editable_wheel": EditableWheel},
    entry_points={"console_scripts": ["gan-np = gan_np.cli:main"]},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
