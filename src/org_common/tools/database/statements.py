"""Splits a SQL file into statements by PostgreSQL's own rules (scan.l and gram.y of 14 to 18).

It knows comments, nested or not, every form of string, and function bodies between BEGIN ATOMIC and END. It does not
check anything else: text that PostgreSQL cannot parse comes out in pieces of no meaning, and PostgreSQL rejects it.
The tests compare the pieces with what a server makes of the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# PostgreSQL takes every character beyond ASCII for a letter.
_LETTER = "A-Za-z_\u0080-\U0010ffff"
# An E string that goes on after a line break still has backslash escapes.
_GOES_ON = r"(?:[ \t\f\v]|--[^\n\r]*)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*+'"
_ESCAPED = r"(?:[^'\\]++|\\.|'')*+'"
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\n\r\f\v]++|--[^\n\r]*+)
    | (?P<comment>/\*)
    | (?P<string>[eE]'{_ESCAPED}(?:{_GOES_ON}{_ESCAPED})*+|'(?:[^']++|'')*+'|"(?:[^"]++|"")*+")
    | (?P<word>[{_LETTER}][{_LETTER}0-9$]*+)
    | (?P<number>\d[\w.]*+|\$\d++)
    | (?P<dollar>\$(?:[{_LETTER}][{_LETTER}0-9]*+)?\$)
    | (?P<backslash>\\\S*+)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A word, number, string or other character of SQL, without blanks and comments."""

    kind: str
    """The name of the group in `_TOKEN`: "word", "string", "backslash", ..."""
    text: str
    start: int
    """Position of its first character, from 0."""

    @property
    def keyword(self) -> str:
        """The word in lower case, the text of another character; empty for a string or a quoted identifier."""
        # `str.lower` also changes letters that PostgreSQL does not: the Kelvin sign to k.
        if self.kind == "word":
            return self.text.lower() if self.text.isascii() else self.text
        return self.text if self.kind == "other" else ""


@dataclass
class Statement:
    """One statement of a file."""

    tokens: list[Token] = field(default_factory=list[Token])
    """All tokens, those within parentheses and function bodies included, without the semicolon at the end."""
    outer: list[str] = field(default_factory=list[str])
    """Keywords of the tokens outside of parentheses and function bodies."""

    @property
    def start(self) -> int:
        """Position of its first character, from 0."""
        return self.tokens[0].start


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of the text. A string or comment without an end is one token up to the end of the text."""
    position = 0
    while match := _TOKEN.match(sql, position):
        kind, start, position = str(match.lastgroup), position, match.end()
        if kind == "comment":
            position = _end_of_comment(sql, position)
        elif kind == "dollar":
            end = sql.find(match[0], position)
            kind, position = "string", len(sql) if end < 0 else end + len(match[0])
        elif kind == "other" and match[0] in "'\"":
            kind, position = "string", len(sql)
        if kind not in ("blank", "comment"):
            yield Token(kind, sql[start:position], start)


def _end_of_comment(sql: str, position: int) -> int:
    depth = 1
    while depth:
        match = _COMMENT.search(sql, position)
        if match is None:
            return len(sql)
        depth += 1 if match[0] == "/*" else -1
        position = match.end()
    return position


def split(sql: str) -> list[Statement]:
    """The statements of the text, without empty ones: the order and number of the server's results."""
    statements: list[Statement] = []
    splitter = _Splitter()
    for token in tokens(sql):
        if splitter.is_separator(token):
            statements.append(splitter.statement)
            splitter = _Splitter()
        else:
            splitter.add(token)
    return [each for each in (*statements, splitter.statement) if each.tokens]


class _Splitter:
    """Follows one statement to its semicolon: one outside of parentheses and of function bodies."""

    def __init__(self) -> None:
        self.statement = Statement()
        self._parentheses = 0
        # The outer keywords of the statement, then of the statement in its function body, and so on.
        self._open = [self.statement.outer]

    def is_separator(self, token: Token) -> bool:
        return token.keyword == ";" and not self._parentheses and len(self._open) == 1

    def add(self, token: Token) -> None:
        self.statement.tokens.append(token)
        keyword = token.keyword
        if keyword == ")":
            self._parentheses = max(0, self._parentheses - 1)
        elif keyword == "(":
            self._parentheses += 1
        elif not self._parentheses:
            self._add_outer(keyword)

    def _add_outer(self, keyword: str) -> None:
        current = self._open[-1]
        if len(self._open) > 1 and keyword == ";":
            current.clear()
        elif len(self._open) > 1 and keyword == "end" and not current:
            # No statement of a body begins with END. Elsewhere END ends a CASE, or is a name: t.end, 1 as end.
            self._open.pop()
        elif keyword == "atomic" and current[-1:] == ["begin"] and _is_routine(current):
            self._open.append([])
        else:
            current.append(keyword)


def _is_routine(keywords: list[str]) -> bool:
    """Elsewhere BEGIN ATOMIC can be a column and its alias: `select begin atomic from t`."""
    rest = keywords[3:] if keywords[1:3] == ["or", "replace"] else keywords[1:]
    return keywords[0] == "create" and rest[:1] in (["function"], ["procedure"])
