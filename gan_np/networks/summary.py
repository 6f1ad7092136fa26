"""A network as a table."""

from __future__ import annotations

import math
from html import escape
from typing import TypeAlias

from gan_np.layers import Declaration
from gan_np.layers.layer import Shapes
from gan_np.notebook import Summary, html_table

Row: TypeAlias = tuple[str, str, str, str]
HEADING: Row = ("", "layer", "output", "parameters")


def count_parameters(declaration: Declaration) -> int:
    """Number of trainable values here and below."""
    own = sum(math.prod(parameter.shape) for parameter in declaration.parameters.values())
    return own + sum(map(count_parameters, declaration.children.values()))


def summarise(declaration: Declaration, input_shape: Shapes) -> Summary:
    """One line a layer: path, layer, output shape without the batch axis, parameters. Totals below."""
    rows, ending = _rows(declaration, input_shape), _totals(declaration)
    return Summary(_as_text(rows, ending), f"{html_table(HEADING, rows, numbers=(3,))}<p>{escape(ending)}</p>")


def _rows(declaration: Declaration, input_shape: Shapes) -> list[Row]:
    rows: list[Row] = [("", "input", _show(input_shape), "")]

    def visit(part: Declaration, path: str, depth: int) -> None:
        own = sum(math.prod(parameter.shape) for parameter in part.parameters.values())
        title = part.title if len(part.title) <= 60 else part.title[:57] + "…"
        rows.append((path, "  " * depth + title, _show(part.output_shape), f"{own:,}" if part.parameters else ""))
        for name, child in part.children.items():
            if child.title:
                visit(child, f"{path}.{name}" if path else name, depth + 1)

    if declaration.children:
        for name, child in declaration.children.items():
            visit(child, name, 0)
    else:
        visit(declaration, "", 0)
    return rows


def _totals(declaration: Declaration) -> str:
    state = _count_state(declaration)
    return f"{count_parameters(declaration):,} parameters" + (f", {state:,} values of state" if state else "")


def _as_text(rows: list[Row], ending: str) -> str:
    widths = [max(len(row[column]) for row in [HEADING, *rows]) for column in range(4)]

    def line(row: Row) -> str:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].ljust(widths[2]), row[3].rjust(widths[3])]
        return "  ".join(cells).rstrip()

    rule = "─" * (sum(widths) + 6)
    return "\n".join([line(HEADING), rule, *map(line, rows), rule, ending])


def _count_state(declaration: Declaration) -> int:
    own = sum(math.prod(state.shape) for state in declaration.state.values())
    return own + sum(map(_count_state, declaration.children.values()))


def _show(shape: Shapes) -> str:
    if shape and isinstance(shape[0], tuple):
        return ", ".join(map(_show, shape))
    return "×".join(map(str, shape))
