"""What the folders in a folder of images mean: parts of the data set, or classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.printable import printable

from .options import ALL, NoSuchPart, Options
from .parts import natural, part_of

_STRAY = 0.25
"""Less than this share of the images may lie beside class folders and be passed over as strays."""
_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Entry:
    """A file, by its path relative to the folder (with /), and what tells a changed one."""

    name: str
    size: int
    changed: int


@dataclass(frozen=True)
class Layout:
    """Which images of a folder were asked for, and what is said of the others.

    entries: the images that were asked for, ordered by path. classes: the class of each of them, by its folder's name, or
    None. names: the classes that are numbered first, in order. values: in place of classes, a label for each of them that is
    a number already. beside: images of other parts. decided, warned: as in `Dataset`.
    """

    entries: list[Entry]
    classes: list[str] | None
    names: tuple[str, ...] = ()
    beside: tuple[Entry, ...] = ()
    decided: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    values: list[int] | None = None

    def labels(self, left_out: dict[str, str]) -> tuple[Array | None, tuple[str, ...] | None]:
        """Labels of all entries but those that were left out, and the names of classes."""
        if self.values is not None:
            pairs = zip(self.entries, self.values, strict=True)
            kept_values = [value for entry, value in pairs if entry.name not in left_out]
            return np.array(kept_values, np.int64), self.names or None
        if self.classes is None:
            return None, None
        kept = [label for entry, label in zip(self.entries, self.classes, strict=True) if entry.name not in left_out]
        names = (*self.names, *sorted(set(kept) - set(self.names), key=natural))
        number = {name: index for index, name in enumerate(names)}
        return np.array([number[name] for name in kept], np.int64), names


def lay_out(said: str, entries: list[Entry], options: Options, *, classes: bool = True) -> Layout:
    """The part of the images that was asked for, with their classes.

    Parts are first-level folders with the names in `PART_NAMES`, whatever their capitals, if there are train and another
    one, or if all folders are parts and no image lies beside them. What is beside them is passed over. A folder that holds
    nothing but one folder with train and another part is looked into. Otherwise, and always for "all", folders are classes.

    Classes are the first-level folders (of a part, its own), in natural order: 2 before 10. If a few images lie beside two
    or more of them, these are passed over; if more do, there are no labels. The classes of a held-out part are numbered
    as those of the training part.

    said: the folder's name, for messages. classes: whether folders are classes; if not, no image beside them is a stray.

    Raises:
        NoSuchPart: the folder has no parts, or not the one that was asked for.
        ValueError: two folders are the part that was asked for.
    """
    if options.split == ALL:
        return _undivided(said, entries, strays=False, classes=classes)
    start = _start(entries)
    places = _by_top(entries, start)
    parts = _parts(places)
    if not parts:
        options.only_part(said)
        return _undivided(said, entries, strays=True, classes=classes)
    folder = _only(said, options.split, parts)
    mine = places[folder]
    at = f"{said}/{start}{printable(folder)}"
    of_folders, decided, warned = _classes(at, mine, f"{start}{folder}/", strays=True) if classes else (None, [], [])
    first = set() if options.split == "train" or "train" not in parts else _classes_of_train(places, parts, start)
    held_out = {name: len(places[name]) for part, names in parts.items() if part != options.split for name in names}
    passed = {name: len(places[name]) for name in places if name is not None and part_of(name) is None}
    chosen = f"{said}: its part {start}{printable(folder)} was taken ({counted(len(mine))})"
    if held_out:
        chosen += f"; other parts: {_listed(held_out)}"
    if not held_out and options.split == "train":
        chosen += ", and there is no other part"
    if passed or None in places:
        loose = [f"{counted(len(places[None]))} beside them"] if None in places else []
        unless = options.advise(split=ALL)
        over = ", ".join([*([_listed(passed)] if passed else []), *loose])
        known = ", ".join(printable(name) for names in parts.values() for name in names)
        text = f"{said}: passed over {over}, since {known} are parts of the data set; if they are classes, ask for all with"
        warned = [f"{text} {unless}", *warned]
    beside = tuple(entry for name in held_out for entry in places[name])
    kept, labels = _without_strays(mine, of_folders)
    return Layout(kept, labels, tuple(sorted(first, key=natural)), beside, (chosen, *decided), tuple(warned))


def _undivided(said: str, entries: list[Entry], *, strays: bool, classes: bool) -> Layout:
    of_folders, decided, warned = _classes(said, entries, "", strays=strays) if classes else (None, [], [])
    if strays:
        warned = [*_unclear(said, entries), *warned]
    kept, labels = _without_strays(entries, of_folders)
    return Layout(kept, labels, decided=tuple(decided), warned=tuple(warned))


Places = dict[str | None, list[Entry]]
"""First-level folder → the images in it; None → those beside all folders."""


def _by_top(entries: list[Entry], start: str) -> Places:
    places: Places = {}
    for entry in entries:
        places.setdefault(_top(entry.name[len(start) :]), []).append(entry)
    return places


def _top(name: str) -> str | None:
    first, slash, _ = name.partition("/")
    return first if slash else None


def _start(entries: list[Entry]) -> str:
    """What paths of parts begin with: "NAME/" if all there is is one folder with train and another part in it (archives
    unpack so), else nothing."""
    (first, *others) = _by_top(entries, "")
    if others or first is None or part_of(first) is not None:
        return ""
    parts = _parts(_by_top(entries, f"{first}/"))
    return f"{first}/" if "train" in parts and len(parts) > 1 else ""


def _parts(places: Places) -> dict[str, list[str]]:
    """The parts there are, each with the folders that have its name; nothing where these are no parts (see `lay_out`)."""
    found: dict[str, list[str]] = {}
    for name in places:
        if name is not None and (part := part_of(name)) is not None:
            found.setdefault(part, []).append(name)
    nothing_else = sum(map(len, found.values())) == len(places)
    return found if nothing_else or ("train" in found and len(found) > 1) else {}


def _only(said: str, part: str, parts: dict[str, list[str]]) -> str:
    folders = parts.get(part, [])
    if not folders:
        there = ", ".join(printable(name) for names in parts.values() for name in names)
        raise NoSuchPart(f"split: {said} has no images in {part!r}, only in {there}")
    if len(folders) > 1:
        both = " and ".join(map(printable, folders))
        raise ValueError(f"split: {said} has two folders for the part {part!r}, {both}; expected one")
    return folders[0]


def _classes_of_train(places: Places, parts: dict[str, list[str]], start: str) -> set[str]:
    folder = parts["train"][0]
    return set(_by_top(places[folder], f"{start}{folder}/")) - {None}  # type: ignore[return-value]


def _classes(
    said: str, entries: list[Entry], start: str, *, strays: bool
) -> tuple[list[str | None] | None, list[str], list[str]]:
    """The class of each image (None: a stray that is passed over), or None; what is told of it; what is warned of.

    strays: whether a few images beside class folders are passed over; otherwise they leave all without labels.
    """
    places = _by_top(entries, start)
    folders, loose = [name for name in places if name is not None], places.get(None, [])
    if not folders:
        return None, [], []
    classes = [_top(entry.name[len(start) :]) for entry in entries]
    if not loose:
        return classes, [], []
    if strays and len(folders) > 1 and len(loose) < _STRAY * len(entries):
        named = ", ".join(printable(entry.name) for entry in loose[:_NAMED_AT_MOST])
        more = f" and {len(loose) - _NAMED_AT_MOST:,} more" if len(loose) > _NAMED_AT_MOST else ""
        text = f"{said}: passed over {counted(len(loose))} beside the {len(folders)} folders of classes: {named}{more}"
        return classes, [], [text]
    text = f"{said}: no labels were taken from its folders, since {len(loose):,} of {counted(len(entries))} lie beside them"
    return (None, [], [text]) if len(folders) > 1 else (None, [text], [])


def _without_strays(entries: list[Entry], classes: list[str | None] | None) -> tuple[list[Entry], list[str] | None]:
    if classes is None:
        return entries, None
    pairs = [(entry, label) for entry, label in zip(entries, classes, strict=True) if label is not None]
    return [entry for entry, _ in pairs], [label for _, label in pairs]


def _unclear(said: str, entries: list[Entry]) -> list[str]:
    """What to warn of where folders are named like parts and are none."""
    tops = [name for name in _by_top(entries, "") if name is not None]
    named = [printable(name) for name in tops if part_of(name) is not None]
    if named:
        text = (
            f"{said}: {' and '.join(named)} was not taken as a part of the data set, since there would have to be train and "
            "test (or val) among its folders: it is used like all others"
        )
        return [text]
    below = {part for entry in entries if (part := _part_below(entry.name)) is not None}
    if "train" in below and len(below) > 1:
        text = (
            f"{said}: folders named {' and '.join(sorted(below))} lie below its first level, where no parts are looked for: "
            "all images are used, whatever part they are in"
        )
        return [text]
    return []


def _part_below(name: str) -> str | None:
    pieces = name.split("/")
    return part_of(pieces[1]) if len(pieces) > 2 else None


def counted(count: int) -> str:
    """Return a number of images in words, as in "1 image" and "5,000 images"."""
    return "1 image" if count == 1 else f"{count:,} images"


def _listed(folders: dict[str, int]) -> str:
    return ", ".join(f"{printable(name)} ({counted(count)})" for name, count in sorted(folders.items()))
