"""What messages about a statement may show: the names of its parameters, `%(q)s` for `$2`, and whether its SQL."""

from __future__ import annotations

import re

_PARAMETER = r"\$(\d{1,5})\b"
# As many as prepared texts are cached.
MAX_STATEMENTS = 1024
_names: dict[bytes, tuple[str, ...]] = {}
_with_values: set[bytes] = set()


def remember(command: bytes, names: tuple[str, ...]) -> None:
    """Keep the names of a statement's parameters, for messages about it."""
    if names:
        if len(_names) >= MAX_STATEMENTS:
            _names.clear()
        _names[command] = names


def withhold(command: bytes) -> None:
    """Never show this statement: it was composed with literal values."""
    if len(_with_values) >= MAX_STATEMENTS:
        _with_values.clear()
    _with_values.add(command)


def is_withheld(command: bytes) -> bool:
    """Whether the statement holds values."""
    return command in _with_values


def named(text: str, command: bytes | None) -> str:
    """The text with `%(name)s` in place of each `$n` that is a parameter of the statement."""
    names = _names.get(command or b"", ())

    def name(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        return f"%({names[at]})s" if 0 <= at < len(names) else found[0]

    return re.sub(_PARAMETER, name, text)
