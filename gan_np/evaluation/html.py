"""A report as one HTML page that needs nothing else: images and bars inside, no script, no font, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .parts import Bars, Figure, Section, Table

STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --faint: #5f5f5f; --page: #fff; --line: #ddd; --strong: #999;
        --bar0: #2b6cb0; --bar1: #a3a3a3; --bar2: #c05621; --bar3: #2f855a }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --faint: #a6a6a6; --page: #161618; --line: #3a3a3d; --strong: #77777c;
          --bar0: #63a4e6; --bar1: #8a8a8f; --bar2: #e0895a; --bar3: #62b58c }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
       max-width: 66rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line) }
p { max-width: 48rem }
.short { font-weight: 600 }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: 0 }
dt { color: var(--faint) }
dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; margin: .5rem 0 }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--strong) }
td { border-bottom: 1px solid var(--line) }
th, td { padding: .2rem .9rem .2rem 0; vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th.number { white-space: normal }
figure { display: inline-block; margin: .5rem 1rem 1rem 0; vertical-align: top; max-width: 100% }
figcaption { color: var(--faint); font-size: .9rem }
img { display: block; max-width: 100%; height: auto; background: #fff }
.pixels { image-rendering: pixelated }
svg { display: block }
svg text { font: 12px system-ui, sans-serif; fill: var(--text) }
svg line { stroke: var(--strong) }
@media (max-width: 36rem) {
  body { margin: 1rem auto; padding: 0 .75rem; font-size: 15px }
  h1 { font-size: 1.3rem }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0 }
  dd { margin-bottom: .4rem }
  table { font-size: .8rem }
  th, td { padding-right: .5rem }
  figure { margin-right: 0 }
}
"""
SERIES = 4
"""How many colours there are for bars; further series begin again."""


def page(title: str, facts: Mapping[str, Any], sections: Sequence[Section]) -> str:
    """The whole page: a title, what was evaluated by name, and the sections."""
    listed = "".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items())
    body = "".join(map(_section, sections))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1><dl>{listed}</dl>{body}</body></html>\n"
    )


def _section(section: Section) -> str:
    text = "".join(
        f'<p class="short">{escape(part)}</p>' if part == section.short else f"<p>{escape(part)}</p>"
        for part in section.text.split("\n\n")
        if part.strip()
    )
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
    parts.append(f'<line x1="{left}" x2="{width}" y1="{height + 10}" y2="{height + 10}"/>')
    for series, (name, values) in enumerate(bars.series.items()):
        colour = _colour(series)
        for index, value in enumerate(values):
            x: float = left + index * group + series * bar
            tall = height * value / top
            title = f"{bars.labels[index]}, {name}: {value:.2%}"
            parts.append(
                f'<rect x="{x}" y="{height + 10 - tall:.1f}" width="{bar - 2}" height="{tall:.1f}" style="fill:{colour}">'
                f"<title>{escape(title)}</title></rect>"
            )
    for index, label in enumerate(bars.labels):
        x = left + index * group + bar * len(bars.series) / 2
        parts.append(f'<text x="{x:.0f}" y="{height + 28}" text-anchor="middle">{escape(label[:12])}</text>')
    legend = "".join(
        f'<span style="color:{_colour(series)}">■</span> {escape(name)}&ensp;'
        for series, name in enumerate(bars.series)
    )
    return f'<div class="wide"><svg width="{width}" height="{height + 36}">{"".join(parts)}</svg></div><p>{legend}</p>'


def _colour(series: int) -> str:
    """Of the bars of a series, by the name that the style gives it in light and dark."""
    return f"var(--bar{series % SERIES})"
