"""Placeholders of SQL: `%(name)s` becomes `$1`, outside of quotes and comments.

PostgreSQL infers the type of a parameter from its context. Where the context has none, or one that depends on the
value, the place of a placeholder decides how its value is sent; this module finds these places once per statement.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class StatementError(Exception):
    """A bug in the program: in a statement, in its parameters, or in the columns and rows that it returned."""


class Placeholders(NamedTuple):
    """A statement with `$1`-style placeholders. All positions count from 0: `$1` is 0."""

    command: bytes
    names: tuple[str, ...] = ()
    """The names of `$1`, `$2` and so on. A name has several numbers if it is used in several of the ways below."""
    null_tests: tuple[int, ...] = ()
    """`%(a)s is null`: has no type of its own, so it is sent as text."""
    any_typed: tuple[int, ...] = ()
    """An argument of a function that accepts every type: needs a type, even for null, a string or an empty list."""
    shallow: tuple[int, ...] = ()
    """Merged into an object without depth, by `||` or `jsonb_populate_record`."""
    products: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Arithmetic of numbers and parameters alone: an upper bound of the numbers, and the positions."""


# Each alternative begins with a literal, so that the search skips to these characters in C (10 times as fast).
_START = re.compile(r"'|\"|\$|%|\(|\)|--|/\*")
_PERCENT = re.compile(r"%(?:\((?P<name>[^\W\d]\w*)\)s|(?P<percent>%)|(?P<bad>.{0,12}))", re.DOTALL)
# The rest is compiled when a statement first needs it, as most have no use for it: at import it took 1 ms.
_DOLLAR = r"(?s)(?<![\w$])\$(?:(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$|(?P<number>\d+))"
# An E'...' string, which may escape a quote by a backslash.
_ESCAPES = r"(?is)(?<=(?<![\w$])e)'(?:[^'\\]|\\.|'')*'"
_STRING = r"'(?:[^']|'')*'"
_COMMENT_MARK = r"/\*|\*/"
_NULL_BEFORE = r"(?i)(?:^|[(,]|\b(?:and|or|not|where|when|on|having|select|case|then|else))\s*$"
_NULL_AFTER = r"(?i)\s+(?:is\s+(?:not\s+)?null|isnull|notnull)\b"
# A sequence of numbers, parameters, arithmetic operators and parentheses; and whether it computes anything.
_ARITHMETIC = r"(?:\$\d+|(?<![\w.$])\d[\d.]*(?![\w$])|[-+*/%()\s])+"
_OPERAND = r"\$(?P<at>\d+)|(?P<number>\d+)[\d.]*"
_COMPUTES = r"[\d.][-+*/%]+[$\d]"
_CALLED = re.compile(r"(\w*)\s*$")
# Functions with arguments of type "any", anyarray or anyelement that have nothing else to infer a type from.
_ANY_TYPED = frozenset(
    (
        *("unnest", "cardinality", "array_length", "array_lower", "array_upper", "array_ndims", "array_dims"),
        *("array_to_string", "array_to_json", "array_reverse", "array_shuffle", "array_sort"),
        *("to_json", "to_jsonb", "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object"),
        *("num_nulls", "num_nonnulls", "pg_typeof", "concat", "concat_ws", "format"),
    )
)
_SHALLOW = frozenset({"jsonb_populate_record", "json_populate_record"})


def parse(text: str) -> Placeholders:
    """Number the placeholders; `StatementError` for one that is malformed, positional or within quotes."""
    if "%" not in text and "$" not in text:
        return Placeholders(text.encode())
    return _Parser(text).parse()


def comment_end(text: str, at: int) -> int:
    """The end of the comment that begins at `at`; comments nest in PostgreSQL."""
    depth = 0
    for mark in re.compile(_COMMENT_MARK).finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._sent: list[str] = []
        # The same without what is in quotes and comments.
        self._bare: list[str] = []
        # Where the open parentheses are.
        self._open: list[int] = []
        self._has_null_test = "null" in text.lower()
        self._numbers: dict[tuple[str, str], int] = {}
        self._shallow: set[int] = set()

    def parse(self) -> Placeholders:
        at = 0
        while start := _START.search(self._text, at):
            self._keep(self._text[at : start.start()])
            at = self._take(start[0], start.start())
        self._keep(self._text[at:])
        uses = list(self._numbers)
        return Placeholders(
            "".join(self._sent).encode(),
            tuple([name for name, _ in uses]),
            tuple([at for at, (_, use) in enumerate(uses) if use == "null"]),
            tuple([at for at, (_, use) in enumerate(uses) if use == "any"]),
            tuple(sorted(self._shallow)),
            tuple(_products("".join(self._bare))),
        )

    def _keep(self, text: str, bare: str | None = None) -> None:
        self._sent.append(text)
        self._bare.append(text if bare is None else bare)

    def _take(self, begins: str, at: int) -> int:
        """Keep or replace what begins here, and return where it ends."""
        match begins:
            case "%":
                return self._take_percent(at)
            case "(":
                self._open.append(at)
            case ")":
                del self._open[-1:]
            case "--" | "/*":
                return self._take_comment(begins, at)
            case _:
                return self._take_quoted(begins, at)
        self._keep(begins)
        return at + 1

    def _take_percent(self, at: int) -> int:
        found = _PERCENT.match(self._text, at)
        assert found is not None
        if found["name"]:
            self._keep(f"${self._number(found)}")
        elif found["percent"]:
            self._keep("%")
        else:
            raise _malformed(found["bad"])
        return found.end()

    def _take_comment(self, begins: str, at: int) -> int:
        if begins == "/*":
            end = comment_end(self._text, at)
        else:
            line = re.compile(r"[^\n\r]*").match(self._text, at)
            end = line.end() if line else at
        self._keep(self._text[at:end], " ")
        return end

    def _take_quoted(self, quote: str, at: int) -> int:
        found = None
        if quote == "$":
            found = re.compile(_DOLLAR).match(self._text, at)
            if found and found["number"]:
                raise StatementError(
                    f"'${found['number']}' is not a valid placeholder. Name parameters, as in %(org_id)s"
                )
        elif quote == "'":
            if self._text[at - 1 : at] in ("e", "E"):
                found = re.compile(_ESCAPES).match(self._text, at)
            found = found or re.compile(_STRING).match(self._text, at)
        else:
            found = re.compile('"[^"]*"').match(self._text, at)
        if found is None:
            self._keep(quote)
            return at + 1
        self._keep(_PERCENT.sub(_unescaped, found[0]) if "%" in found[0] else found[0], "?")
        return found.end()

    def _number(self, token: re.Match[str]) -> int:
        use = self._use(token)
        number = self._numbers.setdefault((token["name"], "" if use == "shallow" else use), len(self._numbers) + 1)
        if use == "shallow":
            self._shallow.add(number - 1)
        return number

    def _use(self, token: re.Match[str]) -> str:
        text, start, end = self._text, token.start(), token.end()
        before, after = text[max(start - 40, 0) : start], text[end : end + 40]
        if self._has_null_test and re.match(_NULL_AFTER, after) and re.search(_NULL_BEFORE, before):
            return "null"
        before, after = before.rstrip(), after.lstrip()
        if before.endswith("||") or after.startswith("||"):
            return "shallow"
        call = self._call()
        if before[-3:].lower() in (" in", "\nin") and call != "position":
            raise StatementError(
                f"write = any(%({token['name']})s) instead of in %({token['name']})s: a list is an array"
            )
        if before.endswith(("(", ",")) and after.startswith((")", ",")):
            return "any" if call in _ANY_TYPED else "shallow" if call in _SHALLOW else ""
        return ""

    def _call(self) -> str:
        """The function whose arguments these are, or another word before the parenthesis."""
        if not self._open:
            return ""
        call = _CALLED.search(self._text, max(self._open[-1] - 40, 0), self._open[-1])
        return call[1].lower() if call else ""


def _unescaped(found: re.Match[str]) -> str:
    if found["percent"]:
        return "%"
    if found["name"]:
        raise StatementError(
            f"the placeholder %({found['name']})s is within quotes, where PostgreSQL has no parameters: "
            f"write it outside, as in 'v' || %({found['name']})s"
        )
    raise _malformed(found["bad"])


def _malformed(bad: str) -> StatementError:
    return StatementError(
        f"'%{bad}' is not a valid placeholder. Name parameters, as in %(org_id)s, and write a percent sign as %%"
    )


def _products(bare: str) -> list[tuple[int, tuple[int, ...]]]:
    """The arithmetic of parameters: PostgreSQL computes it in the types that the parameters are sent with."""
    products: list[tuple[int, tuple[int, ...]]] = []
    if not any(operator in bare for operator in "+-*/%"):
        return products
    for run in re.finditer(_ARITHMETIC, bare):
        if "$" not in run[0] or not re.search(_COMPUTES, re.sub(r"[\s()]", "", run[0])):
            continue
        bound, positions = 1, set[int]()
        for operand in re.finditer(_OPERAND, run[0]):
            if operand["at"]:
                positions.add(int(operand["at"]) - 1)
            else:
                bound *= max(int(operand["number"]), 2)
        products.append((bound, tuple(sorted(positions))))
    return products
