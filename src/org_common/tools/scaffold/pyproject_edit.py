"""Adds entries to the lists of `[tool.org-common]`, and leaves the rest of pyproject.toml as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def added(text: str, key: str, value: str) -> str:
    """The text of a pyproject.toml with `value` in the list `key` of `[tool.org-common]`, once, one entry a line."""
    import tomlkit

    document: Any = tomlkit.parse(text)
    table = document["tool"]["org-common"]
    entries = list(table.get(key, []))
    if value in entries:
        return text
    array = tomlkit.array()
    for entry in [*entries, value]:
        array.add_line(entry, indent="  ")
    array.add_line(indent="")
    if key in table and table[key].as_string().count("\n"):
        # A list of several lines may have comments.
        table[key].add_line(value, indent="  ", add_comma=True)
    else:
        table[key] = array
    return tomlkit.dumps(document)


def add(root: Path, key: str, value: str) -> None:
    """Add `value` to the list `key` of `[tool.org-common]` in the pyproject.toml of `root`."""
    file = root / "pyproject.toml"
    file.write_text(added(file.read_text(encoding="utf-8"), key, value), encoding="utf-8", newline="\n")
