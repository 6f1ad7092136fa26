"""Options of the commands that read features: which, and what an ONNX network is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from gan_np.evaluation.preprocessing import Preprocessing

PANEL = "What a network of an ONNX file is shown"

WHICH = "pixels, classifier, a classifier's file, or a network in an ONNX file: FILE.onnx or FILE.onnx:OUTPUT."

Features = Annotated[str, typer.Option(metavar="WHICH", help=WHICH)]
FeaturesOrNone = Annotated[
    str | None, typer.Option(metavar="WHICH", help=WHICH, show_default="classifier; pixels without labels")
]
InputSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIDE",
        help="Side, or HEIGHTxWIDTH, that images are resized to, antialiased [dim]\\[what it takes][/dim].",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
InputRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW..HIGH",
        help="The values of black and white [dim]\\[what the file says, or 0..1; of bytes 0..255][/dim].",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
InputMean = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="Subtracted from that: 0.485,0.456,0.406 [dim]\\[nothing][/dim].",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
InputStd = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="What that is divided by: 0.229,0.224,0.225 [dim]\\[nothing][/dim].",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
InputOrder = Annotated[Literal["rgb", "bgr"], typer.Option(help="Of three channels.", rich_help_panel=PANEL)]
InputLayout = Annotated[
    Literal["nchw", "nhwc"] | None,
    typer.Option(
        help="Channels first or last [dim]\\[as the file says][/dim].", show_default=False, rich_help_panel=PANEL
    ),
]
InputFilter = Annotated[
    Literal["bicubic", "bilinear", "lanczos", "box"],
    typer.Option(help="Of the resizing, Pillow's.", rich_help_panel=PANEL),
]


def preprocessing_of(
    size: str | None,
    value_range: str | None,
    mean: str | None,
    std: str | None,
    order: str,
    layout: str | None,
    filter: str,
) -> Preprocessing:
    """What these options say.

    Raises:
        TypeError, ValueError: one of them is wrong; the message names it.
    """
    from gan_np.evaluation.preprocessing import Preprocessing

    return Preprocessing(size, value_range, mean, std, order, layout, filter)
