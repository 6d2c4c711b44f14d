"""The outbox: messages that are sent if, and only if, the transaction that they belong to was committed.

A `Transaction` puts them in, `org_common.db.relay` takes them out.
"""

from __future__ import annotations

from typing import Any

from org_common.db.protocol.statement import Wire, prepare_own

_SEND = prepare_own("select app.send(%(queue)s, %(key)s, %(message)s)")


def sending(queue: str, message: dict[str, Any], key: str | None) -> Wire:
    """Puts a message in, within a transaction."""
    return _SEND.bind({"queue": queue, "key": key, "message": message})
