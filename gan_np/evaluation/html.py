"""A report as one HTML page that needs nothing else: images and bars inside, no script, no font, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .parts import Bars, Figure, Section, Table

STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
       max-width: 66rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 0 .5rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid #ddd }
p { max-width: 48rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 }
dt { color: #666 }
dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 }
th { text-align: left; font-weight: 600; border-bottom: 2px solid #999 }
td { border-bottom: 1px solid #e5e5e5 }
th, td { padding: .2rem .9rem .2rem 0; vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
figure { display: inline-block; margin: .5rem 1rem 1rem 0; vertical-align: top }
figcaption { color: #555; font-size: .9rem }
img { display: block; max-width: min(100%, 52rem); height: auto }
.pixels { image-rendering: pixelated }
svg text { font: 12px system-ui, sans-serif; fill: #333 }
"""
COLOURS = ("#2b6cb0", "#b7b7b7", "#c05621", "#2f855a")


def page(title: str, facts: Mapping[str, Any], sections: Sequence[Section]) -> str:
    """The whole page: a title, what was evaluated by name, and the sections."""
    listed = "".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items())
    body = "".join(map(_section, sections))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1><dl>{listed}</dl>{body}</body></html>\n"
    )


def _section(section: Section) -> str:
    text = "".join(f"<p>{escape(part)}</p>" for part in section.text.split("\n\n") if part.strip())
    body = [*map(_table, section.tables), *map(_bars, section.bars), *map(_figure, section.figures)]
    return f'\n<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>{text}{"".join(body)}</section>'


def _table(table: Table) -> str:
    def cells(tag: str, texts: tuple[str, ...]) -> str:
        kinds = ("number" if index in table.numbers else "" for index in range(len(texts)))
        return "".join(
            f'<{tag} class="{kind}">{escape(text)}</{tag}>' if kind else f"<{tag}>{escape(text)}</{tag}>"
            for kind, text in zip(kinds, texts, strict=True)
        )

    rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    return f'<div class="wide"><table><tr>{cells("th", table.columns)}</tr>{rows}</table></div>{note}'


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode()
    width, height = (side * figure.zoom for side in figure.size)
    kind = ' class="pixels"' if figure.zoom > 1 else ""
    return (
        f'<figure><img{kind} width="{width}" height="{height}" alt="{escape(figure.caption)}" '
        f'src="data:image/png;base64,{data}"><figcaption>{escape(figure.caption)}</figcaption></figure>'
    )


def _bars(bars: Bars) -> str:
    """Upright bars, the series of one label side by side, as an SVG."""
    height, bar, gap, left = 160, 14, 16, 44
    group = max(bar * len(bars.series) + gap, 8 * min(12, max(map(len, bars.labels))))
    width = left + group * len(bars.labels) + 10
    top = max(max(values) for values in bars.series.values()) or 1.0
    parts = [f'<text x="0" y="14">{top:.1%}</text><text x="0" y="{height + 10}">0</text>']
    parts.append(f'<line x1="{left}" x2="{width}" y1="{height + 10}" y2="{height + 10}" stroke="#999"/>')
    for series, (name, values) in enumerate(bars.series.items()):
        colour = COLOURS[series % len(COLOURS)]
        for index, value in enumerate(values):
            x: float = left + index * group + series * bar
            tall = height * value / top
            title = f"{bars.labels[index]}, {name}: {value:.2%}"
            parts.append(
                f'<rect x="{x}" y="{height + 10 - tall:.1f}" width="{bar - 2}" height="{tall:.1f}" fill="{colour}">'
                f"<title>{escape(title)}</title></rect>"
            )
    for index, label in enumerate(bars.labels):
        x = left + index * group + bar * len(bars.series) / 2
        parts.append(f'<text x="{x:.0f}" y="{height + 28}" text-anchor="middle">{escape(label[:12])}</text>')
    legend = "".join(
        f'<span style="color:{COLOURS[series % len(COLOURS)]}">■</span> {escape(name)}&ensp;'
        for series, name in enumerate(bars.series)
    )
    return f'<div class="wide"><svg width="{width}" height="{height + 36}">{"".join(parts)}</svg></div><p>{legend}</p>'
