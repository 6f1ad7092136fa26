"""Docstrings of this library are plain sentences with formulae; Sphinx reads reStructuredText. From one to the other.

Paragraphs stay paragraphs, with every mark that Sphinx would read made harmless; `code` in backquotes is code, and a link
where it names something of the library; "name: what it is" becomes an item of a list; what is indented, and examples, are
shown as they stand; "Raises:" is a list of errors.
"""

import re

ITEM = re.compile(r"^(\*{0,2}[A-Za-z_]\w*(?:(?:, | and )\*{0,2}[A-Za-z_]\w*)*|[A-Z]\w*(?:\.\w+)*): (?=\S)")
NEXT_ITEM = re.compile(r"(?<=[^.]\.) ([a-z_]\w*(?:, [a-z_]\w*)*): (?=\S)")
HEAD = re.compile(r"^(Raises|Returns|Yields|Warns):$")
OURS = re.compile(r"^(?:gan_np|gn)((?:\.\w+)+)(\(\))?$")
WORDS_BEFORE_COLON = 3


def inline(text):
    """One line of text, as reStructuredText that reads the same."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(_code(part[1:-1]) if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text):
    return re.sub(r"([\\*|`<>])|(_)(?=\W|$)", lambda found: "\\" + found[0], text)


def _code(text):
    ours = OURS.match(text)
    if ours:
        return f":py:obj:`{text.removesuffix('()')} <gan_np{ours[1]}>`\\ "
    return f":literal:`{text}`\\ " if "\\" not in text and not text.startswith(" ") else _plain(text)


def paragraphs(lines):
    """Runs of lines between empty ones; an example goes on over them until its text does."""
    found, current = [], []
    for line in lines:
        if line.strip():
            current.append(line)
        elif current:
            found.append(current)
            current = []
    return [*found, current] if current else found


def converted(lines):
    """The lines of a docstring (its indentation taken away) as reStructuredText."""
    out = []
    for block in paragraphs(lines):
        if out[-1:] == [""] and all(line[:4] == "    " for line in block) and _ends_with_code(out):
            out += [*("   " + line for line in block), ""]
        elif block[0].lstrip().startswith(">>>"):
            out += [".. code-block:: pycon", "", *("   " + line for line in block), ""]
        elif HEAD.match(block[0].strip()):
            out += _errors(block)
        else:
            out += _text(block, title=not out)
    return out


def _ends_with_code(out):
    """Whether the last thing shown is a formula, which goes on after an empty line."""
    last = next((line for line in reversed(out) if not line.startswith("   ") and line), "")
    return last == ".. code-block:: text"


def _errors(block):
    head, *rest = block
    out, items = [f"**{head.strip().removesuffix(':')}**", ""], []
    margin = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    for line in rest:
        indented = len(line) - len(line.lstrip()) > margin
        if indented or (items and not ITEM.match(line.strip())):
            items[-1] += " " + line.strip()
        else:
            items.append(line.strip())
    for item in items:
        name, _, text = item.partition(": ")
        out += [f"- **{_plain(name)}**: {inline(text)}" if text else f"- {inline(name)}"]
    return [*out, ""]


def _text(block, title=False):
    """A paragraph, with the items and what is indented in it; at the start of a docstring "Convolution: …" is no item."""
    out, words, items, shown = [], [], [], []

    def finish():
        if words:
            out.extend([_begin(inline(" ".join(words))), ""])
        if items:
            out.extend(
                [*(f"- **{_plain(name)}**: {inline(text)}" for item in items for name, text in _apart(*item)), ""]
            )
        if shown:
            out.extend([".. code-block:: text", "", *("   " + line for line in shown), ""])
        words.clear(), items.clear(), shown.clear()

    for line in block:
        indented = line[:2] == "  "
        item = None if indented or (title and line is block[0] and line[:1].isupper()) else ITEM.match(line)
        if indented and items and not shown:
            items[-1] = (items[-1][0], f"{items[-1][1]} {line.strip()}")
        elif indented:
            if not shown:
                finish()
            shown.append(line)
        elif item and len(item[1].split()) <= WORDS_BEFORE_COLON + 4 and not words:
            if shown:
                finish()
            items.append((item[1], line[item.end() :].strip()))
        elif item and words and words[-1].rstrip().endswith((".", ":", ";")):
            finish()
            items.append((item[1], line[item.end() :].strip()))
        elif line[:2] in ("- ", "* "):
            finish()
            out.extend([f"- {inline(line[2:])}", ""])
        elif items:
            items[-1] = (items[-1][0], f"{items[-1][1]} {line.strip()}")
        else:
            if shown:
                finish()
            words.append(line.strip())
    finish()
    return out


def _apart(name, text):
    """The items that a line has one after the other: "one: this. other: that." """
    parts = NEXT_ITEM.split(text)
    return [(name, parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


def _begin(text):
    """A paragraph whose first characters are no mark of a list, a directive or a field."""
    return (
        "\\" + text
        if re.match(r"([-+•·]|\w{1,3}[.)]|\(\w\)|\.\.|:|=)(\s|$|\w)", text) and text[0] not in "\\:"
        else text
    )


def process(app, what, name, obj, options, lines):
    """For autodoc: a docstring in place."""
    lines[:] = converted([line.rstrip() for line in lines])


def skip(app, what, name, obj, skipped, options):
    """Fields of named tuples that nobody described."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app):
    """For Sphinx."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
