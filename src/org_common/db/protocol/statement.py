"""SQL with named placeholders, prepared for the wire protocol once per statement."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, LiteralString

import orjson
from psycopg import DataError, adapters, sql
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

from org_common.values.errors import Unprocessable

# SQL that is written in the program, never a string assembled at run time.
Text = LiteralString | sql.SQL | sql.Composed
# An object with attributes named like the placeholders (a model), or a mapping.
Params = Mapping[str, Any] | object | None
# The arguments of libpq's PQsendQueryParams: command, values, type OIDs, formats.
Wire = tuple[bytes, list[bytes | None], tuple[int, ...], list[int]]
TEXT_FORMAT = 0


class StatementError(Exception):
    """A bug in the program: in a statement, in its parameters, or in the columns and rows that it returned."""


class Statement:
    """One statement with `$1`-style placeholders, and the names of their parameters."""

    __slots__ = ("_formats", "command", "names")

    def __init__(self, command: bytes, names: tuple[str, ...]) -> None:
        self.command = command
        self.names = names
        self._formats = [PyFormat.AUTO] * len(names)

    def bind(self, params: Params) -> Wire:
        """Adapt the parameters, before anything is sent: an error here never reaches the server.

        Raises `StatementError` for a parameter that is missing or whose type has no PostgreSQL form, `Unprocessable`
        for a string that PostgreSQL cannot store (a NUL).
        """
        if not self.names:
            return self.command, [], (), []
        values = [_adaptable(value) for value in placeholder_values(params, self.names)]
        transformer = Transformer(CONTEXT)
        try:
            # psycopg's Buffer is bytes-like; libpq accepts it.
            wired: list[Any] = list(transformer.dump_sequence(values, self._formats))
        except DataError as error:
            raise Unprocessable("The text contains an unsupported character (NUL).", code="invalid_text") from error
        except Exception as error:
            raise StatementError(f"a parameter cannot be sent to PostgreSQL: {error}") from error
        return self.command, wired, transformer.types or (), [int(f) for f in transformer.formats or ()]


def placeholder_values(params: Params, names: Sequence[str]) -> list[Any]:
    """The values of the placeholders; a `StatementError` names the first missing one."""
    get = params.__getitem__ if isinstance(params, Mapping) else params.__getattribute__
    try:
        return [get(name) for name in names]
    except (KeyError, AttributeError) as error:
        missing = error.name if isinstance(error, AttributeError) else error.args[0]
        raise StatementError(f"the parameter %({missing})s of the statement is missing") from error


class _Context:
    """psycopg's adapters with orjson for JSON, for values that are adapted without a connection."""

    adapters = AdaptersMap(adapters)
    connection = None


CONTEXT = _Context()
set_json_loads(orjson.loads, CONTEXT)
set_json_dumps(orjson.dumps, CONTEXT)

# The words that a handler's statement may begin with. Anything that could end or change a transaction (COMMIT, SET
# ROLE, CALL of a procedure that commits, DO, COPY, LISTEN ...) begins with another; the server rejects two statements
# in one.
_ALLOWED = frozenset({"select", "insert", "update", "delete", "merge", "with", "values", "table"})
# A carriage return also ends a comment: `--\rcommit /*\nselect 1 */` commits.
_BLANK = re.compile(r"[\s(]+|--[^\n\r]*", re.ASCII)
# A setting made with `false` would outlive the transaction, and behind a pooler reach other clients.
_SETTING = re.compile(r"\bset_config\b|\bupdate\b[^;]*\bpg_settings\b|\bu&\"", re.IGNORECASE)
# So would this lock: the next transaction of the connection would hold it without knowing.
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_lock(?:_shared)?\b", re.IGNORECASE)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_WORD = re.compile(r"[a-z]+", re.IGNORECASE | re.ASCII)
_PLACEHOLDER = re.compile(r"%(?:\((?P<name>[^\W\d]\w*)\)s|(?P<percent>%)|(?P<bad>.{0,12}))", re.DOTALL)


def prepare(text: Text) -> Statement:
    """Parse a statement; `StatementError` if it begins with a word that handlers may not use."""
    if isinstance(text, str):
        return _prepare(text)
    return _prepare(text.as_string(None))


def prepare_own(text: LiteralString) -> Statement:
    """Parse a statement of the SDK itself (BEGIN, COMMIT), without the restrictions for handlers."""
    return _numbered(text)


@lru_cache(maxsize=1024)
def _prepare(text: str) -> Statement:
    start = _skip_blank(text)
    if _SETTING.search(text):
        raise StatementError(
            "a statement may not call set_config() or an equivalent: the SDK sets role, claims and limits"
        )
    if _LOCK.search(text):
        raise StatementError(
            "a statement may not take a lock that outlives its transaction: use pg_advisory_xact_lock()"
        )
    word = _WORD.match(text, start)
    if word is None or word[0].lower() not in _ALLOWED:
        found = word[0] if word else text[start : start + 12]
        raise StatementError(
            f"a statement may not begin with {found!r}: the SDK opens, limits and ends transactions. "
            f"Allowed are {', '.join(sorted(_ALLOWED))}"
        )
    return _numbered(text)


def _skip_blank(text: str) -> int:
    """The position of the first word, after white space, parentheses and (nested) comments."""
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
        elif text.startswith("/*", at):
            at = _comment_end(text, at)
        else:
            return at


def _comment_end(text: str, at: int) -> int:
    """The end of the comment that begins at `at`; comments nest in PostgreSQL."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def _numbered(text: str) -> Statement:
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found["percent"]:
            return "%"
        name = found["name"]
        if name is None:
            raise StatementError(
                f"'%{found['bad']}' is not a valid placeholder. "
                "Name parameters, as in %(org_id)s, and write a percent sign as %%"
            )
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Statement(_PLACEHOLDER.sub(number, text).encode(), tuple(names))


def _adaptable(value: object) -> object:
    """A model or a dict becomes one jsonb object; of a patch, the fields that were sent."""
    kind = type(value)
    if kind is dict:
        return Jsonb(value)
    as_json = getattr(kind, "__jsonb__", None)
    return value if as_json is None else Jsonb(as_json(value))
