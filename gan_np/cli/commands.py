"""The commands, and the modules that they are in: one is imported when it is run, `gan-np --help` reads a table."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Listed(NamedTuple):
    """A command before its module is imported."""

    help: str
    """The first paragraph of its function's docstring, for the list of commands; a test compares them."""
    configured: bool = False
    """Whether it takes the settings of a training."""


class CtrlC(BaseException):
    """Ctrl-C ended a command: in place of a KeyboardInterrupt, on which typer ends the program without a word."""


COMMANDS = {
    "train": Listed(
        "Train a GAN; with no options, a DCGAN on 5,000 handwritten digits, about a minute and a half on two cores.",
        configured=True,
    ),
    "sweep": Listed(
        "Train every combination of some settings, and say which is best. Takes the settings of `train`.",
        configured=True,
    ),
    "sample": Listed("Draw samples from a trained run: images singly or as a grid, vectors as numbers."),
    "show": Listed(
        "Print what a run is, how far it got, its curves and its newest grid, as much as the terminal has room for.",
    ),
    "diff": Listed("Say in which settings two or more runs differ, and what was measured of each."),
    "neighbours": Listed("Show the training images nearest to samples, and test whether the generator copies."),
    "traverse": Listed("Draw a grid of one sample with one factor changed across and another down."),
    "walk": Listed(
        "Write an animation along a path through z: through random points and back to the first, or as the "
        "options say.",
    ),
    "explore": Listed(
        "Open a page in the browser that moves through a trained generator, and watches a run that trains.",
    ),
    "play": Listed(
        "Open a page in the browser on which small GANs of points train before one's eyes.",
    ),
    "invert": Listed(
        "Find the z whose image is nearest to each image given, draw it beside it, and keep it to go on from.",
    ),
    "profile": Listed(
        "Say where the time of a training step goes, by kernel and by layer. Takes the settings of `train`; trains nothing.",
        configured=True,
    ),
    "tune": Listed(
        "Time every kernel on what a training step needs, and keep the fastest. Takes the settings of "
        "`train`; trains nothing.",
        configured=True,
    ),
    "evaluate": Listed(
        "Say how good a run's samples are: a table, evaluation.json for machines, evaluation.html with the images.",
    ),
    "compare": Listed(
        "Say how far apart two sets of images are, beside how far apart two halves of one of them are. No run"
        " is needed.",
    ),
    "train-classifier": Listed(
        "Train a convolutional classifier on labelled images, for `gan-np evaluate RUN --classifier FILE`.",
    ),
    "export": Listed(
        "Write a trained model for other programs: as ONNX, or as a module of PyTorch; for people, as a page (.html).",
    ),
}
"""Commands by name, in the order in which they are listed. `train-classifier` is the function `train_classifier` in the file
of that name, and so are all others."""


def _command(name: str, function: Any, cls: type[TyperCommand] | None = None) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(name, cls=cls)(function)
    made = typer.main.get_command(app)
    made.name = name
    return made


def function_of(name: str) -> Any:
    """The function that a command runs, with its module imported."""
    module = name.replace("-", "_")
    return getattr(importlib.import_module(f"gan_np.cli.{module}"), module)


def load_command(name: str) -> Any:
    """The command of this name, with its module imported."""
    from .usage import Command

    chosen: type[TyperCommand] = Command
    if COMMANDS[name].configured:
        from .flags import ConfiguredCommand

        chosen = ConfiguredCommand
    return _command(name, function_of(name), chosen)


def _listed(name: str) -> Any:
    def placeholder() -> None: ...

    placeholder.__doc__ = COMMANDS[name].help
    return _command(name, placeholder)


class Commands(TyperGroup):
    """All commands: names and first lines from the table, the command itself when it is the one that is run."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.commands = {name: _listed(name) for name in COMMANDS}

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """As the base class; of several processes one says what is wrong."""
        from .together import said_once
        from .usage import USAGE_ERROR

        with said_once(USAGE_ERROR):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """As the base class; of several processes one says what is wrong.

        Raises:
            CtrlC: a KeyboardInterrupt came; with its notes.
        """
        from .together import said_once
        from .usage import USAGE_ERROR

        try:
            with said_once(USAGE_ERROR):
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise CtrlC(*getattr(error, "__notes__", [])) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """As the base class, but with the command's module imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load_command(name), rest
