"""The names of parameters in PostgreSQL's messages and in SQL: `%(q)s` for `$2`."""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"\$(\d{1,5})\b")
# As many as prepared texts are cached.
MAX_STATEMENTS = 1024
_names: dict[bytes, tuple[str, ...]] = {}


def remember(command: bytes, names: tuple[str, ...]) -> None:
    """Keep the names of a statement's parameters, for messages about it."""
    if names:
        if len(_names) >= MAX_STATEMENTS:
            _names.clear()
        _names[command] = names


def named(text: str, command: bytes | None) -> str:
    """The text with `%(name)s` in place of each `$n` that is a parameter of the statement."""
    names = _names.get(command or b"", ())

    def name(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        return f"%({names[at]})s" if 0 <= at < len(names) else found[0]

    return _PARAMETER.sub(name, text)
