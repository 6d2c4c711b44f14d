"""One HTML page of a report. It is self-contained: it loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

TEMPLATE = Path(__file__).with_suffix(".html")


def html_page(title: str, parts: Iterable[str], style: str = "") -> str:
    """The page. `parts` are HTML, such as of `section`; `style` is CSS in addition to that of all pages."""
    values = {"title": escape(title), "style": style, "sections": "\n".join(parts)}
    text = TEMPLATE.read_text(encoding="utf-8")
    # The parts come last: they may contain a name in braces.
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def section(title: str, content: str) -> str:
    """A part of the page under a heading; `content` is HTML."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells of `rows` are HTML."""
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
