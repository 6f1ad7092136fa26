"""Text from outside is printed so that it cannot act on a terminal."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.cli.output import console
from gan_np.printable import printable, printable_lines

EVIL = "a\x1b]0;owned\x07\x1b[31mred\r\n\u202etxt\x9b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Größe 中 😀.png", "plain Größe 中 😀.png"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\udcff", r"\udcff"),
        ("\x9b31m", r"\x9b31m"),
        ("C:\\new", "C:\\new"),
        (Path("a\x07"), r"a\x07"),
        (b"a\x07\xff", r"a\x07\udcff"),
    ],
    ids=["plain", "clear", "whitespace", "direction", "not-unicode", "c1", "backslash", "path", "bytes"],
)
def test_what_does_not_print_is_written_as_its_escape(text: object, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_lines_and_tabs_may_stay() -> None:
    assert printable_lines("a\tb\n\x1bc") == "a\tb\n\\x1bc"


def test_consoles_of_commands_escape_whatever_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(f"class {EVIL}")
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("place", ["broken", "sizes", "passed-over", "stray", "part", "missing", "npz", "npy", "heic"])
def test_names_of_files_in_errors_and_warnings(place: str, tmp_path: Path) -> None:
    name = EVIL.replace("/", "")
    folder = tmp_path / name
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8)
    folder.mkdir()
    source = folder
    for number in range(5):
        gn.data.save_image(image, folder / f"k{number % 2}" / f"{number}.png")
    if place == "broken":
        (folder / "k0" / f"{name}.png").write_bytes(b"x")
    elif place == "sizes":
        gn.data.save_image(image[:4], folder / "k0" / f"{name}.png")
    elif place == "passed-over":
        (folder / f"{name}.xyz").write_bytes(b"x")
    elif place == "stray":
        gn.data.save_image(image, folder / f"{name}.png")
    elif place == "part":
        for other in ("train", "test", name):
            gn.data.save_image(image, folder / other / "0.png")
    elif place == "missing":
        source = folder / f"{name}.npy"
    elif place == "heic":
        for number in range(6):
            (folder / f"{number}.heic").write_bytes(b"x")
    else:
        source = folder / f"{name}.{place}"
        np.savez(source, **{f"a{name}": image, "b": image}) if place == "npz" else source.write_bytes(b"x")
    with pytest.raises((ValueError, OSError, UserWarning)) as caught:
        gn.data.open(source)
    text = str(caught.value)
    assert text.isprintable(), text
    assert r"\x1b[31mred\r\n\u202etxt\x9b" in text
