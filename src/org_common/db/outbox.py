"""The outbox: messages that are sent if, and only if, their transaction was committed.

A `Transaction` inserts them, `org_common.db.relay` delivers them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from org_common.db.protocol.statement import Wire, prepare_own
from org_common.telemetry.trace import trace_headers
from org_common.telemetry.trace_context import TRACEPARENT

# What SQS takes (1 MiB since 2025-08, attributes included), without the room for the relay's attributes. EventBridge
# takes as much.
MAX_BYTES = 1_048_576 - 1_024

_SEND = prepare_own("select app.send(%(queue)s, %(key)s, %(message)s, %(org_id)s, %(traceparent)s)")
_MESSAGE = _SEND.names.index("message")


def outbox_insert(queue: str, message: dict[str, Any], key: str | None, org_id: UUID | None = None) -> Wire:
    """The statement that inserts a message, with the trace of the request, for the transaction that it belongs to.

    Raises `ValueError` for a message that no queue would accept.
    """
    traceparent = trace_headers().get(TRACEPARENT)
    wire = _SEND.bind({"queue": queue, "key": key, "message": message, "org_id": org_id, "traceparent": traceparent})
    size = len(wire[1][_MESSAGE] or b"")
    if size > MAX_BYTES:
        raise ValueError(
            f"the message for the queue {queue} takes {size:,} bytes as JSON, at most {MAX_BYTES:,} are allowed: "
            "store its content, for example in S3, and send the key"
        )
    return wire
