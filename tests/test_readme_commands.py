"""The commands of the README and of the pages can be given one after the other: each has options that there are, and files
made before it on its page.

A page may read what another page makes where a comment says so: `<!-- made before: runs/digits, by the commands of … -->`.
A block under `<!-- not run: reason -->` makes files and reads none.
"""

import re
import shlex
import sys
from pathlib import Path

import pytest

from gan_np.cli.commands import COMMANDS, load_command
from gan_np.data import NAMES
from gan_np.runs.options import owners

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PARAMETERS = {
    name: {
        option.lstrip("-").removeprefix("no-").replace("-", "_")
        for parameter in load_command(name).params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for name in COMMANDS
}
BLOCK = re.compile(r"(<!-- *not run: [^>]*-->\s*)?^```(sh|python|\{code-cell\} python)\n(.*?)^```", re.S | re.M)
MADE = re.compile(r"<!-- *made before: (.*?)(?:; .*?)? *-->", re.S)
OF_THE_READER = {
    "my/images",
    "faces.zip",
    "ages.csv",
    "mine.py",
    "mnist.npz",
    "people.csv",
    "others.csv",
    "cifar10/train",
    "olivetti.npz",
    "my/sweep.toml",
}
READ = ("--data", "--labels", "--held-out", "--classifier", "--resume", "--config", "--tuned", "--against", "--import")
OF_A_RUN = ("show", "sample", "neighbours", "traverse", "walk", "invert", "evaluate", "export")


def in_order(page: Path) -> list[tuple[str, str]]:
    """("sh", a command without its comment) or ("python", a block), as they stand."""
    found = []
    for marked, kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind != "sh":
            found.append(("python", text))
            continue
        for line in text.replace("\\\n", " ").splitlines():
            parts = shlex.split(line, comments=True)
            for part in split(parts, "&&"):
                if part[:1] == ["gan-np"]:
                    found.append(("marked" if marked else "sh", shlex.join(part)))
                elif part[:1] == ["python"]:
                    found.append(("program", shlex.join(part)))
    return found


def split(parts: list[str], at: str) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for part in parts:
        if part == at:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


def value(parts: list[str], option: str) -> str | None:
    return parts[parts.index(option) + 1] if option in parts else None


def missing(page: Path) -> list[str]:
    """Commands that read what nothing before them makes."""
    there, found = {*OF_THE_READER, *NAMES}, []
    for made in MADE.findall(page.read_text(encoding="utf-8")):
        there |= set(re.split(r"[,\s]+", made))
    for kind, text in in_order(page):
        if kind == "python":
            there |= set(re.findall(r'(?:out=|savez?\(\s*|savetxt\(|write_text\(|Path\()"([^"]+)"', text))
            continue
        parts = shlex.split(text)
        if kind == "program":
            there |= {word for word in (value(parts, "--out"), value(parts, "--to")) if word}
            continue
        wanted = [parts[place + 1] for place, part in enumerate(parts) if part in READ]
        if len(parts) > 2 and parts[1] in OF_A_RUN and not parts[2].startswith("-"):
            wanted.append(parts[2])
        if set(wanted) - there and kind == "sh":
            found.append(text)
        there |= {word for word in (value(parts, "--out"), value(parts, "--to")) if word}
        if parts[1:2] == ["tune"]:
            there.add("kernels.toml")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_is_made_before_it_is_read(page: Path) -> None:
    assert missing(page) == []


def test_a_file_that_nothing_makes_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\ngan-np train --out runs/one\ngan-np show runs/one\ngan-np show runs/two\n```\n")
    assert missing(page) == ["gan-np show runs/two"]
    page.write_text("<!-- made before: runs/two, by the README -->\n" + page.read_text())
    assert missing(page) == []


ALL = {text: page for page in PAGES for kind, text in in_order(page) if kind in ("sh", "marked")}


@pytest.mark.parametrize("command", sorted(ALL))
def test_every_option_is_there(command: str) -> None:
    parts = shlex.split(command)
    options = {part[2:].removeprefix("no-").replace("-", "_") for part in parts if part.startswith("--")}
    own = {"ink", "units", "scale", "momentum", "cells"}  # of what a page registers itself
    if len(parts) > 1:
        assert options <= PARAMETERS[parts[1]] | {"import", "help"} | set(owners()) | own


def test_there_are_commands() -> None:
    assert len(ALL) > 60
    assert len([1 for kind, _ in in_order(ROOT / "README.md") if kind == "sh"]) > 5


PROGRAMS = {
    text: page
    for page in PAGES
    for kind, text in in_order(page)
    if kind == "program" and ("benchmarks" in text or "examples/" in text)
}


@pytest.mark.parametrize("command", sorted(PROGRAMS))
def test_every_program_is_there(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])  # benchmarks are no part of the installed package
    parts = shlex.split(command)
    if parts[1:3] == ["-m", "benchmarks"]:
        from benchmarks.__main__ import BENCHMARKS

        assert len(parts) < 4 or parts[3] in BENCHMARKS
    else:
        assert (ROOT / parts[1]).exists()
