"""The outbox: messages that are sent if, and only if, their transaction was committed.

A `Transaction` inserts them, `org_common.db.relay` delivers them.
"""

from __future__ import annotations

from typing import Any

from org_common.db.protocol.statement import StatementError, Wire, prepare_own

_SEND = prepare_own("select app.send(%(queue)s, %(key)s, %(message)s)")


def outbox_insert(queue: str, message: dict[str, Any], key: str | None) -> Wire:
    """The statement that inserts a message, for the transaction that it belongs to."""
    if not isinstance(message, dict) and not hasattr(message, "__jsonb__"):
        # A string would be parsed as JSON.
        raise StatementError(f"a message is a dict or a model, not a {type(message).__name__}")
    return _SEND.bind({"queue": queue, "key": key, "message": message})
