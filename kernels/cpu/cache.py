"""Where compiled kernels are kept between processes.

Numba's own cache looks at the one file that a function stands in. Our kernels are put together from several (a changed
transform must not leave old kernels that contain it), so a folder's name is made from all of them: any change of any file
means another folder. So does whatever else decides what the code is: the versions of Python (without its bug fixes), Numba
and LLVM, the processor that it is compiled for, and the shape of the tiles (`target.py`).

    GAN_NP_CACHE/kernels/FOLDER/FUNCTION-….nbc   one function, compiled for one signature: a digest, then a pickle
    GAN_NP_CACHE/kernels/FOLDER/key              a secret of this user
    shipped/LEVEL-PYTHON-FOLDER/FUNCTION-….nbc   beside this file: kernels that came with the library (`compile.py`)

What came with the library is looked at first. It is trusted as the sources beside it are, which whoever can write there
could change as well; its digests have no secret, and notice damage alone.

What is read there is executed. So the folder is used only if nobody else can write in it (`folders.distrust`); only files
of this user's own are read; and a file is unpickled only if its digest, made with the secret, is right: damaged code would
crash the process. The secret costs one small file read at the start. It keeps out files that were put there in the user's
name by somebody who could write but not read (through a share, or while the folder was open); it is no help against those
who can read all that the user can. It lies in the folder, so that a folder that is moved or mounted elsewhere is still good.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import pickle
import secrets
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import llvmlite
import numba
from llvmlite import binding
from numba.core.caching import Cache, CompileResultCacheImpl, _CacheLocator
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]
from numba.core.serialize import dumps

from gan_np.files import write_atomically
from gan_np.folders import VARIABLE, distrust, make_private, named_cache, users_cache

from . import target

DIGEST, SECRET = 32, 32
"""Bytes of a digest and of the secret."""


@functools.cache
def _sources() -> str:
    """A digest of all that decides what the compiled code is, beside a function's own arguments."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    versions = sys.implementation.cache_tag, numba.__version__, llvmlite.__version__
    compiled_for = target.TRIPLE, target.NAME, target.FEATURES, target.ROWS, target.COLUMNS
    digest.update(repr((versions, compiled_for)).encode())
    return digest.hexdigest()[:16]


def folder() -> Path:
    """The folder for kernels made from these very sources; it need not be there.

    Raises:
        OSError, RuntimeError: no folder can be named: there is no home, or GAN_NP_CACHE names one that is not known.
    """
    return (named_cache() or users_cache()) / "kernels" / _sources()


PACKAGE = Path(__file__).parent
SHIPPED = PACKAGE / "shipped"
USE_SHIPPED = "GAN_NP_SHIPPED"
"""0: what came with the library is left alone, as if it had come without."""
_ship_to: Path | None = None


def _shipped_name() -> str:
    return f"{target.NAME}-{sys.implementation.cache_tag}-{_sources()}"


@functools.cache
def shipped() -> Path | None:
    """The folder of kernels that came with the library for these very sources, versions and target; None without one."""
    folder = SHIPPED / _shipped_name()
    return folder if os.environ.get(USE_SHIPPED, "1") != "0" and folder.is_dir() else None


def ship_to(folder: Path) -> None:
    """From now on keep what is compiled in a folder that is to be shipped, and read nothing that is kept elsewhere.

    What the folder has for the same level and version of Python, but from other sources, is removed.
    """
    global _ship_to
    _ship_to = folder / _shipped_name()
    for other in folder.glob(f"{_ship_to.name.rpartition('-')[0]}-*"):
        if other != _ship_to:
            shutil.rmtree(other)
    _ship_to.mkdir(parents=True, exist_ok=True)


def kept_in() -> Path:
    """The folder in which what is compiled is kept."""
    return _ship_to or folder()


def _read_shipped(place: Path, name: str) -> bytes | None:
    """The pickle in a file that came with the library; None where there is none, or a damaged one."""
    try:
        data = (place / name).read_bytes()
    except OSError:
        return None
    digest, pickled = data[:DIGEST], data[DIGEST:]
    return pickled if digest == _plain_digest(name, pickled) else None


def _plain_digest(name: str, data: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + b"\0" + data, digest_size=DIGEST).digest()


class _Place:
    """The folder, found fit to be read from, and the secret."""

    def __init__(self) -> None:
        self.path = folder()
        make_private(self.path)
        reason = distrust(self.path)
        if reason is not None:
            raise PermissionError(f"{reason}; what lies there would be executed")
        self._secret = self._read_secret()

    def _read_secret(self) -> bytes:
        file = self.path / "key"
        try:
            secret = _read_own(file)
        except FileNotFoundError:
            secret = b""
        if len(secret) != SECRET:
            secret = secrets.token_bytes(SECRET)
            write_atomically(file, secret)
            file.chmod(0o600)
        return secret

    def digest(self, name: str, data: bytes) -> bytes:
        """Return a digest of a file's name and contents."""
        return hashlib.blake2b(name.encode() + b"\0" + data, key=self._secret, digest_size=DIGEST).digest()


@functools.cache
def place() -> _Place | str:
    """Return the folder where compiled kernels are kept, or the reason why they are not."""
    try:
        return _Place()
    except (OSError, RuntimeError) as error:
        return str(error)


def _read_own(file: Path) -> bytes:
    """The contents of a plain file of this user's.

    Raises:
        FileNotFoundError: it is not there, or it is another user's or a link, which is as good.
    """
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise FileNotFoundError(str(error)) from error
    with os.fdopen(handle, "rb") as opened:
        if hasattr(os, "getuid") and os.fstat(handle).st_uid != os.getuid():
            raise FileNotFoundError(f"{file}: is another user's")
        return opened.read()


class _Files:
    """What a function was compiled to, a file for each signature; in place of Numba's index and numbered files.

    (Of two processes that added a signature to Numba's index at the same time the second took over the first one's file.)
    """

    def __init__(self, stem: str, dispatcher: Any) -> None:
        self._stem, self._dispatcher = stem, dispatcher

    def load(self, key: Any) -> Any:
        """What was saved under a key, or None; a damaged file is as good as none."""
        name = self._name(key)
        pickled = self._read(name)
        if pickled is None:
            return None
        known, result = pickle.loads(pickled)
        return result if known == key else None

    def _read(self, name: str) -> bytes | None:
        came_with_us = _ship_to or shipped()
        found = None if came_with_us is None else _read_shipped(came_with_us, name)
        if found is not None or _ship_to is not None:
            return found
        there = place()
        if isinstance(there, str):
            _without(there)
            return None
        try:
            data = _read_own(there.path / name)
        except FileNotFoundError:
            return None
        digest, pickled = data[:DIGEST], data[DIGEST:]
        return pickled if hmac.compare_digest(digest, there.digest(name, pickled)) else None

    def save(self, key: Any, result: Any) -> None:
        """Keep a result for later processes."""
        name, pickled = self._name(key), dumps((key, result))  # type: ignore[no-untyped-call]
        if _ship_to is not None:
            write_atomically(_ship_to / name, _plain_digest(name, pickled) + pickled)
            return
        there = place()
        if isinstance(there, str):
            _without(there)
            return
        write_atomically(there.path / name, there.digest(name, pickled) + pickled)

    def flush(self) -> None:
        """Forget nothing: a file that is wrong is written anew."""

    def _name(self, key: Any) -> str:
        return f"{self._stem}-{hashlib.sha256(repr((key, self._dispatcher.alone)).encode()).hexdigest()[:16]}.nbc"


class _Locator(_CacheLocator):
    """Numba's questions about one function; where its code is kept is not asked here (see `_Files`)."""

    def __init__(self, function: Any, file: str) -> None:
        inside = Path(file).relative_to(PACKAGE) if Path(file).is_relative_to(PACKAGE) else Path(file)
        self._file, self._line = inside.as_posix(), function.__code__.co_firstlineno
        self._py_file = file  # Numba names it where something cannot be kept

    def get_cache_path(self) -> str:
        return ""

    def ensure_cache_path(self) -> None:
        """Made when it is first looked at."""

    def get_source_stamp(self) -> bytes:
        return b""

    def get_disambiguator(self) -> str:
        return f"{hashlib.sha256(self._file.encode()).hexdigest()[:8]}-{self._line}"

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:
        return cls(function, file)


class _Implementation(CompileResultCacheImpl):
    _locator_classes: Any = (_Locator,)


class KernelCache(Cache):
    """A cache that does without, and says so once, where nothing can be kept."""

    _impl_class: Any = _Implementation

    def __init__(self, dispatcher: Any) -> None:
        super().__init__(dispatcher.py_func)  # type: ignore[no-untyped-call]
        self._cache_file: Any = _Files(self._impl.filename_base, dispatcher)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled code that is kept for a signature, or None.

        Numba's own method first fetches all that is known of types and functions and compiles its runtime's helpers, a third
        of a second and 34 MiB that only compiling needs (and gets, when something is compiled).
        """
        try:
            _name_runtime_functions()
            with self._guard_against_spurious_io_errors():
                return self._load_overload(signature, target)  # type: ignore[no-untyped-call]
        except OSError as error:
            return _without(str(error))

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the compiled code of a signature."""
        try:
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _without(str(error))


@functools.cache
def _name_runtime_functions() -> None:
    """Tell LLVM where the C functions of Numba's runtime are, which compiled code calls for its arrays."""
    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


_said = False


def _without(reason: str) -> None:
    """Say once that nothing is kept; the reason may name one file, and there is one for each kernel."""
    global _said
    if not _said:
        _said = True
        warnings.warn(
            f"compiled kernels cannot be kept ({reason}): each process compiles them again. {VARIABLE} names another folder",
            RuntimeWarning,
            stacklevel=2,
        )
