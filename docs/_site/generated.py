"""Tables that are made from the code: commands, settings, what is registered, kernels, environment variables."""

import dataclasses
import os
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


def cell(text):
    """Text for a cell of a Markdown table."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").strip()


def table(heads, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def plain(help_text):
    """Help without the marks of colour, and its default, which stands at the end in brackets."""
    text = re.sub(r"\[/?dim\]", "", help_text or "").replace("\\[", "[")
    found = re.search(r"\s*\[([^\[\]]*)\]$", text)
    return (text[: found.start()], found[1]) if found else (text, "")


def commands():
    """Every command: what it does, its arguments and its options."""
    from gan_np.cli.commands import COMMANDS, load_command

    lines = []
    for name in COMMANDS:
        command = load_command(name)
        lines += [f"## gan-np {name}", "", *help_of(command), ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        if arguments:
            rows = [(f"`{p.name.upper()}`", cell(plain(getattr(p, "help", "") or "")[0])) for p in arguments]
            lines += table(("argument", "what it is"), rows)
        settings = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        panels = {}
        for option in settings:
            panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(option)
        for panel, options in panels.items():
            lines += [f"**{panel}**", ""]
            rows = []
            for option in options:
                text, default = plain(option.help)
                spelled = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
                if not default and option.default not in (None, "", [], ()) and not callable(option.default):
                    default = str(option.default).lower() if "Sentinel" not in repr(option.default) else ""
                rows.append((spelled, cell(text), cell(default)))
            lines += table(("option", "what it does", "default"), rows)
    return lines


def help_of(command):
    """The text of a command, in paragraphs; what is indented stays so."""
    text = plain(command.help)[0].replace("\b", "")
    return [re.sub(r"<", "&lt;", line) if line[:4] != "    " else line for line in text.splitlines()]


def settings():
    """Every field of a configuration, in its group."""
    from gan_np.runs import Config
    from gan_np.runs.fields import BOUNDS

    groups = {}
    for field in dataclasses.fields(Config):
        if field.name != "options":
            groups.setdefault(field.metadata["group"], []).append(field)
    lines = []
    for group, fields in groups.items():
        rows = []
        for field in fields:
            default = field.metadata["shown"] or ("none" if field.default in (None, "") else str(field.default))
            rows.append((f"`{field.name}`", cell(field.metadata["help"]), cell(default)))
        lines += [f"## {group}", "", *table(("setting", "what it does", "default"), rows)]
    assert set(BOUNDS) <= {field.name for field in dataclasses.fields(Config)}
    return lines


def options(kind):
    """The options of every registered model, objective or optimiser."""
    from gan_np.models.registered import listed
    from gan_np.runs.options import REGISTRIES, options_for

    lines = []
    for name in listed() if kind == "model" else REGISTRIES[kind]:
        found = options_for(kind, name)
        lines += [f"### {name}", "", first_sentence(REGISTRIES[kind][name]), ""]
        rows = [
            (
                f"`{option.name}`",
                cell(option.help.replace("`", "")),
                "needed" if option.required else cell(option.default),
            )
            for option in found
        ]
        lines += table(("option", "what it does", "default"), rows) if rows else ["It has no options.", ""]
    return lines


def first_sentence(thing):
    """The first paragraph of a docstring, as a line of Markdown."""
    return cell((thing.__doc__ or "").strip().split("\n\n")[0])


def registered(registry):
    """What a registry knows by name, with the first paragraph of each."""
    from gan_np.layers import LAYERS
    from gan_np.metrics import METRICS
    from gan_np.objectives import OBJECTIVES
    from gan_np.optimizers import OPTIMIZERS
    from gan_np.penalties import PENALTIES
    from gan_np.schedules import SCHEDULES
    from gan_np.training.hints import HINTS

    known = {
        "layers": LAYERS,
        "metrics": METRICS,
        "objectives": OBJECTIVES,
        "optimisers": OPTIMIZERS,
        "penalties": PENALTIES,
        "schedules": SCHEDULES,
        "hints": HINTS,
    }[registry]
    return table(("name", "what it is"), [(f"`{name}`", first_sentence(known[name])) for name in sorted(known)])


def kernels():
    """The table of kernels: operations, and the implementations of each."""
    from gan_np import kernels

    rows = []
    for operation in kernels.OPERATIONS:
        rows.append((f"`{operation}`", ", ".join(f"`{entry.name}`" for entry in kernels.entries(operation))))
    return table(("operation", "implementations"), rows)


MEANING = {
    "GAN_NP_CACHE": "The folder for compiled kernels, decoded data sets and downloads.",
    "GAN_NP_CPU": "What kernels are compiled for: a level, as `x86-64-v3`, or `native`; else the processor's best level.",
    "GAN_NP_CUDA_DEBUG": "With 1 the host waits for the GPU after each operation, so that errors name the operation.",
    "GAN_NP_KERNELS": "Forces kernels by name, as in `conv2d=reference,dense=numba`.",
    "GAN_NP_NUM_THREADS": "How many threads the compiled kernels use; without it one for each core.",
    "GAN_NP_SHIPPED": "With 0 compiled kernels that came with the library are not used.",
    "GAN_NP_WARM": "Set by the library for a process that compiles kernels ahead; do not set it.",
}


def environment():
    """Environment variables that the library reads, and the files that read them."""
    found = {}
    for folder in ("gan_np", "kernels"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in re.findall(r"\bGAN_NP_[A-Z_]+", file.read_text(encoding="utf-8")):
                found.setdefault(name, []).append(os.path.relpath(file, ROOT))
    rows = []
    for name, files in sorted(found.items()):
        links = ", ".join(f"[`{file}`](repository:{file})" for file in sorted(set(files)))
        rows.append((f"`{name}`", MEANING[name], links))  # a new one needs its sentence above
    return table(("variable", "what it does", "read by"), rows)


TABLES = {
    "commands": commands,
    "settings": settings,
    "options-of-models": lambda: options("model"),
    "options-of-objectives": lambda: options("objective"),
    "options-of-optimisers": lambda: options("optimizer"),
    "kernels": kernels,
    "environment": environment,
}


class Generated(SphinxDirective):
    """`generated` with the name of a table, or `registered NAME`."""

    required_arguments = 1
    optional_arguments = 1

    def run(self):
        name, *rest = self.arguments
        lines = registered(rest[0]) if name == "registered" else TABLES[name]()
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, self.env.docname), 0, holder, match_titles=True)
        return holder.children


def setup(app):
    """For Sphinx."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
