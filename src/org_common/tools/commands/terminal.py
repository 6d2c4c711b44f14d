"""Colors and progress in a terminal, by click. A pipe or a log gets neither."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    # The public name `click.progressbar` is a function.
    from click._termui_impl import ProgressBar

# The word at the beginning of a line says how bad it is.
COLORS = {
    "error": "red", "fault": "red", "violation": "red", "problem": "red", "unexpected": "red",
    "warning": "yellow", "changed": "yellow", "waived": "yellow", "pending": "yellow",
    "missing": "cyan", "note": "cyan",
}  # fmt: skip
_WORD = re.compile(rf"^({'|'.join(COLORS)})\b", re.MULTILINE)
_GOOD = re.compile(r"^(no violations|no drift|0 errors|0 faults)\b", re.MULTILINE)
_SQL = re.compile(r"^ +(?:>|fix:) .*$", re.MULTILINE)


def set_color(ctx: click.Context) -> None:
    """Follow the variables NO_COLOR (no-color.org) and FORCE_COLOR; without them, terminals get colors."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    elif os.environ.get("FORCE_COLOR"):
        ctx.color = True


def colored(text: str) -> str:
    """Lines with the color of what they say. `click.echo` removes colors if it does not print to a terminal."""
    text = _SQL.sub(lambda found: click.style(found[0], dim=True), text)
    text = _WORD.sub(lambda found: click.style(found[0], fg=COLORS[found[1]], bold=True), text)
    return _GOOD.sub(lambda found: click.style(found[0], fg="green", bold=True), text)


def show_progress(noun: str) -> Callable[[int, int], None]:
    """A bar on stderr with the time that is left; in a log, one line at the end."""
    bar: ProgressBar[Any] | None = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if not sys.stderr.isatty():
            if done == total:
                click.echo(f"{done:,} of {total:,} {noun}", err=True)
            return
        if bar is None:
            bar = click.progressbar(length=total, label=noun, show_pos=True, file=sys.stderr)
            bar.render_progress()
        bar.update(done - bar.pos)
        if done == total:
            bar.render_finish()
            bar = None

    return show
