"""Where the migrations of a project create an object: the file and line that a finding belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

_POLICY = re.compile(r"policy (?P<name>.+) on (?P<table>table .+)")
_PART = re.compile(r"(?:column|constraint) (?P<name>.+) (?:of|on) (?P<table>table .+)")
_OBJECT = re.compile(
    r"(?P<kind>table|view|materialized view|foreign table|sequence|index|function|schema) (?P<name>[^(]+)"
)
_SKIPPED = frozenset({"node_modules", "site-packages"})


class Place(NamedTuple):
    """A line of a file."""

    file: str
    """Relative to the project's folder, with slashes."""
    line: int


class Sources:
    """The SQL files of a project."""

    def __init__(self, files: dict[str, str]) -> None:
        """`files` are their contents, by path."""
        self._files = files

    @classmethod
    def below(cls, root: Path, only: Collection[str] | None = None) -> Sources:
        """The SQL files below a folder; those with the contents `only`, if it is given."""
        texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in _sql_files(root)}
        return cls({path: text for path, text in texts.items() if only is None or text in only})

    def find(self, object: str) -> Place | None:
        """Where an object is created, last of all; None if no file does."""
        for pattern in _patterns(object):
            for path in reversed(self._files):
                matches = list(re.finditer(pattern, self._files[path], re.IGNORECASE))
                if matches:
                    return Place(path, self._files[path].count("\n", 0, matches[-1].start()) + 1)
        return None


def _sql_files(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*.sql")
        if not any(part.startswith(".") or part in _SKIPPED for part in path.relative_to(root).parts)
    )


def _patterns(object: str) -> Iterator[str]:
    """Regular expressions for the statement that creates an object, the most exact first."""
    if match := _POLICY.fullmatch(object):
        table = _name(match["table"].partition(" ")[2])
        yield rf"\bpolicy\s+{_name(match['name'])}\s+on\s+{table}(?![\w.])"
        yield from _patterns(match["table"])
    elif match := _PART.fullmatch(object):
        yield from _patterns(match["table"])
    elif match := _OBJECT.match(object):
        kind = match["kind"].replace(" ", r"\s+")
        yield rf"\bcreate\s[^;(]*?\b{kind}\s+(?:if\s+not\s+exists\s+)?{_name(match['name'])}(?![\w.])"
        # An index and a sequence are often created with a table, and their names are PostgreSQL's.
        if match["kind"] == "index":
            yield rf"\bindex\s+(?:if\s+not\s+exists\s+)?{_name(match['name'].rpartition('.')[2])}\b"


def _name(name: str) -> str:
    """A name as migrations write it: each part with or without quotes."""
    return r"\s*\.\s*".join(rf'"?{re.escape(part)}"?' for part in name.split("."))
