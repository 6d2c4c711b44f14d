"""Draws a bar chart of cold starts as SVG."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, LEFT, RIGHT, ROW = 1000, 430, 70, 34
FONT = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
INK, FAINT, LINE = "#1c2733", "#5b6875", "#d5dbe1"
INIT, FIRST, OUR_INIT, OUR_FIRST = "#8a97a5", "#c3ccd4", "#2b8a6e", "#8cc7b4"


class Bar(NamedTuple):
    key: str
    title: str
    init_ms: float
    first_ms: float
    whole_ms: float
    ours: bool


def write(file: Path, bars: Sequence[Bar]) -> None:
    """Draw the bars, the longest one as wide as the chart; dark is init, light the first request."""
    longest = max(bar.init_ms + bar.first_ms for bar in bars)
    step = next(step for step in (50, 100, 200, 250, 500, 1000, 2000) if longest / step <= 8)
    span, height = WIDTH - LEFT - RIGHT, 62 + ROW * len(bars)
    parts = [
        _tag("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height)
        + f'<g font-family="{FONT}" font-size="13">',
        _tag("rect", width=WIDTH, height=height, fill="#fff") + "</rect>",
        _text(LEFT, 18, "start of the process to the first row, ms: dark init, light the first request", FAINT),
    ]
    for ms in range(0, int(longest) + 1, step):
        x = LEFT + ms / longest * span
        parts.append(_tag("path", d=f"M{x:.1f} 44V{height}", stroke=LINE) + "</path>")
        parts.append(_text(x, 38, str(ms), FAINT, anchor="middle"))
    for at, bar in enumerate(bars):
        y = 52 + at * ROW
        init, first = bar.init_ms / longest * span, bar.first_ms / longest * span
        dark, light = (OUR_INIT, OUR_FIRST) if bar.ours else (INIT, FIRST)
        weight = 700 if bar.ours else 400
        parts += [
            _text(LEFT - 10, y + 16, bar.title, INK, anchor="end", weight=weight),
            _tag("rect", x=LEFT, y=y, width=f"{init:.1f}", height=22, fill=dark) + "</rect>",
            _tag("rect", x=f"{LEFT + init:.1f}", y=y, width=f"{first:.1f}", height=22, fill=light) + "</rect>",
            _text(LEFT + init + first + 8, y + 16, f"{bar.whole_ms:.0f}", INK, weight=weight),
        ]
    file.write_text("\n".join([*parts, "</g></svg>", ""]), encoding="utf-8")


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start", weight: int = 400) -> str:
    look = {"font-weight": weight, "text-anchor": anchor}
    return _tag("text", x=f"{x:.1f}", y=f"{y:.1f}", fill=colour, **look) + escape(text) + "</text>"


def _tag(name: str, **attributes: object) -> str:
    return f"<{name} " + " ".join(f'{key}="{value}"' for key, value in attributes.items()) + ">"
