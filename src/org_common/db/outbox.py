"""The outbox: messages that are sent if, and only if, their transaction was committed.

A `Transaction` inserts them, `org_common.db.relay` delivers them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from org_common.db.protocol.statement import Wire, prepare_own

_SEND = prepare_own("select app.send(%(queue)s, %(key)s, %(message)s, %(org_id)s)")


def outbox_insert(queue: str, message: dict[str, Any], key: str | None, org_id: UUID | None = None) -> Wire:
    """The statement that inserts a message, for the transaction that it belongs to."""
    return _SEND.bind({"queue": queue, "key": key, "message": message, "org_id": org_id})
