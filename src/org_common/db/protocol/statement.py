"""SQL with named placeholders, prepared for the wire protocol once per statement."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, LiteralString

from psycopg import sql

from org_common.db.protocol.parameter_names import remember, withhold
from org_common.db.protocol.parameters import (
    CONTEXT,
    TEXT,
    TEXT_ARRAY,
    TEXT_FORMAT,
    Encoded,
    Params,
    encode,
    placeholder_values,
    unsendable,
    widen,
)
from org_common.db.protocol.placeholders import Placeholders, StatementError, comment_end, parse
from org_common.values.errors import Unprocessable

__all__ = [
    "CONTEXT",
    "TEXT_FORMAT",
    "Params",
    "Statement",
    "StatementError",
    "Text",
    "Wire",
    "as_sql",
    "placeholder_values",
    "prepare",
    "prepare_own",
]

# SQL that is written in the program, never a string assembled at run time.
Text = LiteralString | sql.SQL | sql.Composed
# The arguments of libpq's PQsendQueryParams: command, values, type OIDs, formats.
Wire = tuple[bytes, list[bytes | None], tuple[int, ...], list[int]]
# A longer statement is not cached: it holds data.
MAX_CACHED_LENGTH = 20_000


class Statement:
    """One statement with `$1`-style placeholders, and the names of their parameters."""

    __slots__ = ("_placeholders", "command", "names")

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self.command: bytes = placeholders.command
        self.names: tuple[str, ...] = placeholders.names

    def bind(self, params: Params) -> Wire:
        """Adapt the parameters, before anything is sent: an error here never reaches the server.

        Raises `StatementError` for a parameter that is missing or whose type has no PostgreSQL form, `Unprocessable`
        for a string that PostgreSQL cannot store (a NUL).
        """
        if not self.names:
            return self.command, [], (), []
        values = placeholder_values(params, self.names)
        _, _, null_tests, any_typed, shallow, products = self._placeholders
        for at in null_tests:
            values[at] = Encoded(None if values[at] is None else b"", TEXT)
        for bound, positions in products:
            widen(values, bound, positions)
        for at in shallow:
            self._refuse_loss(at, values[at])
        try:
            wired, oids, formats = encode(values)
        except Exception as error:
            raise self._unsendable(values, error) from error
        if any_typed:
            types = list(oids)
            for at in any_typed:
                types[at] = types[at] or _text_type(values[at])
            oids = tuple(types)
        return self.command, wired, oids, formats

    def _unsendable(self, values: list[Any], error: Exception) -> Exception:
        """Name the parameter that cannot be sent."""
        for name, value in zip(self.names, values, strict=True):
            try:
                encode([value])
            except Exception as reason:  # noqa: BLE001  # of any kind: the caller raises it
                if "NUL" in str(reason):
                    return Unprocessable("The text contains an unsupported character (NUL).", code="invalid_text")
                return StatementError(unsendable(name, reason))
        return StatementError(f"the parameters cannot be sent to PostgreSQL: {error}")

    def _refuse_loss(self, at: int, value: object) -> None:
        fields: tuple[str, ...] = getattr(type(value), "__nested_objects__", tuple)()
        if fields:
            raise StatementError(
                f"%({self.names[at]})s would replace the objects in {', '.join(fields)} instead of merging them: "
                f"use app.merge_patch(jsonb_build_object(...), %({self.names[at]})s), which merges in depth"
            )


def _text_type(value: object) -> int:
    """The type of a string, None or an empty list where the context gives it none."""
    return TEXT_ARRAY if isinstance(value, (list, tuple, set, frozenset)) else TEXT


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
# Anyone may create them, they belong to no tenant, and row-level security does not apply to them.
_LARGE_OBJECT = re.compile(
    r"\b(?:lo_(?:creat|create|from_bytea|import|export|open|put|get|unlink|truncate|truncate64)|loread|lowrite)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE | re.ASCII)


def prepare(text: Text) -> Statement:
    """Parse a statement; `StatementError` if it begins with a word that handlers may not use."""
    if isinstance(text, str):
        return _prepare(text) if len(text) <= MAX_CACHED_LENGTH else _parsed(text, text)
    whole, guarded = as_sql(text, data=True), as_sql(text, data=False)
    statement = _prepare_composed(whole, guarded) if len(whole) <= MAX_CACHED_LENGTH else _parsed(whole, guarded)
    if whole != guarded:
        # It holds values, which no log line may show.
        withhold(statement.command)
    return statement


def prepare_own(text: LiteralString) -> Statement:
    """Parse a statement of the SDK itself (BEGIN, COMMIT), without the restrictions for handlers."""
    return _numbered(text)


def as_sql(part: sql.Composable, *, data: bool = True) -> str:
    """Composed SQL as one string, in which only the SQL has placeholders; without the data for the guard."""
    if isinstance(part, sql.Composed):
        return "".join([as_sql(each, data=data) for each in part])
    text = part.as_string(None)
    if isinstance(part, (sql.SQL, sql.Placeholder)):
        return text
    return text.replace("%", "%%") if data or isinstance(part, sql.Identifier) else "''"


def _parsed(text: str, guarded: str) -> Statement:
    _guard(guarded)
    return _numbered(text)


def _numbered(text: str) -> Statement:
    placeholders = parse(text)
    if len(text) <= MAX_CACHED_LENGTH:
        remember(placeholders.command, placeholders.names)
    return Statement(placeholders)


@lru_cache(maxsize=1024)
def _prepare(text: str) -> Statement:
    return _parsed(text, text)


_prepare_composed = lru_cache(maxsize=1024)(_parsed)


def _guard(text: str) -> None:
    start = _skip_blank(text)
    if _SETTING.search(text):
        raise StatementError(
            "a statement may not call set_config() or an equivalent: the SDK sets role, claims and limits"
        )
    if _LOCK.search(text):
        raise StatementError(
            "a statement may not take a lock that outlives its transaction: use pg_advisory_xact_lock()"
        )
    if _LARGE_OBJECT.search(text):
        raise StatementError("a statement may not use large objects: they have no row-level security. Use bytea or S3")
    word = _WORD.match(text, start)
    if word is None or word[0].lower() not in _ALLOWED:
        found = word[0] if word else text[start : start + 12]
        raise StatementError(
            f"a statement may not begin with {found!r}: the SDK opens, limits and ends transactions. "
            f"Allowed are {', '.join(sorted(_ALLOWED))}"
        )


def _skip_blank(text: str) -> int:
    """The position of the first word, after white space, parentheses and (nested) comments."""
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
        elif text.startswith("/*", at):
            at = comment_end(text, at)
        else:
            return at
