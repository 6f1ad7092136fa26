"""The directive `public-names`: the reference of a room, each name from its docstring by autodoc."""

import inspect
import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import TypeAliasForwardRef

from gan_np.runs.settings import Settings

from . import names
from .docstrings import converted, inline


class PublicNames(SphinxDirective):
    """`public-names` with the name of a room: its docstring, then all of its names."""

    required_arguments = 1

    def run(self):
        room = self.arguments[0]
        lines = [f".. automodule:: gan_np.{room}", "   :no-members:", ""]
        for name in names.names_of(room):
            lines += self.entry(room, name)
        return self.parse(lines)

    def entry(self, room, name):
        thing = getattr(names.module_of(room), name)
        full, kind = names.spelled(room, name), names.kind_of(thing)
        documented = self.env.public_names_documented = getattr(self.env, "public_names_documented", {})
        self.env.public_objects = getattr(self.env, "public_objects", {})
        if documented.setdefault(full, self.env.docname) != self.env.docname or kind == "module":
            return []
        if kind == "data":
            text = names.text_after(room, name) or ""
            body = ["", *("   " + line for line in converted(text.splitlines()))] if text else []
            return [f".. py:data:: {full}", *body, ""]
        first = self.env.public_objects.setdefault(id(thing), full)
        if first != full:
            return [f".. py:data:: {full}", "", f"   The same as :py:obj:`{first}`.", ""]
        if inspect.ismethod(thing):  # a registry's own, under the room's name
            text = converted(inspect.getdoc(thing).splitlines())
            return [f".. py:function:: {full}{inspect.signature(thing)}", "", *("   " + line for line in text), ""]
        members = ["   :members:"] if kind == "class" else []
        return [f".. auto{kind}:: {full}{arguments(thing)}", *members, ""]

    def parse(self, lines):
        text = "```{eval-rst}\n" + "\n".join(lines) + "\n```\n"
        holder = nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), self.env.docname), 0, holder)
        return holder.children


def arguments(thing):
    """The signature of a function that Sphinx cannot show.

    Of one that takes settings by name: its own arguments, and **options, which the page of settings explains. Of one with an
    argument that is called with anything, `Callable[..., T]`: the names and defaults.
    """
    parameters = inspect.signature(thing).parameters if inspect.isfunction(thing) else {}
    settings = Settings.__annotations__ if "g_learning_rate" in parameters else {}
    if not settings and not any("Callable[...," in str(one.annotation) for one in parameters.values()):
        return ""
    own, starred, rest = [], False, "options" if settings else None
    for name, parameter in parameters.items():
        if name in settings and name not in ("images", "labels"):
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            rest = name
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            own.append(f"*{name}")
            starred = True
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            own.append("*")
            starred = True
        own.append(name if parameter.default is parameter.empty else f"{name}={parameter.default!r}")
    return f"({', '.join([*own, *([f'**{rest}'] if rest else [])])})"


class TopLevelNames(SphinxDirective):
    """`top-level-names`: every name of `gan_np` itself, with the first sentence of its docstring."""

    def run(self):
        import gan_np

        rows = []
        for name in sorted(gan_np.__all__):
            thing = getattr(gan_np, name)
            kind = names.kind_of(thing)
            text = (thing.__doc__ or "") if kind != "data" else names.text_after("layers", name) or ""
            first = text.strip().split("\n\n")[0].replace("\n", " ")
            role = {"module": "mod", "class": "class", "function": "func", "data": "data"}[kind]
            rows.append(f"   * - :py:{role}:`~gan_np.{name}`\n     - {inline(' '.join(first.split()))}")
        lines = "```{eval-rst}\n.. list-table::\n   :widths: 25 75\n\n" + "\n".join(rows) + "\n```"
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines.splitlines(), self.env.docname), 0, holder)
        return holder.children


def forget(app, env, docname):
    """A page that is read again documents its names again."""
    documented = getattr(env, "public_names_documented", {})
    for name in [name for name, where in documented.items() if where == docname]:
        del documented[name]


BACK = re.compile(r'<a class="viewcode-back" href="[^"#]*#([^"]+)">[^<]*</a>')


def without_dead_links(app, page, template, context, doctree):
    """In pages of source: no link back to a name that the reference has under another one."""
    if page.startswith("_modules/"):
        objects = app.env.get_domain("py").objects
        context["body"] = BACK.sub(lambda found: found[0] if found[1] in objects else "", context["body"])


def setup(app):
    """For Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.add_directive("top-level-names", TopLevelNames)
    app.connect("env-purge-doc", forget)
    app.connect("html-page-context", without_dead_links)
    TypeAliasForwardRef.__repr__ = lambda alias: alias.name  # types of autodoc_type_aliases, also inside others
    return {"parallel_read_safe": False}
