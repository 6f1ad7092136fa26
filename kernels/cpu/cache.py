"""Where compiled kernels are kept between processes.

Numba's own cache looks at the one file that a function stands in. Our kernels are put together from several (a changed
transform must not leave old kernels that contain it), so a folder's name is made from all of them: any change of any file
means another folder.
"""

from __future__ import annotations

import functools
import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

from numba.core.caching import Cache, CompileResultCacheImpl, _CacheLocator

from gan_np.folders import VARIABLE, users_cache


@functools.cache
def folder() -> Path:
    """The folder for kernels made from these very sources."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    named = os.environ.get(VARIABLE)
    return (Path(named).expanduser() if named else users_cache()) / "kernels" / digest.hexdigest()[:16]


class _Locator(_CacheLocator):
    """Numba's question where to put the code of one function."""

    def __init__(self, function: Any, file: str) -> None:
        self._file, self._line = file, function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> bytes:
        return hashlib.sha256(Path(self._file).read_bytes()).digest()

    def get_disambiguator(self) -> str:
        return f"{hashlib.sha256(self._file.encode()).hexdigest()[:8]}-{self._line}"

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:
        return cls(function, file)


class _Implementation(CompileResultCacheImpl):
    _locator_classes: Any = (_Locator,)


class KernelCache(Cache):
    """A cache that does without, and says so once, where nothing can be written."""

    _impl_class: Any = _Implementation

    def load_overload(self, signature: Any, target: Any) -> Any:
        """What is kept for a signature, or None."""
        try:
            return super().load_overload(signature, target)  # type: ignore[no-untyped-call]
        except OSError as error:
            _without(str(error))
        except Exception:  # a file cut short by a full disk, say: unpickling it may raise anything
            self._forget()
        return None

    def _forget(self) -> None:
        """An empty index, so that what is damaged is compiled and written anew."""
        try:
            self.flush()  # type: ignore[no-untyped-call]
        except OSError as error:
            _without(str(error))

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep what was compiled."""
        try:
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _without(str(error))


_said = False


def _without(reason: str) -> None:
    """Say once that nothing is kept; the reason names one file, and there is one for each kernel."""
    global _said
    if not _said:
        _said = True
        warnings.warn(
            f"compiled kernels cannot be kept ({reason}): each process compiles them again. {VARIABLE} names another folder",
            RuntimeWarning,
            stacklevel=2,
        )
