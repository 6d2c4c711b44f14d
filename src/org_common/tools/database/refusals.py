"""Lists and clears the messages that consumers refused: triggers, on their side of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from org_common.tools.database.relay import refuse_unknown, reporting_errors
from org_common.tools.database.schema import session


@dataclass(frozen=True)
class ConsumerRefusal:
    """Records of one message that a consumer refused with one code, and has not handled since."""

    consumer: str
    """The name of the app, and the trigger: "imports SQS imports"."""
    id: int
    """The number of the message in the outbox; 0 for records that name none of its messages."""
    code: str
    """The code of the error: `not_found`, `changed_message`, ..."""
    reason: str
    """What the log says of the latest attempt."""
    record_id: str
    """The id of the latest record, as in its log line."""
    attempts: int
    """How often it was refused."""
    first_refused_at: datetime
    refused_at: datetime
    """The latest time."""


_REFUSALS: LiteralString = """
select r.consumer, r.message_id as id, r.code, r.reason, r.record_id, r.attempts, r.first_refused_at, r.refused_at
from app.refused_messages r
where not exists (
  select from app.consumed_messages c
  where c.consumer = r.consumer and c.message_id = 'outbox/' || r.message_id and c.consumed_at >= r.refused_at
)
order by r.refused_at desc
"""
_FORGET: LiteralString = """
delete from app.refused_messages where %(ids)s::bigint[] is null or message_id = any(%(ids)s) returning message_id
"""


def list_refusals(url: str) -> list[ConsumerRefusal]:
    """What consumers refused and have not handled since, the latest first."""
    with (
        reporting_errors(url),
        session(url, "outbox") as conn,
        conn.cursor(row_factory=class_row(ConsumerRefusal)) as cursor,
    ):
        return cursor.execute(_REFUSALS).fetchall()


def forget(url: str, ids: Sequence[int] | None) -> int:
    """Clear the refusals of these messages, or all for None. Returns how many.

    Raises `ToolError`, and changes nothing, if no consumer refused one of them.
    """
    with reporting_errors(url), session(url, "outbox") as conn, conn.transaction():
        found = [id for (id,) in conn.execute(_FORGET, {"ids": None if ids is None else list(ids)})]
        refuse_unknown(ids or (), found, "message that a consumer refused")
    return len(found)
