"""Renders the templates of generated files, as `ruff format` would write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("templates")
LINE_LENGTH = 120


def render(template: str, **values: Any) -> str:
    """The text of a template in the folder `templates`, for example "table/models.py"."""
    return _environment().get_template(f"{template}.jinja").render(values)


def wrap(head: str, items: Sequence[str], tail: str) -> str:
    """`head(items)tail` in brackets that `head` opens: on one line, on three, or one line per item.

    The first form that fits is taken, as `ruff format` does. `head` may be indented.
    """
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= LINE_LENGTH:
        return line
    indent = " " * (len(head) - len(head.lstrip()))
    inner = f"{indent}    {', '.join(items)}"
    if len(inner) <= LINE_LENGTH:
        return f"{head}\n{inner}\n{indent}{tail}"
    lines = "".join(f"{indent}    {item},\n" for item in items)
    return f"{head}\n{lines}{indent}{tail}"


def import_lines(imports: Iterable[tuple[str, str]]) -> str:
    """Import statements of (module, name), sorted as ruff sorts them."""
    modules: dict[str, set[str]] = {}
    for module, name in imports:
        modules.setdefault(module, set()).add(name)
    lines = []
    for module in sorted(modules):
        names = sorted(modules[module], key=_order)
        line = f"from {module} import {', '.join(names)}"
        if len(line) > LINE_LENGTH:
            line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
        lines.append(line)
    return "\n".join(lines)


def _order(name: str) -> tuple[int, str]:
    """Constants, classes, then functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        # Braces are for paths, dicts and GitHub's expressions.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- source code, not HTML
    )
    functions: Mapping[str, Any] = {"wrap": wrap, "import_lines": import_lines}
    environment.globals.update(functions)
    return environment
