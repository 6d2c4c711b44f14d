"""Numbered placeholders: `$1` of other drivers, found outside of what SQL quotes."""

from __future__ import annotations

import re

# What may contain `$1` without being one: strings, names, dollar quotes, comments. Comments nest.
_TOKEN = re.compile(
    r"""
    (?P<number>\$\d+)
    | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | --[^\n\r]*
    | (?P<comment>/\*)
    | [^\W\d][\w$]*
    """,
    re.VERBOSE | re.DOTALL,
)


_MARK = re.compile(r"/\*|\*/")


def numbered_placeholder(text: str) -> str | None:
    """The first `$1` of a statement that is not in a string, a quoted name or a comment; None without one."""
    if "$" not in text:
        return None
    at = 0
    while (found := _TOKEN.search(text, at)) is not None:
        if found["number"]:
            return found["number"]
        at = _comment_end(text, found.start()) if found["comment"] else found.end()
    return None


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for mark in _MARK.finditer(text, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)
