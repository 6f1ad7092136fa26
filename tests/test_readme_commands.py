"""The README's commands can be given one after the other: each has options that there are, and files made before it."""

import inspect
import re
import shlex
from pathlib import Path

import pytest

from gan_np.cli.commands import COMMANDS, function_of
from gan_np.data import NAMES
from gan_np.runs.options import owners

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PARAMETERS = {name: set(inspect.signature(function_of(name)).parameters) for name in COMMANDS}
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.S | re.M)
OF_THE_READER = {"my/images", "faces.zip", "ages.csv"}
READ = ("--data", "--labels", "--held-out", "--classifier", "--resume", "--config", "--tuned", "--against")


def in_order() -> list[tuple[str, str]]:
    """("sh", a gan-np command without its comment) or ("python", a block), as they stand."""
    found = []
    for kind, text in BLOCK.findall(README):
        if kind == "python":
            found.append((kind, text))
            continue
        for line in text.splitlines():
            parts = shlex.split(line, comments=True)
            found += [("sh", shlex.join(part)) for part in split(parts, "&&") if part[:1] == ["gan-np"]]
    return found


def split(parts: list[str], at: str) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for part in parts:
        if part == at:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


def test_every_file_is_made_before_it_is_read() -> None:
    there = {*OF_THE_READER, *NAMES}
    read = 0
    for kind, text in in_order():
        if kind == "python":
            there |= set(re.findall(r'(?:out=|savez\(\s*)"([^"]+)"', text))
            continue
        parts = shlex.split(text)
        wanted = [parts[place + 1] for place, part in enumerate(parts) if part in READ]
        if parts[1] in ("show", "sample", "neighbours", "traverse", "evaluate"):
            wanted.append(parts[2])
        assert not set(wanted) - there, text
        read += len(wanted)
        if "--out" in parts:
            there.add(parts[parts.index("--out") + 1])
    assert read > 12


@pytest.mark.parametrize("command", [text for kind, text in in_order() if kind == "sh"])
def test_every_option_is_there(command: str) -> None:
    parts = shlex.split(command)
    options = {part[2:].removeprefix("no-").replace("-", "_") for part in parts if part.startswith("--")}
    if len(parts) > 1:
        assert options <= PARAMETERS[parts[1]] | {"import", "help"} | set(owners())
