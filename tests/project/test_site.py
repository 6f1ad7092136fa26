"""The site: every page is in a table of contents and links what there is; docstrings become text that Sphinx reads.

`.ci/run` builds it with warnings as errors, which runs the tutorials; what is cheap is tested here, without Sphinx.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.S | re.M)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def in_contents(pages: list[Path]) -> set[Path]:
    """Pages that a table of contents names."""
    found = {DOCS / "index.md"}
    for page in pages:
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            names = [line.strip() for line in block.splitlines() if line.strip() and not line.startswith(":")]
            found |= {(page.parent / f"{name}.md").resolve() for name in names}
    return found


def test_every_page_is_in_a_table_of_contents() -> None:
    assert set(PAGES) - in_contents(PAGES) == set()


def test_every_entry_of_a_table_of_contents_is_a_page() -> None:
    assert in_contents(PAGES) - set(PAGES) == set()


def slug(heading: str) -> str:
    """As repositories and MyST name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def broken(page: Path) -> list[str]:
    """Links of a page to files, headings, classes or functions that are not there."""
    links = repository_links()
    found = []
    for target in LINK.findall(re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)):
        name, _, fragment = target.partition("#")
        path = page.parent / name
        if not path.exists():
            found.append(target)
        elif fragment and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
            if fragment not in map(slug, headings):
                found.append(target)
        elif fragment and path.suffix == ".py" and links.line_of(path, fragment) is None:
            found.append(target)
    return found


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page, code = tmp_path / "page.md", tmp_path / "code.py"
    code.write_text("class A:\n    def b(self): ...\n\nC = 1\n")
    page.write_text(
        "# One\n[a](page.md#one) [b](page.md#two) [c](code.py#A.b) [d](code.py#C) [e](code.py#D) [f](no.md)\n"
    )
    assert broken(page) == ["page.md#two", "code.py#D", "no.md"]


def terms(page: str) -> list[str]:
    """The glossary's headings."""
    return re.findall(r"^## (.*)$", page, re.M)


def test_every_term_of_the_glossary_is_linked_from_a_page_and_they_are_in_order() -> None:
    glossary = DOCS / "glossary.md"
    found = terms(glossary.read_text(encoding="utf-8"))
    linked = set()
    for page in PAGES:
        linked |= set(re.findall(r"glossary\.md#([^)\s]+)\)", page.read_text(encoding="utf-8")))
    assert {slug(term) for term in found} - linked == set()
    assert found == sorted(found, key=str.lower)


def empty_sections(text: str) -> list[str]:
    """Headings that the next heading of the same rank, or of a higher one, follows at once."""
    without_code = re.sub(r"^(```+|:::+).*?^\1", "code", text, flags=re.S | re.M)
    lines = [line for line in without_code.splitlines() if line.strip()]
    ranks = [len(line) - len(line.lstrip("#")) if re.match(r"#+ ", line) else 0 for line in lines]
    pairs = zip(lines, ranks, [*ranks[1:], 1], strict=True)
    return [line for line, rank, following in pairs if rank and following and following <= rank]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_section_is_empty(page: Path) -> None:
    assert empty_sections(page.read_text(encoding="utf-8")) == []


def test_an_empty_section_is_found() -> None:
    assert empty_sections("# A\n\n## B\n\n## C\n\nText.\n\n### D\n\n```\n# no heading\n```\n\n## E\n") == [
        "## B",
        "## E",
    ]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def site_module(name: str):
    """A module of docs/_site."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(f"_site.{name}")
    finally:
        sys.path.remove(str(DOCS))


def repository_links():
    """Where links to files lead; it needs Sphinx, so only its pure part is loaded."""
    source = (DOCS / "_site" / "lines.py").read_text(encoding="utf-8")
    namespace: dict[str, object] = {}
    exec(compile(source, str(DOCS / "_site" / "lines.py"), "exec"), namespace)
    return type("Lines", (), {"line_of": staticmethod(namespace["line_of"])})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("One line,\ntwo lines.", ["One line, two lines.", ""]),
        ("a*b, |x|, `code` and w_", [r"a\*b, \|x\|, :literal:`code`\  and w\_", ""]),
        ("Formula:\n\n    y = x*2\n", ["Formula:", "", ".. code-block:: text", "", "       y = x*2", ""]),
        ("x: the input.\n    and more.\ny: the output.", ["- **x**: the input. and more.", "- **y**: the output.", ""]),
        ("x: the input. y, z: the outputs.", ["- **x**: the input.", "- **y, z**: the outputs.", ""]),
        ("Convolution: x to y.\n\nx: the input.", ["Convolution: x to y.", "", "- **x**: the input.", ""]),
        ("Raises:\n    ValueError: no x.", ["**Raises**", "", "- **ValueError**: no x.", ""]),
        (">>> 1 + 1\n2", [".. code-block:: pycon", "", "   >>> 1 + 1", "   2", ""]),
        ("See `gan_np.train`.", [r"See :py:obj:`gan_np.train <gan_np.train>`\ .", ""]),
    ],
    ids=["paragraph", "marks", "formula", "items", "items-of-a-line", "title", "errors", "example", "link"],
)
def test_docstrings_become_text_that_sphinx_reads(text: str, shown: list[str]) -> None:
    assert site_module("docstrings").converted(text.splitlines()) == shown


def public() -> dict[str, object]:
    names = site_module("names")
    return {names.spelled(room, name): (room, name, thing) for room, name, thing in names.everything()}


def undocumented() -> list[str]:
    """Public names, and methods of public classes, without a docstring (a constant: without a string under it)."""
    names, found = site_module("names"), []
    for full, (room, name, thing) in public().items():
        if names.kind_of(thing) == "data":
            if not (names.text_after(room, name) or "").strip():
                found.append(full)
            continue
        if not (getattr(thing, "__doc__", None) or "").strip():
            found.append(full)
        if inspect.isclass(thing):
            for own, member in vars(thing).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if own.startswith("_") or own in getattr(
                    thing, "__dataclass_fields__", {}
                ):  # a field that holds a function
                    continue
                if inspect.isfunction(function) and not inspect.getdoc(getattr(thing, own)):
                    found.append(f"{full}.{own}")
    return found


def test_no_public_name_is_without_a_docstring() -> None:
    assert len(public()) > 300
    assert undocumented() == []


READ_BY_PEOPLE = (
    *("train", "resume", "iterate", "load", "save", "save_grid", "show", "Network", "Sequential", "Dense", "Conv2d"),
    *("BatchNorm", "Adam", "models.dcgan", "data.open", "evaluation.evaluate", "testing.check_gradients"),
)


@pytest.mark.parametrize("name", READ_BY_PEOPLE)
def test_help_reads_as_a_person_would(name: str) -> None:
    """A first sentence that ends, every argument explained, nothing wider than a terminal of 125 columns."""
    import gan_np as gn

    thing = gn
    for part in name.split("."):
        thing = getattr(thing, part)
    text = inspect.getdoc(thing)
    whole = "\n".join(inspect.getdoc(one) or "" for one in thing.__mro__[:-1]) if isinstance(thing, type) else text
    first = text.split("\n\n")[0]
    assert first[0].isupper() or first[0] in "yh("
    assert re.search(r"[.:)]$", first), first
    assert max(map(len, text.splitlines())) <= 125
    settings = set(gn.runs.settings.Settings.__annotations__) if name in ("train", "resume", "iterate") else set()
    for argument in inspect.signature(thing).parameters:
        if argument not in {"options", "self", *settings} and not argument.startswith("_"):
            assert re.search(rf"\b{argument}\b", whole), argument
