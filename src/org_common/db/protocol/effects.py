"""Effects of a statement: the rows that it changed, and notifications, which READ ONLY does not prevent."""

from __future__ import annotations

import re
from functools import lru_cache

from psycopg.pq.abc import PGresult

# The command tags that count changed rows. That of SELECT counts rows returned.
_WRITES = frozenset({b"INSERT", b"UPDATE", b"DELETE", b"MERGE"})
# Compiled when a statement first needs them (`re` keeps what it compiled): at import they took 0.5 ms.
_WRITE_WORD = rb"(?i)\b(?:insert|update|delete|merge)\b"
# These take effect in a READ ONLY transaction too: sent again after a lost connection, they would take effect twice.
_EMITS = rb"(?is)\b(pg_notify|pg_logical_emit_message)\"?(?:\s|/\*.*?\*/|--[^\n\r]*)*\("
# A call of a function outside the schemas of the server and of the SDK, such as `shop.announce(`.
_NAME = rb"(?:[\w$]+|\"[^\"]+\")"
_OWN_CALL = rb"(?i)(?<![\w$.\"])(?<!into\s)(?!(?:pg_catalog|app|auth)\s*\.)" + _NAME + rb"\s*\.\s*" + _NAME + rb"\s*\("
_ANY_CALL = rb"[\w$\"]\s*\("


def changed_rows(result: PGresult) -> int | None:
    """How many rows a statement changed, None when its result does not say so.

    The number of a SELECT is that of rows returned, even if a WITH in front of it writes.
    """
    word = (result.command_status or b"").partition(b" ")[0]
    return result.command_tuples if word in _WRITES else None


def may_write(command: bytes) -> bool:
    """True when a statement writes, unless the word is a part of something else."""
    return re.search(_WRITE_WORD, command) is not None


@lru_cache(maxsize=1024)
def emitted_by(command: bytes) -> str | None:
    """The function of a statement that takes effect in a READ ONLY transaction too: `pg_notify`; else None."""
    found = re.search(_EMITS, command)
    return found[1].decode().lower() if found else None


@lru_cache(maxsize=1024)
def may_notify(command: bytes, *, has_search_path: bool) -> bool:
    """True when a statement calls pg_notify(), or a function of the project, which may do so.

    With a `search_path` of the project such a function needs no schema, so that any call may be one.
    """
    call = _ANY_CALL if has_search_path else _OWN_CALL
    return re.search(_EMITS, command) is not None or re.search(call, command) is not None
