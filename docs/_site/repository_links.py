"""Links from a page to files of the repository, `[text](../gan_np/objectives.py#Hinge)`, lead to pages of the site.

A page of the site shows the file with its lines numbered; after # stands what is meant: the name of a class, function or
constant ("Hinge.real" for a method), or a line (L120). What is not there is a warning, so the build fails. Files of
Markdown are shown as text with headings, folders as lists.
"""

import html
import os
import re
from pathlib import Path

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.util import logging

from .lines import line_of

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(\]\()((?:\.\./)+[^)\s]*)(\))")
LOGGER = logging.getLogger(__name__)
LARGEST = 400_000
HERE = Path(__file__).resolve().parent


def to_repository(app, docname, source):
    """Before a page is read: paths that lead out of docs/ get a scheme of their own."""
    folder = Path(app.env.doc2path(docname)).parent

    def replaced(found):
        target, _, fragment = found[2].partition("#")
        path = Path(os.path.normpath(folder / target))
        page = path.is_relative_to(app.srcdir) and not path.is_relative_to(HERE)
        if page or not path.is_relative_to(ROOT):
            return found[0]
        place = path.relative_to(ROOT).as_posix()
        return f"{found[1]}repository:{place}{'#' + fragment if fragment else ''}{found[3]}"

    source[0] = LINK.sub(replaced, source[0])


def resolve(app, doctree, docname):
    """When a page is written: the scheme becomes the place of the file's page."""
    for node in list(doctree.findall(nodes.reference)):
        uri = node.get("refuri", "")
        if uri.startswith("repository:"):
            node["refuri"] = target_of(app, docname, uri.removeprefix("repository:"))
            node["internal"] = True


def target_of(app, docname, place):
    """The address of a file's page, from a page of the site."""
    place, _, fragment = place.partition("#")
    path, anchor = ROOT / place, ""
    if not path.exists():
        LOGGER.warning("no such file in the repository: %s", place, location=docname)
        return ""
    if fragment and path.suffix == ".py":
        line = line_of(path, fragment)
        if line is None:
            LOGGER.warning("%s has no %s", place, fragment, location=docname)
        anchor = f"#line-{line}"
    elif fragment:
        anchor = f"#{fragment}"
    wanted(app).add(place.rstrip("/"))
    return app.builder.get_relative_uri(docname, page_of(place)) + anchor


def page_of(place):
    """The name of a file's page."""
    return "repository/" + place.rstrip("/")


def wanted(app):
    """Files whose pages are to be made."""
    if not hasattr(app, "repository_files"):
        app.repository_files = set()
    return app.repository_files


def pages(app):
    """A page for each file that is linked, and for those that these link."""
    done = set()
    while todo := sorted(wanted(app) - done):
        for place in todo:
            done.add(place)
            yield page_of(place), {"title": place, "body": body_of(app, place), "parents": []}, "page.html"


def body_of(app, place):
    """A file as HTML."""
    path, title = ROOT / place, f"<h1>{html.escape(place)}</h1>"
    if path.is_dir():
        return title + "<ul>" + "".join(f"<li>{html.escape(one.name)}</li>" for one in sorted(path.iterdir())) + "</ul>"
    if path.stat().st_size > LARGEST:
        return f"{title}<p>{path.stat().st_size:,} bytes; it is in the repository.</p>"
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return _markdown(app, place, text)
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(
        linenos="inline", lineanchors="line", anchorlinenos=True, cssclass="highlight source-lines"
    )
    return title + highlight(text, lexer, formatter)


def _markdown(app, place, text):
    from markdown_it import MarkdownIt

    def replaced(found):
        target, _, fragment = found[2].partition("#")
        path = Path(os.path.normpath((ROOT / place).parent / target))
        if not path.exists() or not path.is_relative_to(ROOT):
            LOGGER.warning("%s links %s, which is not there", place, found[2])
            return found[0]
        if path.is_relative_to(app.srcdir) and path.suffix == ".md":
            uri = app.builder.get_relative_uri(page_of(place), path.relative_to(app.srcdir).with_suffix("").as_posix())
        else:
            other = path.relative_to(ROOT).as_posix()
            wanted(app).add(other)
            uri = app.builder.get_relative_uri(page_of(place), page_of(other))
        return f"{found[1]}{uri}{'#' + fragment if fragment else ''}{found[3]}"

    links = re.compile(r"(\]\()((?!https?:|#|mailto:)[^)\s]+)(\))")
    return MarkdownIt().enable("table").render(links.sub(replaced, text))


def setup(app):
    """For Sphinx."""
    app.connect("source-read", to_repository)
    app.connect("doctree-resolved", resolve)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
