"""SQL with the place of each of its characters in the source: a statement is often composed of several constants."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from typing import NamedTuple

from org_common.tools.check.code.sources import Source


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


class Part(NamedTuple):
    """A part of the SQL that is written in one string."""

    text: str
    place: Place


@dataclass(frozen=True)
class SqlText:
    """A statement, and where it is written."""

    parts: tuple[Part, ...]
    name: str = ""
    """The constant that holds it; empty for SQL that is written in the call."""
    value: object = None
    """What is passed to the SDK: a string, or composed SQL."""

    @property
    def text(self) -> str:
        """The SQL, with placeholders such as `%(org_id)s`."""
        return "".join(part.text for part in self.parts)

    @property
    def title(self) -> str:
        """Its name, or its first words."""
        return self.name or " ".join(self.text.split())[:40]

    def place(self, at: int = 0) -> Place:
        """Where a character of the text, from 0, is written."""
        text = self.text
        # A blank line above the first word is not the place of an error.
        at = max(at, len(text) - len(text.lstrip()))
        for part in self.parts:
            if at < len(part.text):
                return Place(part.place.file, part.place.line + part.text.count("\n", 0, at))
            at -= len(part.text)
        last = self.parts[-1]
        return Place(last.place.file, last.place.line + last.text.count("\n"))

    def find(self, word: str) -> Place:
        """Where a word of the statement is written; its beginning without one."""
        return self.place(max(self.text.find(word), 0))


def written(source: Source, constant: ast.Constant) -> tuple[Part, ...]:
    """The strings that Python joins to one constant: `"select a" " from t"` is two, on two lines perhaps."""
    lines = source.text.splitlines(keepends=True)[constant.lineno - 1 : constant.end_lineno]
    parts: list[Part] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            if token.type == tokenize.STRING and _is_within(token, constant):
                text = ast.literal_eval(token.string)
                skipped = token.string.count("\n") - text.count("\n") if "\\\n" in token.string else 0
                parts.append(Part(text, Place(source.file, constant.lineno + token.start[0] - 1 + max(skipped, 0))))
    except (tokenize.TokenError, SyntaxError, ValueError):
        parts = parts or []
    if "".join(part.text for part in parts) == constant.value:
        return tuple(parts)
    return (Part(str(constant.value), Place(source.file, constant.lineno)),)


def _is_within(token: tokenize.TokenInfo, constant: ast.Constant) -> bool:
    """Other strings may begin on the constant's first line and end on its last one."""
    row, column = token.start
    if row == 1 and column < constant.col_offset:
        return False
    last = (constant.end_lineno or constant.lineno) - constant.lineno + 1
    return row < last or token.start[1] < (constant.end_col_offset or 0)


def original_position(text: str, command: str, at: int) -> int:
    """The position in SQL with named placeholders of a position in the command, which has `$1` for them."""
    i = j = 0
    while j < at and i < len(text):
        if text.startswith("%(", i) and command.startswith("$", j):
            i = text.find(")s", i) + 2
            j += 1
            while j < len(command) and command[j].isdigit():
                j += 1
        elif text.startswith("%%", i) and not command.startswith("%%", j):
            i, j = i + 2, j + 1
        else:
            i, j = i + 1, j + 1
    return i
