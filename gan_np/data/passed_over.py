"""Files in a folder that are not read: which of them a user should hear of."""

from __future__ import annotations

import collections
import os

from gan_np.printable import printable

from .options import Options

_IMAGES = frozenset(
    "." + ending
    for ending in (
        "heic", "heif", "hif", "jxl", "svg", "psd", "xcf", "tga", "dds", "exr", "hdr", "pcx", "sgi", "ico", "icns", "eps",
        "pdf", "dcm", "dicom", "nii", "fits", "raw", "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "orf",
        "rw2", "raf", "pef", "x3f", "3fr", "erf", "mos", "mrw",
    )
)  # fmt: skip
"""How names of images end that are in formats not read here, in lower case."""

_TEXTS = frozenset(
    "." + ending
    for ending in (
        "txt", "me", "md", "rst", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini", "cfg", "html", "htm",
        "log", "py", "ipynb", "sh", "bib", "url", "db",
    )
)  # fmt: skip
"""How names of files end that lie beside images and hold none."""

_TEXT_NAMES = frozenset(("readme", "license", "licence", "copying", "notice", "authors", "citation", "changelog"))
_KINDS_NAMED = 8


def passed_over(said: str, names: list[str], read: int, options: Options) -> tuple[list[str], list[str]]:
    """What to warn of and what to tell about files of these names, in a folder `said` with `read` images that are read.

    Texts beside images are told, all else is warned of. Where more images are in formats that are not read here than in
    others, what is left is hardly what the user meant: that is refused, unless files that cannot be read may be left out.

    Raises:
        ValueError: most of the images would be passed over.
    """
    texts = [name for name in names if _is_text(name)]
    images = [name for name in names if _ending(name) in _IMAGES]
    others = sorted(set(names) - set(texts) - set(images))
    if len(images) > read and not options.skip_broken:
        raise ValueError(
            f"{said}: {_counted(images)} are in formats that are not read here, and only {read:,} can be read; convert "
            f"them to PNG or JPEG, or leave them out with {options.advise(skip_broken=True)}"
        )
    warned, decided = [], []
    if images:
        warned.append(
            f"{said}: passed over {_counted(images)}, in formats that are not read here, beside {read:,} that are read; "
            "convert them to PNG or JPEG to have them too"
        )
    if others:
        warned.append(f"{said}: passed over {_counted(others)}, whose names do not end as those of images do")
    if texts:
        decided.append(f"{said}: {_counted(texts)} beside the images were not looked at")
    return warned, decided


def _is_text(name: str) -> bool:
    return _ending(name) in _TEXTS or os.path.basename(name).lower() in _TEXT_NAMES


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _counted(names: list[str]) -> str:
    """How many files, by their endings; a few by name."""
    if len(names) <= 2:
        return f"{len(names)} file{'s' * (len(names) > 1)} ({', '.join(map(printable, names))})"
    kinds = collections.Counter(_ending(name) or "without an ending" for name in names).most_common()
    listed = ", ".join(f"{count:,} {printable(kind)}" for kind, count in kinds[:_KINDS_NAMED])
    return f"{len(names):,} files ({listed}{', …' if len(kinds) > _KINDS_NAMED else ''})"
