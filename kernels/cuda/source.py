"""The CUDA C++ sources: a file's text with its own headers put in place, so that one string is all a compiler needs.

`#include "name.cuh"` is replaced by that header between guards, so that the preprocessor takes it once; compilers' messages
still name the file and the line.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

INCLUDE = re.compile(r'^#include "([\w.]+)"[^\S\n]*$', re.MULTILINE)


def sources() -> tuple[str, ...]:
    """The names of all .cu files."""
    folder = resources.files(__package__) / "sources"
    return tuple(sorted(file.name for file in folder.iterdir() if file.name.endswith(".cu")))


@functools.cache
def read_source(name: str) -> str:
    """The text of `name` with its headers.

    Raises:
        FileNotFoundError: there is no such file, or it includes a header that is not there.
    """
    text = (resources.files(__package__) / "sources" / name).read_text(encoding="utf-8")

    def header(found: re.Match[str]) -> str:
        guard = f"INCLUDED_{found[1].replace('.', '_')}"
        after = text.count("\n", 0, found.start()) + 2
        return f'#ifndef {guard}\n#define {guard}\n{read_source(found[1])}#endif\n#line {after} "{name}"'

    return f'#line 1 "{name}"\n{INCLUDE.sub(header, text)}'
