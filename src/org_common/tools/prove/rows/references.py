"""Placeholders in declared values and statements: {user}, {tenant}, a person's name, {table.column}."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

NAME = re.compile(r"\{(?:(\w+\.\w+)\.)?(\w+)(?::(\d+))?\}")


def resolve(text: str, words: Mapping[str, str], values: Callable[[str, str], Sequence[str | None]]) -> str:
    """The text with its placeholders replaced.

    `words` has the values of simple names, and `values` returns those of a column in the rows of the tenant:
    {table.column} is the first, {table.column:2} the second. Raises `LookupError` for a value that does not exist.
    Braces around another name stay, as in JSON and arrays.
    """

    def value(match: re.Match[str]) -> str:
        table, name, place = match[1], match[2], int(match[3] or 1)
        if not table:
            return words.get(name, match[0])
        found = values(table, name)
        if len(found) < place:
            raise LookupError(f"there is no {match[0]}")
        return found[place - 1] or ""

    return NAME.sub(value, text)
