"""Files from public mirrors, each checked against a known sum, into the cache folder (the `download` extra)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from gan_np.printable import printable

_TIMEOUT = 30


class DownloadError(OSError):
    """A data set is not on this machine and could not be fetched; the message says why and what can be done."""


class NoDownloader(DownloadError):
    """The package that downloads is not installed."""


@dataclass(frozen=True)
class Remote:
    """A file on public mirrors.

    name: of the file, here and there.
    mirrors: addresses that `name` is appended to, tried in this order.
    known_hash: "sha256:…" or "md5:…" of the file.
    """

    name: str
    mirrors: tuple[str, ...]
    known_hash: str


def fetch(remote: Remote, folder: Path) -> Path:
    """Download a file into a folder, through pooch; what has another sum is thrown away and the next mirror tried.

    Raises:
        DownloadError: pooch is not installed, or no mirror gave the file.
    """
    try:
        pooch = importlib.import_module("pooch")
    except ImportError as error:
        raise NoDownloader(
            'pooch, which downloads, is not installed: python -m pip install "gan_np[download]"'
        ) from error
    problems = []
    for mirror in remote.mirrors:
        try:
            pooch.retrieve(
                mirror + remote.name,
                known_hash=remote.known_hash,
                fname=remote.name,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT),
            )
        except (OSError, ValueError) as error:  # no network, no such file; another sum
            problems.append(f"{mirror}: {_short(error)}")
        else:
            return folder / remote.name
    raise DownloadError(f"no mirror gave {remote.name} ({'; '.join(problems)})")


def _short(error: Exception) -> str:
    text = printable(f"{type(error).__name__}: {error}".splitlines()[0])
    return text if len(text) <= 160 else text[:157] + "…"
