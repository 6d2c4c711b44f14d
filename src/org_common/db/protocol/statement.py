"""SQL text with named placeholders, made ready for the wire once per text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, LiteralString

import orjson
from psycopg import DataError, adapters, sql
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

from org_common.db.protocol.parameter_names import remember
from org_common.values.errors import Unprocessable

# SQL that a person wrote into the program: never a string that was put together at run time.
Text = LiteralString | sql.SQL | sql.Composed
# Anything with attributes named like the placeholders (a model), or a mapping.
Params = Mapping[str, Any] | object | None
# What libpq's PQsendQueryParams takes: command, values, type oids, formats.
Wire = tuple[bytes, list[bytes | None], tuple[int, ...], list[int]]
TEXT_FORMAT = 0


class StatementError(Exception):
    """The text is not one that a handler may send, or its parameters do not fit: a fault of the program."""


class Statement:
    """One text with `$1`-style placeholders, and the names that fill them."""

    __slots__ = ("_formats", "command", "names")

    def __init__(self, command: bytes, names: tuple[str, ...]) -> None:
        self.command: bytes = command
        self.names: tuple[str, ...] = names
        self._formats = [PyFormat.AUTO] * len(names)

    def bind(self, params: Params) -> Wire:
        """Adapt the parameters. Done before anything is sent: a fault here reaches no server.

        `StatementError` when one is missing or of a type that has no PostgreSQL form, `Unprocessable` for text
        that PostgreSQL cannot store (a NUL).
        """
        if not self.names:
            return self.command, [], (), []
        values = [_adaptable(value) for value in given(params, self.names)]
        transformer = Transformer(CONTEXT)
        try:
            # psycopg's Buffer is bytes-like; libpq takes it as it is.
            wired: list[Any] = list(transformer.dump_sequence(values, self._formats))
        except DataError as error:
            raise Unprocessable("A text holds a character that cannot be stored.", code="invalid_text") from error
        except Exception as error:
            raise StatementError(f"a parameter cannot be sent to PostgreSQL: {error}") from error
        return self.command, wired, transformer.types or (), [int(f) for f in transformer.formats or ()]


def given(params: Params, names: Sequence[str]) -> list[Any]:
    """The values of the names; `StatementError` names the first that is missing."""
    get = params.__getitem__ if isinstance(params, Mapping) else params.__getattribute__
    try:
        return [get(name) for name in names]
    except (KeyError, AttributeError) as error:
        missing = error.name if isinstance(error, AttributeError) else error.args[0]
        raise StatementError(f"the statement's parameter %({missing})s was not given") from error


class _Context:
    """psycopg's adapters with JSON by orjson, for values that are adapted away from any connection."""

    adapters: AdaptersMap = AdaptersMap(adapters)
    connection = None


CONTEXT = _Context()
set_json_loads(orjson.loads, CONTEXT)
set_json_dumps(orjson.dumps, CONTEXT)

# The words that a handler's statement may begin with. All that could end or change a unit (COMMIT, SET ROLE, CALL of a
# procedure that commits, DO, COPY, LISTEN ...) begins otherwise; two statements in one text are refused by the server.
_ALLOWED = frozenset({"select", "insert", "update", "delete", "merge", "with", "values", "table"})
# A carriage return ends a comment too: `--\rcommit /*\nselect 1 */` commits.
_BLANK = re.compile(r"[\s(]+|--[^\n\r]*", re.ASCII)
# What it sets with `false` would outlive the unit, and behind a pooler reach others.
_SETTING = re.compile(r"\bset_config\b|\bupdate\b[^;]*\bpg_settings\b|\bu&\"", re.IGNORECASE)
# So would this lock: the next unit of the connection holds it, and does not know.
_LOCK = re.compile(r"\bpg_(?:try_)?advisory_lock(?:_shared)?\b", re.IGNORECASE)
# Anyone may create them, they belong to no tenant, and row-level security does not apply to them.
_LARGE_OBJECT = re.compile(
    r"\b(?:lo_(?:creat|create|from_bytea|import|export|open|put|get|unlink|truncate|truncate64)|loread|lowrite)\b",
    re.IGNORECASE,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_WORD = re.compile(r"[a-z]+", re.IGNORECASE | re.ASCII)
_PLACEHOLDER = re.compile(r"%(?:\((?P<name>[^\W\d]\w*)\)s|(?P<percent>%)|(?P<bad>.{0,12}))", re.DOTALL)


def prepare(text: Text) -> Statement:
    """The statement of a text; `StatementError` when it begins with a word that no handler may send."""
    if isinstance(text, str):
        return _prepare(text)
    return _prepare(text.as_string(None))


def prepare_own(text: LiteralString) -> Statement:
    """The statement of one of the SDK's own texts (BEGIN, COMMIT), to which the rule for handlers does not apply."""
    return _numbered(text)


@lru_cache(maxsize=1024)
def _prepare(text: str) -> Statement:
    start = _skip_blank(text)
    if _SETTING.search(text):
        raise StatementError(
            "a statement may not call set_config() or get around it: role, claims and limits are the SDK's"
        )
    if _LOCK.search(text):
        raise StatementError("a statement may not take a lock that outlives its unit: take pg_advisory_xact_lock()")
    if _LARGE_OBJECT.search(text):
        raise StatementError("a statement may not use large objects: they have no row-level security. Use bytea or S3")
    word = _WORD.match(text, start)
    if word is None or word[0].lower() not in _ALLOWED:
        found = word[0] if word else text[start : start + 12]
        raise StatementError(
            f"a statement may not begin with {found!r}: units are opened, limited and ended by the SDK. "
            f"Allowed are {', '.join(sorted(_ALLOWED))}"
        )
    return _numbered(text)


def _skip_blank(text: str) -> int:
    """Where the first word begins: after white space, parentheses and comments, nested ones too."""
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
        elif text.startswith("/*", at):
            at = comment_end(text, at)
        else:
            return at


def comment_end(text: str, at: int) -> int:
    """Where the comment that begins here ends; PostgreSQL's nest."""
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
                f"'%{found['bad']}' is no placeholder. "
                "Parameters are named, %(org_id)s, and a percent sign is written %%"
            )
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    command = _PLACEHOLDER.sub(number, text).encode()
    remember(command, tuple(names))
    return Statement(command, tuple(names))


def _adaptable(value: object) -> object:
    """A model is one jsonb object, of a patch what was sent; so is a dict."""
    kind = type(value)
    if kind is dict:
        return Jsonb(value)
    as_json = getattr(kind, "__jsonb__", None)
    return value if as_json is None else Jsonb(as_json(value))
